/* dpc ask --with-context: fields of one's own context that go with a question, to that peer alone,
 * because the person who asks has named them here. The rules of access.ini are about what peers
 * ask for, and are not consulted. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/context.h"
#include "cli/output.h"

/* Adds the value at one key. */
static int take(const struct cli *cli, const json_t *own, const char *key, json_t *picked)
{
	const json_t *value = context_value(own, key);
	char shown[CLI_PROBLEM_MAX / 2];
	text_safe(key, shown, sizeof shown);
	if (!key[0])
		return cli_wrong(cli, "'--with-context' is keys with commas between them");
	if (!value)
		return cli_fail("there is no '%s' in your context; 'dpc context show' has all "
				"that is",
			shown);
	if (json_object_size(picked) == CLI_ASK_KEYS_MAX)
		return cli_fail("more than %d keys cannot go with a question", CLI_ASK_KEYS_MAX);
	/* The tree is counted, not copied: nobody changes it. */
	if (json_object_set(picked, key, (json_t *)(uintptr_t)value))
		return cli_fail("out of memory");
	return CLI_DONE;
}

static int take_all(const struct cli *cli, const json_t *own, const char *keys, json_t *picked)
{
	int status = CLI_DONE;
	for (bool more = true; more && status == CLI_DONE;) {
		size_t size = strcspn(keys, ",");
		char *key = text_duplicate_bytes(bytes_of(keys, size));
		status = key ? take(cli, own, key, picked) : cli_fail("out of memory");
		free(key);
		more = keys[size] == ',';
		keys += size + more;
	}
	return status;
}

int context_own_pick(const struct cli *cli, const char *keys, json_t **ret_picked)
{
	json_t *answer = NULL, *picked = json_object();
	int status = picked ? context_own_fetch(cli, &answer) : cli_fail("out of memory");
	if (status == CLI_DONE)
		status = take_all(cli, json_object_get(answer, "context"), keys, picked);
	json_decref(answer);
	if (status == CLI_DONE)
		*ret_picked = picked;
	else
		json_decref(picked);
	return status;
}
