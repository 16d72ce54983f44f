/* A payload that came through a hub. What is understood can be written, and then read again. */
#include "message/signal.h"

#include "message/json.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *payload, *again;
	struct signal s, t;
	if (json_parse_object(bytes_of(data, size), 65536, &payload) != ERR_OK)
		return 0;
	if (signal_parse(payload, &s, NULL) == ERR_OK) {
		CHECK(signal_encode(&s, &again) == ERR_OK);
		CHECK(signal_parse(again, &t, NULL) == ERR_OK);
		CHECK(t.type == s.type);
		CHECK(t.has_identity == s.has_identity);
		signal_deinit(&t);
		json_decref(again);
		signal_deinit(&s);
	}
	json_decref(payload);
	return 0;
}
