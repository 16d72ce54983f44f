#include "node/ai_owner.h"

#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "message/turns.h"
#include "node/internal.h"
#include "node/session.h"

static enum access_action ask_rules(struct session *session, const char *model)
{
	struct node *node = session->node;
	struct store_contact contact;
	node_reload_files(node);
	if (session_contact(session, &contact) != ERR_OK)
		return ACCESS_DENY;
	struct access_peer peer = {
		.node_id = session->id, .name = contact.name, .verified = contact.verified};
	return access_decide_model(node->access, &peer, model);
}

bool ai_owner_knows(struct session *session, const char *model)
{
	return ask_rules(session, model) != ACCESS_DENY;
}

/* ---- Hours and amounts ---- */

/* The time of this place: minutes since midnight, and when that was. */
static unsigned minute_of_day(double now, double *ret_midnight)
{
	time_t seconds = (time_t)now;
	struct tm local = {0};
	if (!localtime_r(&seconds, &local))
		return 0;
	unsigned minute = (unsigned)(local.tm_hour * 60 + local.tm_min);
	local.tm_hour = local.tm_min = local.tm_sec = 0;
	local.tm_isdst = -1;
	*ret_midnight = (double)mktime(&local);
	return minute;
}

static bool has_used_up(struct session *session, double midnight, struct failure *failure)
{
	struct node *node = session->node;
	const struct config *config = &node->config;
	int64_t queries = 0, tokens = 0;
	if (config->ai_requests_per_day == 0 && config->ai_tokens_per_day == 0)
		return false;
	/* What cannot be counted is not given away. */
	if (store_ai_usage(node->store, session->id, midnight, &queries, &tokens) != ERR_OK) {
		log_warn("%s", store_fault_text(node->store));
		failure_set(failure, FAILURE_LIMIT, "your use cannot be counted now");
		return true;
	}
	if (config->ai_requests_per_day > 0 && queries >= config->ai_requests_per_day)
		failure_set(failure, FAILURE_LIMIT,
			"you have asked %u times today, which is all that you may",
			(unsigned)config->ai_requests_per_day);
	else if (config->ai_tokens_per_day > 0 && tokens >= config->ai_tokens_per_day)
		failure_set(failure, FAILURE_LIMIT,
			"you have used %u tokens today, which is all that you may",
			(unsigned)config->ai_tokens_per_day);
	else
		return false;
	return true;
}

void ai_owner_refusal(struct failure *failure)
{
	failure_set(failure, FAILURE_DENIED, "the rules of this node do not allow you this model");
}

enum access_action ai_owner_decide(
	struct session *session, const char *model, struct failure *failure)
{
	const struct config *config = &session->node->config;
	double midnight = 0;
	if (!model[0]) {
		failure_set(failure, FAILURE_DENIED, "name a model; this node has no default one");
		return ACCESS_DENY;
	}
	enum access_action action = ask_rules(session, model);
	if (action == ACCESS_DENY) {
		ai_owner_refusal(failure);
		return ACCESS_DENY;
	}
	unsigned minute = minute_of_day(node_unix_time(), &midnight);
	if (!config_hours_contain(&config->ai_hours, minute)) {
		failure_set(failure, FAILURE_DENIED,
			"the models of this node answer from %02u:%02u to %02u:%02u there",
			config->ai_hours.from / 60u, config->ai_hours.from % 60u,
			config->ai_hours.to / 60u, config->ai_hours.to % 60u);
		return ACCESS_DENY;
	}
	return has_used_up(session, midnight, failure) ? ACCESS_DENY : action;
}

/* ---- The log ---- */

/* The last that was said. */
static const char *question_of(const struct message_ai_query *query)
{
	const json_t *last = json_array_get(query->turns, json_array_size(query->turns) - 1);
	if (query->inputs)
		return json_string_value(json_array_get(query->inputs, 0));
	return query->turns ? json_string_value(json_object_get(last, "content")) : query->query;
}

void ai_owner_log(struct session *session, const struct message_ai_query *query, const char *model,
	const char *outcome, struct store_ai_entry *ret_entry)
{
	struct node *node = session->node;
	struct store_ai_entry entry = {.time = node_unix_time()};
	const char *prompt = node->config.ai_keep_prompts ? question_of(query) : NULL;
	(void)text_copy(entry.peer, sizeof entry.peer, session->id);
	(void)text_copy(entry.model, sizeof entry.model, model);
	(void)text_copy(entry.outcome, sizeof entry.outcome, outcome);
	if (store_ai_begin(node->store, &entry, prompt, &entry.sequence) != ERR_OK)
		log_warn("a query of '%s' is not in the log: %s", session->name,
			store_fault_text(node->store));
	*ret_entry = entry;
}

void ai_owner_log_end(struct session *session, const struct store_ai_entry *entry)
{
	struct node *node = session->node;
	if (store_ai_end(node->store, entry) != ERR_OK)
		log_warn("the end of a query of '%s' is not in the log: %s", session->name,
			store_fault_text(node->store));
}
