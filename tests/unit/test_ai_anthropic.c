#include "ai_reading.h"

static void what_is_said_by_the_system_stands_apart(void **state)
{
	(void)state;
	assert_writes(&ai_anthropic,
		"[{\"role\":\"system\",\"content\":\"be short\"},{\"role\":\"user\",\"content\":"
		"\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":"
		"\"c\"}]",
		"{\"stop\":[\"x\"],\"max_tokens\":9}", "{\"k\":1}",
		"{\"model\":\"m:1\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":"
		"\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":"
		"\"c\"}],\"stream\":true,\"system\":\"The person who asks adds this context, as "
		"JSON:\\n{\\\"k\\\":1}\\n\\nbe short\",\"stop_sequences\":[\"x\"]}");
	assert_writes(&ai_anthropic, "[{\"role\":\"user\",\"content\":\"a\"}]", NULL, NULL,
		"{\"model\":\"m:1\",\"max_tokens\":4096,\"messages\":[{\"role\":\"user\","
		"\"content\":\"a\"}],\"stream\":true}");
}

static void events_are_pieces_figures_errors_or_the_end(void **state)
{
	(void)state;
	static const struct ai_reading readings[] = {
		{.text = "{\"type\":\"message_start\",\"message\":{\"model\":\"m\",\"usage\":"
			 "{\"input_tokens\":25,\"output_tokens\":1}}}",
			.model = "m",
			.prompt_tokens = 25,
			.completion_tokens = 1},
		{.text = "{\"type\":\"content_block_start\",\"index\":0}"},
		{.text = "{\"type\":\"ping\"}"},
		{.text = "{\"type\":\"one_of_tomorrow\",\"delta\":7}"},
		{.text = "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\","
			 "\"text\":\"a\"}}",
			.delta = "a"},
		{.text = "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\","
			 "\"thinking\":\"hm\"}}"},
		{.text = "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
			 "\"usage\":{\"output_tokens\":15}}",
			.complete = true,
			.completion_tokens = 15},
		{.text = "{\"type\":\"message_stop\"}", .done = true},
		{.text = "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
			 "\"message\":\"Overloaded\"}}",
			.error = "Overloaded"},
	};
	assert_reads(&ai_anthropic, readings, sizeof readings / sizeof *readings);
}

static void events_of_another_form_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "x", "[]", "{}", "{\"type\":1}",
		"{\"type\":\"message_start\"}",
		"{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":\"1\"}}}",
		"{\"type\":\"content_block_delta\"}",
		"{\"type\":\"content_block_delta\",\"delta\":{\"text\":1}}",
		"{\"type\":\"error\",\"error\":7}"};
	assert_refuses(&ai_anthropic, texts, sizeof texts / sizeof *texts);
}

TESTS(TEST(what_is_said_by_the_system_stands_apart),
	TEST(events_are_pieces_figures_errors_or_the_end), TEST(events_of_another_form_are_refused))
