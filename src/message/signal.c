#include "message/signal.h"

#include <assert.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/fields.h"
#include "message/message.h"

static_assert(MESSAGE_ID_MAX <= ASSERTION_SESSION_ID_MAX, "a session id can be signed");

/* "AB:CD:…" of a SHA-256. */
#define FINGERPRINT_TEXT_SIZE (SHA256_SIZE * 3 - 1)
/* Unix seconds that a double holds exactly. */
#define EXPIRY_MAX (INT64_C(1) << 53)

static const char *const names[SIGNAL_TYPE_COUNT] = {
	[SIGNAL_OFFER] = "offer",
	[SIGNAL_ANSWER] = "answer",
	[SIGNAL_CANDIDATE] = "ice-candidate",
	[SIGNAL_RESTART] = "restart",
	[SIGNAL_RESTART_ANSWER] = "restart-answer",
	[SIGNAL_BYE] = "bye",
};

const char *signal_type_name(enum signal_type type)
{
	CHECK(type < SIGNAL_TYPE_COUNT);
	return names[type];
}

static const char *read_node_id(struct fields_in *in, const char *key)
{
	const char *node_id = fields_text(in, key, NODE_ID_MAX);
	if (!node_id_is_valid(node_id))
		fields_fail(in, key);
	return node_id;
}

static void read_signature(struct fields_in *in, struct signal_identity *identity)
{
	const char *text = fields_text_not_empty(in, "signature", 2 * IDENTITY_SIGNATURE_MAX);
	if (!base64_decode(bytes_of_text(text), identity->signature, sizeof identity->signature,
		    &identity->signature_size) ||
		identity->signature_size == 0)
		fields_fail(in, "signature");
}

enum assertion_type signal_assertion_type(enum signal_type type)
{
	switch (type) {
	case SIGNAL_OFFER:
		return ASSERTION_OFFER;
	case SIGNAL_ANSWER:
		return ASSERTION_ANSWER;
	case SIGNAL_RESTART:
		return ASSERTION_RESTART;
	case SIGNAL_RESTART_ANSWER:
		return ASSERTION_RESTART_ANSWER;
	case SIGNAL_NONE:
	case SIGNAL_CANDIDATE:
	case SIGNAL_BYE:
	case SIGNAL_TYPE_COUNT:
		break;
	}
	UNREACHABLE();
}

static void read_identity(struct fields_in *in, struct signal *s)
{
	if (!fields_any(in, "identity"))
		return;
	struct fields_in fields = {.object = fields_object(in, "identity")};
	if (!fields.object)
		return;
	struct assertion *a = &s->identity.assertion;
	a->type = signal_assertion_type(s->type);
	a->session_id = s->session_id;
	a->sender = read_node_id(&fields, "sender");
	a->target = read_node_id(&fields, "target");
	a->fingerprint = fields_text(&fields, "fingerprint", FINGERPRINT_TEXT_SIZE);
	if (strlen(a->fingerprint) != FINGERPRINT_TEXT_SIZE)
		fields_fail(&fields, "fingerprint");
	a->expiry = fields_integer_or(&fields, "expiry", 0, EXPIRY_MAX, -1);
	if (a->expiry < 0)
		fields_fail(&fields, "expiry");
	if (s->type == SIGNAL_ANSWER &&
		!hex_decode(fields_text(&fields, "offer_hash", 2 * SHA256_SIZE), a->sdp_hash,
			SHA256_SIZE))
		fields_fail(&fields, "offer_hash");
	s->identity.certificate =
		fields_text_not_empty(&fields, "certificate", CERTIFICATE_SIZE_MAX);
	read_signature(&fields, &s->identity);
	s->has_identity = true;
	/* What is signed names the session. */
	if (!s->session_id)
		fields_fail(in, "session_id");
	if (fields.wrong)
		fields_fail(in, fields.wrong);
}

static void read_description(struct fields_in *in, struct signal *s)
{
	const char *name = names[s->type];
	struct fields_in description = {.object = fields_object(in, name)};
	s->sdp = fields_text_not_empty(&description, "sdp", SIGNAL_SDP_MAX);
	if (strcmp(fields_text_or(&description, "type", 16, name), name) != 0)
		fields_fail(&description, "type");
	if (description.wrong)
		fields_fail(in, description.wrong);
	read_identity(in, s);
}

static void read_candidate(struct fields_in *in, struct signal *s)
{
	struct fields_in candidate = {.object = fields_object(in, "candidate")};
	s->candidate = fields_text(&candidate, "candidate", SIGNAL_CANDIDATE_MAX);
	s->sdp_mid = fields_text_or(&candidate, "sdpMid", MESSAGE_ID_MAX, NULL);
	s->sdp_mline_index =
		(int)fields_integer_or(&candidate, "sdpMLineIndex", 0, SIGNAL_MLINE_MAX, -1);
	if (candidate.wrong)
		fields_fail(in, candidate.wrong);
}

static void read_signal(struct fields_in *in, struct signal *s)
{
	s->session_id = fields_id_or(in, "session_id", NULL);
	switch (s->type) {
	case SIGNAL_OFFER:
	case SIGNAL_ANSWER:
	case SIGNAL_RESTART:
	case SIGNAL_RESTART_ANSWER:
		read_description(in, s);
		break;
	case SIGNAL_CANDIDATE:
		read_candidate(in, s);
		break;
	case SIGNAL_BYE:
		s->reason = fields_text_or(in, "reason", SIGNAL_REASON_MAX, "");
		break;
	case SIGNAL_NONE:
	case SIGNAL_TYPE_COUNT:
		UNREACHABLE();
	}
}

enum err signal_parse(json_t *payload, struct signal *ret_signal, const char **ret_field)
{
	struct signal s = {.sdp_mline_index = -1};
	struct fields_in in = {.object = payload};
	const char *name = fields_text(&in, "type", MESSAGE_SIZE_MAX);
	for (unsigned i = SIGNAL_NONE + 1; i < SIGNAL_TYPE_COUNT && !in.wrong; i++) {
		if (strcmp(names[i], name) == 0)
			s.type = i;
	}
	if (!in.wrong && s.type == SIGNAL_NONE)
		return ERR_UNSUPPORTED;
	if (!in.wrong)
		read_signal(&in, &s);
	if (in.wrong) {
		if (ret_field)
			*ret_field = in.wrong;
		return ERR_MALFORMED;
	}
	s.root = json_incref(payload);
	*ret_signal = s;
	return ERR_OK;
}

static void write_identity(struct fields_out *out, const struct signal *s)
{
	const struct signal_identity *identity = &s->identity;
	const struct assertion *a = &identity->assertion;
	struct fields_out fields = fields_new();
	char *signature = base64_encode(bytes_of(identity->signature, identity->signature_size));
	char hash[2 * SHA256_SIZE + 1];
	hex_encode(bytes_of(a->sdp_hash, SHA256_SIZE), hash);
	fields_put_text(&fields, "certificate", identity->certificate);
	fields_put_text(&fields, "signature", signature);
	fields_put_text(&fields, "sender", a->sender);
	fields_put_text(&fields, "target", a->target);
	fields_put_text(&fields, "fingerprint", a->fingerprint);
	fields_put(&fields, "expiry", json_integer(a->expiry));
	if (s->type == SIGNAL_ANSWER)
		fields_put_text(&fields, "offer_hash", hash);
	free(signature);
	fields_put(out, "identity", fields.object);
	out->failed |= fields.failed;
}

static void write_description(struct fields_out *out, const struct signal *s)
{
	struct fields_out description = fields_new();
	fields_put_text(&description, "type", names[s->type]);
	fields_put_text(&description, "sdp", s->sdp);
	fields_put(out, names[s->type], description.object);
	out->failed |= description.failed;
	if (s->has_identity)
		write_identity(out, s);
}

static void write_candidate(struct fields_out *out, const struct signal *s)
{
	struct fields_out candidate = fields_new();
	fields_put_text(&candidate, "candidate", s->candidate);
	fields_put_text(&candidate, "sdpMid", s->sdp_mid);
	if (s->sdp_mline_index >= 0)
		fields_put(&candidate, "sdpMLineIndex", json_integer(s->sdp_mline_index));
	fields_put(out, "candidate", candidate.object);
	out->failed |= candidate.failed;
}

enum err signal_encode(const struct signal *signal, json_t **ret_payload)
{
	CHECK(signal->type != SIGNAL_NONE);
	CHECK(signal->type < SIGNAL_TYPE_COUNT);
	struct fields_out out = fields_new();
	fields_put_text(&out, "type", names[signal->type]);
	if (out.failed) {
		json_decref(out.object);
		return ERR_NOMEM;
	}
	if (signal->type == SIGNAL_CANDIDATE)
		write_candidate(&out, signal);
	else if (signal->type == SIGNAL_BYE)
		fields_put_text(&out, "reason", signal->reason ? signal->reason : "");
	else
		write_description(&out, signal);
	fields_put_text(&out, "session_id", signal->session_id);
	/* The rules are those of reading. */
	struct signal check = {0};
	enum err err = out.failed ? ERR_MALFORMED : signal_parse(out.object, &check, NULL);
	signal_deinit(&check);
	if (err) {
		json_decref(out.object);
		return err;
	}
	*ret_payload = out.object;
	return ERR_OK;
}

void signal_deinit(struct signal *signal)
{
	json_decref(signal->root);
	*signal = (struct signal){0};
}
