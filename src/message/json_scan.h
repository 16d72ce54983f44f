/* A quick look at a text that is, most of the time, a small plain JSON object: its outermost
 * members as they stand in the text, without a tree and without allocation.
 *
 * It is sure or it is not. Sure means that json_parse_object() would take the text, down to the
 * UTF-8 and the duplicates; what is unusual in any way (many members, escapes in keys, numbers with
 * exponents, anything wrong) it leaves to that. */
#ifndef MESSAGE_JSON_SCAN_H
#define MESSAGE_JSON_SCAN_H

#include "base/bytes.h"

/* Members of one object, and keys of all objects that are open at one place. */
#define JSON_SCAN_MEMBERS_MAX 12
#define JSON_SCAN_KEYS_MAX 48

struct json_member {
	struct bytes whole; /* from the key's quote to the end of the value */
	struct bytes key;   /* between the quotes; there are no escapes in it */
	struct bytes value; /* as it stands in the text, a string with its quotes */
};

struct json_scan {
	size_t count;
	struct json_member members[JSON_SCAN_MEMBERS_MAX];
};

/* False: it is not sure. */
bool json_scan(struct bytes text, struct json_scan *ret_scan);
/* NULL: there is no such member. */
const struct json_member *json_scan_find(const struct json_scan *scan, const char *key);
/* The characters of a string value without escapes; false for anything else. */
bool json_scan_text(struct bytes value, struct bytes *ret_text);

#endif
