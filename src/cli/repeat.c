#include "cli/repeat.h"

#include "net/loop.h"

struct run {
	const struct repeat *repeat;
	struct net_loop *loop;
	struct http_client *client;
	struct http_request *request;
	struct net_timer timer;
	usec asked_at;
	int status;
};

static void end(struct run *run, int status)
{
	run->status = status;
	net_loop_stop(run->loop);
}

static void on_answer(const struct http_answer *answer, void *user)
{
	struct run *run = user;
	const struct repeat *repeat = run->repeat;
	char problem[CLI_PROBLEM_MAX] = "";
	json_t *object = NULL;
	run->request = NULL;
	bool read = api_read(repeat->cli, answer, &object, problem);
	usec wait = repeat->answered(read ? object : NULL,
		answer->err == ERR_OK ? answer->status : 0, problem, repeat->user);
	json_decref(object);
	if (wait == REPEAT_END)
		end(run, CLI_DONE);
	else
		net_timer_set(&run->timer, run->asked_at + wait);
}

static void ask(void *user)
{
	struct run *run = user;
	const struct repeat *repeat = run->repeat;
	struct api_request request = repeat->ask(repeat->user);
	struct api_call call;
	int status = api_call_init(&call, repeat->cli, &request);
	if (status != CLI_DONE) {
		end(run, status);
		return;
	}
	run->asked_at = net_now();
	enum err err =
		http_client_start(run->client, &call.ask, NULL, on_answer, run, &run->request);
	api_call_deinit(&call);
	if (err)
		end(run, cli_fail("cannot ask the node: %s", err_text(err)));
}

static void on_signal(int signal, void *user)
{
	(void)signal;
	end(user, CLI_DONE);
}

int repeat_run(const struct repeat *repeat)
{
	struct run run = {.repeat = repeat, .status = CLI_DONE};
	enum err err = net_loop_create(&run.loop);
	if (!err)
		err = http_client_create(run.loop, &run.client);
	if (!err)
		err = net_timer_init(&run.timer, run.loop, ask, &run);
	if (!err)
		err = net_loop_on_signal(run.loop, on_signal, &run);
	if (!err) {
		net_timer_set(&run.timer, net_now());
		net_loop_run(run.loop);
	}
	http_request_cancel(run.request);
	net_timer_deinit(&run.timer);
	http_client_destroy(run.client);
	net_loop_destroy(run.loop);
	return err ? cli_fail("cannot start: %s", err_text(err)) : run.status;
}
