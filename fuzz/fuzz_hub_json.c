/* What clients send the hub as JSON: frames of the signalling socket, and the bodies of login and
 * registration. What is relayed is JSON again, says who sent it as the hub does, and carries the
 * payload unchanged. */
#include "hub/limits.h"
#include "hub/possession.h"
#include "hub/relay.h"
#include "message/json.h"

#include "fuzz.h"

#define SENDER "dpc-node-0123456789abcdef"

static void check_relayed(struct bytes text, struct bytes relayed)
{
	json_t *before, *after;
	const char *sender;
	CHECK(json_parse_object(text, RELAY_SIZE_MAX, &before) == ERR_OK);
	CHECK(json_parse_object(relayed, RELAY_SIZE_MAX + 256, &after) == ERR_OK);
	CHECK(json_get_text(after, "sender_node_id", 64, &sender) == ERR_OK);
	CHECK(strcmp(sender, SENDER) == 0);
	/* A key with escapes is not passed on, and this one may have been written so. */
	json_t *payload = json_object_get(after, "payload");
	CHECK(!payload || json_equal(payload, json_object_get(before, "payload")));
	json_decref(before);
	json_decref(after);
}

static void fuzz_frame(struct bytes text)
{
	struct relay_frame frame;
	const char *code = NULL, *message = NULL;
	struct buffer out = buffer_with_max(RELAY_SIZE_MAX + 256);
	if (relay_parse(text, &frame, &code, &message) != ERR_OK) {
		CHECK(code != NULL);
		CHECK(message != NULL);
		return;
	}
	json_t *pong;
	switch (frame.kind) {
	case RELAY_SIGNAL:
		CHECK(relay_write(&frame, SENDER, &out) == ERR_OK);
		check_relayed(text, buffer_bytes(&out));
		break;
	case RELAY_PING:
		CHECK(relay_write_pong(&frame, &out) == ERR_OK);
		CHECK(json_parse_object(buffer_bytes(&out), RELAY_SIZE_MAX, &pong) == ERR_OK);
		json_decref(pong);
		break;
	}
	buffer_deinit(&out);
}

/* What the quick look is sure of, the parser takes, and finds the same in it. */
static void fuzz_scan(struct bytes text)
{
	struct json_scan scan;
	json_t *object;
	if (!json_scan(text, &scan))
		return;
	CHECK(json_parse_object(text, SIZE_MAX, &object) == ERR_OK);
	CHECK(json_object_size(object) == scan.count);
	for (size_t i = 0; i < scan.count; i++) {
		const struct json_member *member = &scan.members[i];
		json_error_t error;
		json_t *value = json_loadb((const char *)member->value.data, member->value.size,
			JSON_DECODE_ANY, &error);
		json_t *wanted =
			json_object_getn(object, (const char *)member->key.data, member->key.size);
		CHECK(value);
		CHECK(json_equal(value, wanted));
		json_decref(value);
	}
	json_decref(object);
}

/* Up to the checks of the certificate and the challenge: nobody guesses a MAC. */
static void fuzz_body(const struct possession *possession)
{
	struct rng rng = rng_seeded(1);
	struct challenges challenges = {.key = {1}, .rng = &rng};
	struct certificate *certificate;
	static const char *const origins[] = {"http://127.0.0.1:8080"};
	CHECK(possession_check(possession, PROOF_PURPOSE_REGISTER, &challenges, origins, 1,
		      INT64_C(1800000000), &certificate) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes text = bytes_of(data, size);
	struct possession possession;
	fuzz_frame(text);
	fuzz_scan(text);
	if (possession_parse_login(text, &possession) == ERR_OK) {
		fuzz_body(&possession);
		possession_deinit(&possession);
	}
	if (possession_parse_registration(text, &possession) == ERR_OK) {
		fuzz_body(&possession);
		possession_deinit(&possession);
	}
	return 0;
}
