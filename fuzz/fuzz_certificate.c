/* A certificate from anywhere, PEM or DER. What is read must read the same again, and pass or fail
 * the checks without harm. */
#include "crypto/certificate.h"

#include "fuzz.h"

#define UNIX_TIME INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct certificate *c, *again;
	if (certificate_parse(bytes_of(data, size), &c) != ERR_OK)
		return 0;
	const struct certificate_info *info = certificate_info(c);
	CHECK(node_id_matches_pin(info->node_id, &info->pin));
	const char *reason;
	enum err err = certificate_check(c, UNIX_TIME, NULL, &reason);
	CHECK((err == ERR_OK) == (reason[0] == '\0'));
	CHECK(certificate_verify(c, "context", bytes_of_text("x"), bytes_of_text("y")) != ERR_OK);
	if (certificate_der(c).size <= CERTIFICATE_SIZE_MAX) {
		CHECK(certificate_parse(certificate_der(c), &again) == ERR_OK);
		CHECK(node_pin_equal(&certificate_info(again)->pin, &info->pin));
		certificate_destroy(again);
	}
	certificate_destroy(c);
	return 0;
}
