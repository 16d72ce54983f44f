#include "hub/profile.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"

#define WORDS_MAX                                                                                  \
	(PROFILE_NAME_MAX + PROFILE_DESCRIPTION_MAX + 2 * PROFILE_TOPICS_MAX * PROFILE_TOPIC_MAX)

static const struct refusal malformed = {
	400, "malformed", "the body is not a json object with the fields of a profile"};
static const struct refusal no_memory = {500, "internal", "the hub is out of memory"};
static const struct refusal bad_name = {
	422, "bad_name", "name is a text of 1 to 200 bytes, with something to see in it"};
static const struct refusal bad_description = {
	422, "bad_description", "description is a text of at most 2000 bytes"};
static const struct refusal bad_expertise = {422, "bad_expertise",
	"expertise maps at most 32 topics, of 1 to 100 bytes, to levels from 1 to 5"};
static const struct refusal bad_compute = {
	422, "bad_compute", "compute is an object of at most 2048 bytes"};
static const struct refusal bad_uri = {
	422, "bad_uri", "p2p_uri_hint is a dpc:// address of at most 512 bytes"};

/* Whether there is anything in it but white space and control characters. */
static bool is_visible(const char *text)
{
	bool has_visible = false;
	for (const char *c = text; *c; c++) {
		if (iscntrl((unsigned char)*c) && *c != '\n' && *c != '\t')
			return false;
		has_visible = has_visible || !isspace((unsigned char)*c);
	}
	return has_visible;
}

/* ---- Fields ---- */

static const struct refusal *take_text(struct profile *profile, const json_t *body, const char *key,
	size_t size_max, const struct refusal *refusal, const char **ret_text)
{
	const char *text = NULL;
	if (json_get_text_if(body, key, size_max, &text) != ERR_OK)
		return refusal;
	if (text && json_object_set_new(profile->object, key, json_string(text)) != 0)
		return &no_memory;
	*ret_text = text;
	return NULL;
}

static const struct refusal *take_name(struct profile *profile, const json_t *body)
{
	const char *name, *description;
	const struct refusal *refusal =
		take_text(profile, body, "name", PROFILE_NAME_MAX, &bad_name, &name);
	if (refusal)
		return refusal;
	if (!name || !is_visible(name))
		return &bad_name;
	refusal = take_text(profile, body, "description", PROFILE_DESCRIPTION_MAX, &bad_description,
		&description);
	if (refusal)
		return refusal;
	if (description && description[0] && !is_visible(description))
		return &bad_description;
	return buffer_append_format(
		       &profile->words[0], "%s\n%s", name, description ? description : "") == ERR_OK
		       ? NULL
		       : &no_memory;
}

static const struct refusal *take_expertise(struct profile *profile, const json_t *body)
{
	json_t *expertise = NULL, *value;
	const char *topic;
	if (json_get_object_if(body, "expertise", &expertise) != ERR_OK ||
		json_object_size(expertise) > PROFILE_TOPICS_MAX)
		return &bad_expertise;
	json_object_foreach(expertise, topic, value)
	{
		int64_t level;
		if (strlen(topic) > PROFILE_TOPIC_MAX || !is_visible(topic) ||
			json_get_integer(expertise, topic, 1, PROFILE_LEVEL_MAX, &level) != ERR_OK)
			return &bad_expertise;
		if (buffer_append_format(&profile->words[level], "%s\n", topic) != ERR_OK)
			return &no_memory;
	}
	return !expertise || json_object_set(profile->object, "expertise", expertise) == 0
		       ? NULL
		       : &no_memory;
}

/* What it is the node's business; the hub only keeps it small. */
static const struct refusal *take_compute(struct profile *profile, const json_t *body)
{
	json_t *compute = NULL;
	if (json_get_object_if(body, "compute", &compute) != ERR_OK)
		return &bad_compute;
	if (!compute)
		return NULL;
	char *text = json_to_text(compute);
	size_t size = text ? strlen(text) : 0;
	free(text);
	if (!text || json_object_set(profile->object, "compute", compute) != 0)
		return &no_memory;
	return size <= PROFILE_COMPUTE_MAX ? NULL : &bad_compute;
}

static const struct refusal *take_uri(struct profile *profile, const json_t *body)
{
	const char *uri;
	const struct refusal *refusal =
		take_text(profile, body, "p2p_uri_hint", PROFILE_URI_MAX, &bad_uri, &uri);
	if (refusal || !uri || !uri[0])
		return refusal;
	if (!text_starts_with(uri, "dpc://"))
		return &bad_uri;
	for (const char *c = uri; *c; c++)
		if (!isgraph((unsigned char)*c))
			return &bad_uri;
	return NULL;
}

static const struct refusal *take_fields(struct profile *profile, const json_t *body)
{
	static const struct refusal *(*const fields[])(struct profile *, const json_t *) = {
		take_name, take_expertise, take_compute, take_uri};
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		const struct refusal *refusal = fields[i](profile, body);
		if (refusal)
			return refusal;
	}
	profile->is_discoverable = true;
	if (json_get_bool_if(body, "discoverable", &profile->is_discoverable) != ERR_OK)
		return &malformed;
	return json_object_set_new(
		       profile->object, "discoverable", json_boolean(profile->is_discoverable)) == 0
		       ? NULL
		       : &no_memory;
}

const struct refusal *profile_parse(struct bytes text, struct profile *ret_profile)
{
	struct profile profile = {.object = json_object()};
	json_t *body;
	for (size_t level = 0; level <= PROFILE_LEVEL_MAX; level++)
		profile.words[level] = buffer_with_max(WORDS_MAX);
	enum err err = json_parse_object(text, HUB_BODY_MAX, &body);
	const struct refusal *refusal = err == ERR_NOMEM ? &no_memory
					: err != ERR_OK  ? &malformed
							 : NULL;
	if (!refusal) {
		refusal = profile.object ? take_fields(&profile, body) : &no_memory;
		json_decref(body);
	}
	if (refusal)
		profile_deinit(&profile);
	else
		*ret_profile = profile;
	return refusal;
}

void profile_deinit(struct profile *profile)
{
	json_decref(profile->object);
	profile->object = NULL;
	for (size_t level = 0; level <= PROFILE_LEVEL_MAX; level++)
		buffer_deinit(&profile->words[level]);
}

/* ---- Searches ---- */

/* Something that the index takes for part of a word. */
static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || (c & 0x80);
}

static bool has_word(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (is_word_byte((char)text.data[i]))
			return true;
	return false;
}

bool search_words_parse(const char *text, struct search_words *ret_words)
{
	static const char space[] = " \t\r\n";
	struct search_words *words = ret_words;
	*words = (struct search_words){0};
	if (!utf8_is_valid(bytes_of_text(text)) ||
		!text_copy(words->text, sizeof words->text, text))
		return false;
	for (char *at = words->text + strspn(words->text, space); *at; at += strspn(at, space)) {
		size_t size = strcspn(at, space);
		bool is_word = has_word(bytes_of(at, size));
		if (is_word && words->count == SEARCH_WORDS_MAX)
			return false;
		if (is_word)
			words->words[words->count++] = at;
		at += size;
		if (*at)
			*at++ = 0;
	}
	return words->count > 0;
}
