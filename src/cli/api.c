/* Requests to the running node. */
#include "cli/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/percent.h"
#include "base/text.h"
#include "cli/field.h"
#include "cli/output.h"
#include "message/json.h"
#include "web/http_client.h"
#include "web/url.h"

#define API_ANSWER_MAX (64 * 1024 * 1024) /* ours to trust: a list of all contacts fits */
#define API_TIMEOUT_MS 30000

/* Why the socket cannot be reached. */
static void problem_unreachable(const struct cli *cli, char *problem)
{
	char key[CLI_PATH_MAX];
	if (cli_path(cli, "node.key", key) && access(key, F_OK) != 0)
		snprintf(problem, CLI_PROBLEM_MAX,
			"there is no node in '%.300s': make one with 'dpc init'", cli->home);
	else
		snprintf(problem, CLI_PROBLEM_MAX,
			"no node is running in '%.300s': start it with 'dpc up'", cli->home);
}

void api_problem(const struct cli *cli, const struct http_answer *answer, char *problem)
{
	json_t *body = NULL, *error = NULL;
	const char *message = NULL;
	if (answer->err == ERR_UNREACHABLE) {
		problem_unreachable(cli, problem);
		return;
	}
	if (answer->err == ERR_TIMEOUT) {
		snprintf(problem, CLI_PROBLEM_MAX, "the node did not answer in time; try again");
		return;
	}
	if (answer->err != ERR_OK) {
		snprintf(problem, CLI_PROBLEM_MAX, "the node broke off: %.200s; look at its log",
			*answer->reason ? answer->reason : err_text(answer->err));
		return;
	}
	if (json_parse_object(answer->body, API_ANSWER_MAX, &body) == ERR_OK &&
		json_get_object(body, "error", &error) == ERR_OK)
		message = field_text(error, "message");
	if (message && *message)
		text_safe(message, problem, CLI_PROBLEM_MAX);
	else
		snprintf(problem, CLI_PROBLEM_MAX,
			"the node answered with status %d; look at its log", answer->status);
	json_decref(body);
}

bool api_read(
	const struct cli *cli, const struct http_answer *answer, json_t **ret_object, char *problem)
{
	*ret_object = NULL;
	if (answer->err != ERR_OK || answer->status >= 300) {
		api_problem(cli, answer, problem);
		return false;
	}
	if (answer->body.size == 0 ||
		json_parse_object(answer->body, API_ANSWER_MAX, ret_object) == ERR_OK)
		return true;
	snprintf(problem, CLI_PROBLEM_MAX,
		"the node's answer cannot be read; is it another version?");
	return false;
}

static int finish(const struct cli *cli, const struct http_answer *answer, json_t **ret_answer)
{
	char problem[CLI_PROBLEM_MAX];
	json_t *object = NULL;
	if (!api_read(cli, answer, &object, problem))
		return cli_fail("%s", problem);
	if (ret_answer)
		*ret_answer = object;
	else
		json_decref(object);
	return CLI_DONE;
}

int api_call_init(struct api_call *call, const struct cli *cli, const struct api_request *request)
{
	bool has_body = request->body != NULL;
	*call = (struct api_call){.body = json_take_text(request->body)};
	if (has_body && !call->body)
		return cli_fail("out of memory");
	if (!cli_path(cli, "control.sock", call->socket) ||
		strlen(call->socket) >= CLI_SOCKET_PATH_MAX) {
		api_call_deinit(call);
		return cli_fail("the path of '%s/control.sock' is too long: choose a shorter home "
				"with --home",
			cli->home);
	}
	snprintf(call->url, sizeof(call->url), "http://dpc/api/v1%s", request->path);
	call->ask = (struct http_ask){
		.method = request->method,
		.url = call->url,
		.unix_path = call->socket,
		.body = call->body ? bytes_of_text(call->body) : (struct bytes){0},
		.timeout_ms = request->timeout_ms > 0 || request->line ? request->timeout_ms
								       : API_TIMEOUT_MS,
		.answer_max = API_ANSWER_MAX,
	};
	return CLI_DONE;
}

void api_call_deinit(struct api_call *call)
{
	free(call->body);
	call->body = NULL;
}

int api_ask(const struct cli *cli, const struct api_request *request, json_t **ret_answer)
{
	struct buffer storage = {0};
	struct http_answer answer = {0};
	struct api_call call;
	int status = api_call_init(&call, cli, request);
	if (status != CLI_DONE)
		return status;
	if (http_ask_now(&call.ask, request->line, request->user, &storage, &answer) ==
			ERR_CLOSED &&
		request->line)
		answer = (struct http_answer){
			.status = 200, .reason = "", .redirect = ""}; /* line() ended it */
	if (request->absent && answer.err == ERR_UNREACHABLE) {
		*request->absent = true;
		status = CLI_FAILED;
	} else {
		status = finish(cli, &answer, ret_answer);
	}
	buffer_deinit(&storage);
	api_call_deinit(&call);
	return status;
}

int api_post_peer(const struct cli *cli, const char *path, const char *peer, json_t **ret_answer)
{
	struct api_request request = {.path = path, .body = json_pack("{s:s}", "peer", peer)};
	if (!request.body)
		return cli_fail("out of memory");
	return api_ask(cli, &request, ret_answer);
}

bool api_path_add(char *path, const char *text)
{
	struct writer w = writer_of(path, CLI_API_PATH_MAX - 1);
	w.size = strlen(path);
	write_text(&w, text);
	path[w.size] = 0;
	return !w.failed;
}

bool api_path_add_encoded(char *path, const char *part)
{
	struct writer w = writer_of(path, CLI_API_PATH_MAX - 1);
	w.size = strlen(path);
	percent_encode(&w, part);
	path[w.size] = 0;
	return !w.failed;
}
