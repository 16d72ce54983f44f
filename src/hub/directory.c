/* The directory: profiles, which their owners write, and searching them. */
#include "hub/hub.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "hub/profile.h"
#include "message/json.h"

/* "5-9223372036854775807": the level and the account of the last profile of a page. */
#define CURSOR_MAX 24

static const struct refusal no_profile = {404, "not_found", "there is no such profile"};
static const struct refusal bad_node_id = {
	422, "bad_node_id", "this is not 'dpc-node-' and 16 or 32 hexadecimal digits"};
static const struct refusal bad_query = {422, "bad_query",
	"q has 1 to 8 words in at most 200 bytes; min_level is 0 to 5, limit 1 to 100"};
static const struct refusal bad_cursor = {
	422, "bad_cursor", "cursor is the next_cursor of the page before, as it was given"};

/* ---- Profiles ---- */

static json_t *nodes_of(struct hub *hub, int64_t user_id, enum err *err)
{
	struct store_device devices[PROFILE_NODES_MAX];
	size_t count = 0;
	json_t *nodes = json_array();
	*err = nodes ? store_nodes_of_user(hub->store, user_id, PROFILE_NODES_MAX, devices, &count)
		     : ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(nodes, json_string(devices[i].node_id)) != 0)
			*err = ERR_NOMEM;
	return nodes;
}

/* As others see it: the account's nodes, and when it was written, with it. Takes found->text. */
static enum err describe(struct hub *hub, struct store_found *found, json_t **ret_object)
{
	json_t *object = NULL;
	enum err err = json_parse_object(bytes_of_text(found->text), SIZE_MAX, &object);
	free(found->text);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? err : ERR_CORRUPT;
	json_t *nodes = nodes_of(hub, found->user_id, &err);
	if (err == ERR_OK && (json_object_set(object, "nodes", nodes) != 0 ||
				     json_object_set_new(object, "updated",
					     json_integer((json_int_t)found->updated)) != 0))
		err = ERR_NOMEM;
	json_decref(nodes);
	if (err == ERR_OK)
		*ret_object = object;
	else
		json_decref(object);
	return err;
}

static void reply_with_profile(struct hub *hub, struct web_request *request, int64_t user_id)
{
	struct store_found found;
	json_t *object;
	enum err err = store_profile_get(hub->store, user_id, &found);
	if (err == ERR_OK)
		err = describe(hub, &found, &object);
	if (err == ERR_OK)
		hub_reply(request, 200, object);
	else if (err == ERR_NOT_FOUND)
		hub_refuse(request, &no_profile);
	else
		hub_fail(request, err);
}

void handle_profile_get(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	if (hub_admit_user(hub, request, &hub->request_rate, &claims))
		reply_with_profile(hub, request, claims.session.user_id);
}

/* One that does not want to be found is shown to whoever knows one of its nodes. */
void handle_profile_of_node(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct store_node node;
	if (!hub_admit_user(hub, request, &hub->request_rate, &claims))
		return;
	const char *node_id = web_request_param(request, "node_id");
	if (!node_id_is_valid(node_id)) {
		hub_refuse(request, &bad_node_id);
		return;
	}
	enum err err = store_node_get(hub->store, node_id, &node);
	if (err == ERR_OK)
		reply_with_profile(hub, request, node.user_id);
	else if (err == ERR_NOT_FOUND)
		hub_refuse(request, &no_profile);
	else
		hub_fail(request, err);
}

static enum err put(struct hub *hub, int64_t user_id, const struct profile *profile)
{
	const char *words[PROFILE_LEVEL_MAX + 1];
	for (size_t level = 0; level <= PROFILE_LEVEL_MAX; level++)
		words[level] = buffer_text(&profile->words[level]);
	char *text = json_to_text(profile->object);
	if (!text)
		return ERR_NOMEM;
	struct store_profile row = {.user_id = user_id,
		.text = text,
		.updated = hub_now(),
		.words = profile->is_discoverable ? words : NULL};
	enum err err = store_profile_put(hub->store, &row);
	free(text);
	return err;
}

void handle_profile_put(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct profile profile;
	if (!hub_admit_user(hub, request, &hub->request_rate, &claims))
		return;
	const struct refusal *refusal = profile_parse(web_request_body(request), &profile);
	if (refusal) {
		hub_refuse(request, refusal);
		return;
	}
	enum err err = put(hub, claims.session.user_id, &profile);
	profile_deinit(&profile);
	if (err == ERR_OK)
		reply_with_profile(hub, request, claims.session.user_id);
	else
		hub_fail(request, err);
}

void handle_profile_delete(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	if (!hub_admit_user(hub, request, &hub->request_rate, &claims))
		return;
	enum err err = store_profile_delete(hub->store, claims.session.user_id);
	if (err == ERR_OK)
		web_request_reply(request, 204, NULL, (struct bytes){0});
	else
		hub_fail(request, err);
}

/* ---- Searching ---- */

struct search {
	struct search_words words;
	unsigned min_level;
	size_t limit;
	unsigned level; /* where the page begins */
	int64_t before;
};

static bool parse_number(
	struct web_request *request, const char *name, uint32_t min, uint32_t max, uint32_t *value)
{
	const char *text = web_request_query(request, name);
	uint32_t number;
	if (!text)
		return true;
	if (!text_to_u32(text, &number) || number < min || number > max)
		return false;
	*value = number;
	return true;
}

static bool parse_cursor(const char *text, struct search *search)
{
	uint64_t before;
	if (text[0] < '0' || text[0] > '0' + PROFILE_LEVEL_MAX || text[1] != '-' ||
		!text_to_u64(text + 2, &before) || before > INT64_MAX)
		return false;
	search->level = (unsigned)(text[0] - '0');
	search->before = (int64_t)before;
	return true;
}

static const struct refusal *parse_search(struct web_request *request, struct search *search)
{
	uint32_t min_level = 0, limit = SEARCH_PAGE_DEFAULT;
	const char *q = web_request_query(request, "q");
	if (!q || !search_words_parse(q, &search->words) ||
		!parse_number(request, "min_level", 0, PROFILE_LEVEL_MAX, &min_level) ||
		!parse_number(request, "limit", 1, SEARCH_PAGE_MAX, &limit))
		return &bad_query;
	search->min_level = min_level;
	search->limit = limit;
	search->level = PROFILE_LEVEL_MAX;
	search->before = INT64_MAX;
	const char *cursor = web_request_query(request, "cursor");
	return !cursor || parse_cursor(cursor, search) ? NULL : &bad_cursor;
}

/* Appends what was found at one level, and remembers where it ended. Takes the texts. */
static enum err append_found(struct hub *hub, struct search *search, struct store_found *found,
	size_t count, json_t *results)
{
	enum err err = ERR_OK;
	for (size_t i = 0; i < count; i++) {
		json_t *object;
		search->before = found[i].user_id;
		if (err != ERR_OK) {
			free(found[i].text);
			continue;
		}
		err = describe(hub, &found[i], &object);
		if (err != ERR_OK)
			continue;
		if (json_object_set_new(object, "level", json_integer(search->level)) != 0)
			err = ERR_NOMEM;
		if (json_array_append_new(results, object) != 0)
			err = ERR_NOMEM;
	}
	return err;
}

/* The greatest experts first: one level after the other, until the page is full. */
static enum err fill_page(
	struct hub *hub, struct search *search, json_t *results, bool *ret_has_more)
{
	struct store_found found[SEARCH_PAGE_MAX];
	enum err err = ERR_OK;
	*ret_has_more = true;
	while (err == ERR_OK && json_array_size(results) < search->limit) {
		struct store_search query = {.words = search->words.words,
			.word_count = search->words.count,
			.level = search->level,
			.before = search->before};
		size_t count = 0, max = search->limit - json_array_size(results);
		err = store_profile_search(hub->store, &query, max, found, &count);
		if (err == ERR_OK)
			err = append_found(hub, search, found, count, results);
		if (err != ERR_OK || count == max)
			continue;
		if (search->level <= search->min_level) {
			*ret_has_more = false;
			break;
		}
		search->level--;
		search->before = INT64_MAX;
	}
	return err;
}

void handle_search(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct search search;
	char cursor[CURSOR_MAX];
	if (!hub_admit_user(hub, request, &hub->request_rate, &claims))
		return;
	const struct refusal *refusal = parse_search(request, &search);
	if (refusal) {
		hub_refuse(request, refusal);
		return;
	}
	bool has_more = false;
	json_t *results = json_array();
	enum err err = results ? fill_page(hub, &search, results, &has_more) : ERR_NOMEM;
	if (err != ERR_OK) {
		json_decref(results);
		hub_fail(request, err);
		return;
	}
	snprintf(cursor, sizeof cursor, "%u-%lld", search.level, (long long)search.before);
	hub_reply(request, 200,
		json_pack("{s:o, s:s?}", "results", results, "next_cursor",
			has_more ? cursor : NULL));
}
