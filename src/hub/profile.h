/* What an account tells about itself to those who look for somebody, without I/O: reading a profile
 * that a client sends, and the words by which it is found. */
#ifndef HUB_PROFILE_H
#define HUB_PROFILE_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "hub/limits.h"
#include "hub/possession.h"

struct profile {
	json_t *object; /* with the fields that a profile has, and no others */
	bool is_discoverable;
	struct buffer words[PROFILE_LEVEL_MAX + 1]; /* as in struct store_profile */
};

/* NULL: it is good, and the caller's to deinitialise; else what is wrong with it. ERR_NOMEM is
 * told as a refusal too (500). */
const struct refusal *profile_parse(struct bytes text, struct profile *ret_profile);
/* Accepts a zeroed one. */
void profile_deinit(struct profile *profile);

/* The words of a search, which stand in `text`. */
struct search_words {
	char text[SEARCH_TEXT_MAX + 1];
	const char *words[SEARCH_WORDS_MAX];
	size_t count;
};

/* False: no word in it, or more than SEARCH_WORDS_MAX, or it is longer than SEARCH_TEXT_MAX. */
bool search_words_parse(const char *text, struct search_words *ret_words);

#endif
