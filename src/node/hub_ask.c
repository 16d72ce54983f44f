#include "node/hub_ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/proof.h"
#include "message/json.h"
#include "node/internal.h"
#include "node/limits.h"

enum err hub_ask(struct node *node, const struct hub_question *question,
	void (*done)(const struct http_answer *answer, void *user), void *user,
	struct http_request **ret_request)
{
	char *url = text_format("%s%s", question->hub, question->path);
	bool has_body = question->body != NULL;
	usec timeout = question->timeout ? question->timeout : NODE_HUB_HTTP_TIMEOUT;
	char *text = json_take_text(question->body);
	struct http_ask ask = {.method = question->method,
		.url = url,
		.bearer = question->bearer,
		.authorities = config_hub_authorities(&node->config),
		.body = text ? bytes_of_text(text) : (struct bytes){0},
		.timeout_ms = (unsigned)(timeout / USEC_PER_MS),
		.answer_max = question->answer_max ? question->answer_max : NODE_HUB_ANSWER_MAX};
	enum err err = ERR_NOMEM;
	if (url && (text || !has_body))
		err = http_client_start(node->http, &ask, NULL, done, user, ret_request);
	free(url);
	if (text)
		secret_cleanse(text, strlen(text));
	free(text);
	return err;
}

json_t *hub_ask_challenge_body(const struct node *node, const char *purpose)
{
	return json_pack("{s:s, s:s}", "node_id", node->id, "purpose", purpose);
}

enum err hub_ask_challenge_read(const json_t *body, const char **ret_challenge)
{
	return json_get_text(body, "challenge", PROOF_CHALLENGE_MAX, ret_challenge);
}

char *hub_ask_prove(
	const struct node *node, const char *hub, const char *purpose, const char *challenge)
{
	uint8_t signature[IDENTITY_SIGNATURE_MAX];
	size_t size;
	struct proof proof = {.purpose = purpose,
		.hub = hub,
		.node_id = node->id,
		.challenge = bytes_of_text(challenge)};
	if (proof_make(node->identity, &proof, signature, &size) != ERR_OK)
		return NULL;
	return base64_encode(bytes_of(signature, size));
}

json_t *hub_ask_proof(const struct node *node, const char *hub, const char *challenge)
{
	char *signature = hub_ask_prove(node, hub, PROOF_PURPOSE_LOGIN, challenge);
	const struct certificate *certificate = identity_certificate(node->identity);
	json_t *body = json_pack("{s:s, s:s, s:s, s:s?}", "node_id", node->id, "certificate",
		certificate_pem(certificate), "challenge", challenge, "signature", signature);
	free(signature);
	return body;
}

void hub_ask_reason(const struct http_answer *answer, char *text, size_t size)
{
	json_t *body = NULL, *error;
	const char *message = "";
	if (answer->err) {
		snprintf(text, size, "%s",
			answer->reason[0] ? answer->reason : err_text(answer->err));
		return;
	}
	if (json_parse_object(answer->body, NODE_HUB_ANSWER_MAX, &body) == ERR_OK &&
		json_get_object(body, "error", &error) == ERR_OK &&
		json_get_text_if(error, "message", MESSAGE_ERROR_TEXT_MAX, &message) != ERR_OK)
		message = "";
	snprintf(text, size, "%.*s%sstatus %d", (int)(size / 2), message, message[0] ? ", " : "",
		answer->status);
	json_decref(body);
}

void hub_ask_explain(const char *hub, const struct http_answer *answer, struct failure *failure)
{
	char reason[2 * MESSAGE_ERROR_TEXT_MAX];
	hub_ask_reason(answer, reason, sizeof reason);
	if (answer->err)
		failure_set(failure, FAILURE_HUB,
			"cannot reach hub '%s': %s; check the address, or start it", hub, reason);
	else
		failure_set(failure, FAILURE_HUB, "hub '%s' refuses the login: %s", hub, reason);
}
