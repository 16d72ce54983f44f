/* The stream of a provider's answer, line by line, as each kind reads it: what is accepted is text
 * within its limits. And the same bytes as a list of models. */
#include "node/ai_kind.h"
#include "node/sse.h"

#include "base/text.h"
#include "fuzz.h"

#define EVENT_MAX 1000

static void read_piece(const struct ai_kind *kind, struct bytes text)
{
	struct ai_piece piece;
	if (ai_read_piece(kind, text, &piece) != ERR_OK)
		return;
	CHECK(utf8_is_valid(bytes_of_text(piece.delta)));
	CHECK(strlen(piece.delta) <= AI_LINE_MAX);
	CHECK(strlen(piece.model) <= MESSAGE_MODEL_MAX);
	CHECK(piece.prompt_tokens >= -1);
	CHECK(piece.completion_tokens >= -1);
	json_decref(piece.root);
}

static void read_lines(const struct ai_kind *kind, struct bytes rest)
{
	struct sse sse = sse_with_max(EVENT_MAX);
	while (rest.size > 0) {
		const uint8_t *end = memchr(rest.data, '\n', rest.size);
		struct bytes line =
			bytes_slice(rest, 0, end ? (size_t)(end - rest.data) : rest.size);
		bool is_event = false;
		rest = bytes_slice(rest, line.size + 1, rest.size);
		if (!kind->streams_events) {
			read_piece(kind, line);
			continue;
		}
		if (sse_take_line(&sse, line, &is_event) != ERR_OK)
			break;
		CHECK(sse.data.size <= EVENT_MAX);
		if (is_event)
			read_piece(kind, buffer_bytes(&sse.data));
	}
	sse_deinit(&sse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ai_kind *const kinds[] = {&ai_ollama, &ai_openai, &ai_anthropic};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct ai_models models;
		json_t *root;
		read_lines(kinds[i], bytes_of(data, size));
		if (ai_read_models(kinds[i], bytes_of(data, size), &root, &models) != ERR_OK)
			continue;
		CHECK(models.count <= AI_MODELS_MAX);
		for (size_t k = 0; k < models.count; k++)
			CHECK(models.names[k][0] && strlen(models.names[k]) <= MESSAGE_MODEL_MAX);
		json_decref(root);
	}
	return 0;
}
