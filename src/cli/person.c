#include "cli/person.h"

#include "cli/field.h"
#include "cli/output.h"

/* The topics, as they come. */
static void print_topics(const json_t *profile)
{
	json_t *expertise = json_object_get(profile, "expertise"), *level;
	const char *topic, *between = "";
	json_object_foreach(expertise, topic, level)
	{
		fputs(between, stdout);
		print_safe(stdout, topic, false);
		printf(" %lld", (long long)json_integer_value(level));
		between = ", ";
	}
}

static void print_field(const json_t *profile, const char *name)
{
	const char *text = field_text(profile, name);
	if (!*text)
		return;
	printf("%-12s ", name);
	print_safe(stdout, text, true);
	putchar('\n');
}

void person_print(const json_t *profile)
{
	const json_t *nodes = json_object_get(profile, "nodes");
	print_field(profile, "name");
	print_field(profile, "description");
	if (json_object_size(json_object_get(profile, "expertise")) > 0) {
		printf("%-12s ", "expertise");
		print_topics(profile);
		putchar('\n');
	}
	print_field(profile, "p2p_uri_hint");
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		printf("%-12s ", "node");
		print_safe(stdout, json_string_value(json_array_get(nodes, i)), false);
		putchar('\n');
	}
	if (json_is_false(json_object_get(profile, "discoverable")))
		puts("not found by a search");
}

void person_print_line(const json_t *profile)
{
	const char *node = json_string_value(json_array_get(json_object_get(profile, "nodes"), 0));
	const char *description = field_text(profile, "description");
	print_safe(stdout, field_text(profile, "name"), false);
	fputs("  ", stdout);
	print_safe(stdout, node ? node : "-", false);
	fputs("  ", stdout);
	print_topics(profile);
	if (*description) {
		fputs("  ", stdout);
		print_safe(stdout, description, false);
	}
	putchar('\n');
}
