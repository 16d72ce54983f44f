/* Pages that are filled in. */
#include "test.h"

#include "hub/html.h"

static const char *fill(struct buffer *text, const char *page, const char *value, bool is_html)
{
	struct html_field fields[] = {
		{.name = "a", .value = value, .is_html = is_html}, {.name = "b", .value = "B"}};
	buffer_clear(text);
	assert_ok(html_fill(text, page, fields, 2));
	return buffer_text(text);
}

static void values_are_escaped_unless_they_are_html_of_ours(void **state)
{
	(void)state;
	struct buffer text = buffer_with_max(256);
	assert_string_equal(fill(&text, "<p>{a}</p>{b}", "x", false), "<p>x</p>B");
	assert_string_equal(fill(&text, "{a}", "<a href=\"b\">&</a>", false),
		"&lt;a href=&quot;b&quot;>&amp;&lt;/a>");
	assert_string_equal(fill(&text, "{a}", "<b>", true), "<b>");
	/* A value is no page. */
	assert_string_equal(fill(&text, "{a}", "{b}", false), "{b}");
	buffer_deinit(&text);
}

static void braces_that_stand_for_nothing_stay(void **state)
{
	(void)state;
	struct buffer text = buffer_with_max(256);
	assert_string_equal(
		fill(&text, "p { margin: 0 } {c} {", "x", false), "p { margin: 0 } {c} {");
	assert_string_equal(fill(&text, "{{a}}", "x", false), "{x}");
	assert_string_equal(fill(&text, "", "x", false), "");
	buffer_deinit(&text);
}

static void a_page_that_grows_too_large_is_none(void **state)
{
	(void)state;
	struct buffer text = buffer_with_max(4);
	struct html_field field = {.name = "a", .value = "12345"};
	assert_err(html_fill(&text, "{a}", &field, 1), ERR_LIMIT);
	buffer_deinit(&text);
}

TESTS(TEST(values_are_escaped_unless_they_are_html_of_ours),
	TEST(braces_that_stand_for_nothing_stay), TEST(a_page_that_grows_too_large_is_none))
