#include "node/store_search.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "node/store_query.h"

/* Tokens of a snippet. */
#define SNIPPET_TOKENS "16"
/* Of quotes alone, each is two, and each word is wrapped. */
#define MATCH_MAX (2 * STORE_SEARCH_MAX + 16 * (STORE_SEARCH_WORDS_MAX + 1) + STORE_NODE_ID_MAX)

void store_finds_deinit(struct store_finds *finds)
{
	for (size_t i = 0; i < finds->count; i++) {
		store_message_deinit(&finds->finds[i].message);
		free(finds->finds[i].snippet);
	}
	free(finds->finds);
	*finds = (struct store_finds){0};
}

/* Not punctuation alone, as far as ASCII goes. */
static bool has_token(struct bytes word)
{
	for (size_t i = 0; i < word.size; i++)
		if (isalnum(word.data[i]) || word.data[i] >= 0x80)
			return true;
	return false;
}

static struct bytes next_word(struct bytes *rest)
{
	size_t begin = 0, end;
	while (begin < rest->size && isspace(rest->data[begin]))
		begin++;
	for (end = begin; end < rest->size && !isspace(rest->data[end]);)
		end++;
	struct bytes word = {rest->data + begin, end - begin};
	*rest = (struct bytes){rest->data + end, rest->size - end};
	return word;
}

/* `text : "word"`, and a star behind it: quoted, nothing in it is an operator. With a space before
 * it all have to be there, but for those in which FTS5 sees no word, as in "…"; AND would not let
 * these be. */
static enum err add_word(struct buffer *match, struct bytes word)
{
	bool begins = word.size > 1 && word.data[word.size - 1] == '*';
	if (begins)
		word.size--;
	enum err err = buffer_append_text(match, match->size > 0 ? " text : \"" : "text : \"");
	for (size_t i = 0; !err && i < word.size; i++) {
		err = buffer_append(match, (struct bytes){word.data + i, 1});
		if (!err && word.data[i] == '"')
			err = buffer_append_text(match, "\"");
	}
	return err ? err : buffer_append_text(match, begins ? "\"*" : "\"");
}

/* The last part of the id is one token and nobody else's; the others are in all ids. */
static enum err add_peer(struct buffer *match, const char *peer)
{
	const char *last = strrchr(peer, '-');
	enum err err = buffer_append_text(match, " AND peer : \"");
	if (!err)
		err = buffer_append_text(match, last ? last + 1 : peer);
	return err ? err : buffer_append_text(match, "\"");
}

/* The query in FTS5's language. */
static enum err write_match(
	struct store *store, const char *words, const char *peer, struct buffer *match)
{
	struct bytes rest = bytes_of_text(words), word;
	size_t count = 0;
	enum err err = ERR_OK;
	if (rest.size > STORE_SEARCH_MAX) {
		fault_set(&store->fault, "what is looked for is longer than %d bytes",
			STORE_SEARCH_MAX);
		return ERR_TOO_LARGE;
	}
	while (!err && (word = next_word(&rest)).size > 0) {
		if (!has_token(word))
			continue;
		if (++count > STORE_SEARCH_WORDS_MAX) {
			fault_set(&store->fault, "more than %d words are looked for",
				STORE_SEARCH_WORDS_MAX);
			return ERR_TOO_LARGE;
		}
		err = add_word(match, word);
	}
	if (!err && (count == 0 || !utf8_is_valid(bytes_of_text(words)))) {
		fault_set(&store->fault, "there is no word to look for");
		return ERR_MALFORMED;
	}
	return err || !peer ? err : add_peer(match, peer);
}

static void read_find(struct query *query, struct store_find *find)
{
	store_read_message(query, &find->message);
	find->snippet = query_copy_text(query, STORE_MESSAGE_COLUMN_COUNT);
}

static enum err read_finds(struct query *query, size_t count_max, struct store_finds *ret_finds)
{
	struct store_finds finds = {.finds = calloc(count_max + 1, sizeof *finds.finds)};
	if (!finds.finds && !query->err)
		query->err = ERR_NOMEM;
	while (!query->err && query_next(query)) {
		if (finds.count == count_max) {
			finds.more = true;
			break;
		}
		read_find(query, &finds.finds[finds.count++]);
	}
	enum err err = query_end(query);
	if (err)
		store_finds_deinit(&finds);
	else
		*ret_finds = finds;
	return err;
}

enum err store_search(struct store *store, const char *words, const char *peer, int64_t before,
	size_t count_max, struct store_finds *ret_finds)
{
	struct buffer match = buffer_with_max(MATCH_MAX);
	enum err err = write_match(store, words, peer, &match);
	if (!err) {
		count_max = min_size(count_max, STORE_PAGE_MAX);
		struct query query = query_of(store,
			"SELECT " STORE_MESSAGE_COLUMNS ","
			" snippet(words, 1, '" STORE_SNIPPET_BEGIN "', '" STORE_SNIPPET_END
			"', '…', " SNIPPET_TOKENS ")"
			" FROM words JOIN messages m ON m.sequence = words.rowid"
			" WHERE words MATCH ? AND words.rowid < ? ORDER BY words.rowid DESC LIMIT "
			"?");
		query_bind_text(&query, (const char *)match.data);
		query_bind_integer(&query, before > 0 ? before : INT64_MAX);
		query_bind_integer(&query, (int64_t)count_max + 1);
		err = read_finds(&query, count_max, ret_finds);
	}
	buffer_deinit(&match);
	return err;
}

enum err store_search_add(struct store *store, int64_t sequence)
{
	struct query query = query_of(store, "INSERT INTO words (rowid, peer, text)"
					     " SELECT sequence, peer, text FROM messages WHERE "
					     "sequence = ?");
	query_bind_integer(&query, sequence);
	return query_run(&query, NULL);
}

enum err store_search_remove(struct store *store, int64_t sequence)
{
	struct query query = query_of(store, "INSERT INTO words (words, rowid, peer, text)"
					     " SELECT 'delete', sequence, peer, text FROM messages "
					     "WHERE sequence = ?");
	query_bind_integer(&query, sequence);
	return query_run(&query, NULL);
}

enum err store_search_remove_pending(struct store *store, const char *peer)
{
	struct query query = query_of(store, "INSERT INTO words (words, rowid, peer, text)"
					     " SELECT 'delete', sequence, peer, text FROM messages "
					     "WHERE peer = ? AND state < 2 AND kind = 0");
	query_bind_text(&query, peer);
	return query_run(&query, NULL);
}
