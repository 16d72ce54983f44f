/* What a browser sees at GET /, filled in from page.html; and the description of the interface. */
#include "hub/hub.h"

#include <stdio.h>

#include "base/text.h"

#define PAGE_MAX 32768

extern const char hub_page_html[];
extern const char hub_openapi_json[];

/* What stands for {name} in the page. */
struct field {
	const char *name;
	char value[PROOF_HUB_MAX + 1];
};

static enum err append_escaped(struct buffer *text, const char *plain)
{
	enum err err = ERR_OK;
	for (; *plain && err == ERR_OK; plain++) {
		const char *entity = *plain == '<'   ? "&lt;"
				     : *plain == '&' ? "&amp;"
				     : *plain == '"' ? "&quot;"
						     : NULL;
		err = entity ? buffer_append_text(text, entity)
			     : buffer_append(text, bytes_of(plain, 1));
	}
	return err;
}

/* Braces that stand for nothing, as those of the style, stay as they are. */
static enum err fill(
	struct buffer *text, const char *page, const struct field *fields, size_t count)
{
	enum err err = ERR_OK;
	while (*page && err == ERR_OK) {
		size_t plain = strcspn(page, "{"), size = strcspn(page + plain, "}");
		const struct field *found = NULL;
		err = buffer_append(text, bytes_of(page, plain));
		page += plain;
		for (size_t i = 0; *page && i < count; i++)
			if (bytes_equal_text(bytes_of(page + 1, size - 1), fields[i].name))
				found = &fields[i];
		if (err == ERR_OK && found)
			err = append_escaped(text, found->value);
		else if (err == ERR_OK && *page)
			err = buffer_append_text(text, "{");
		if (*page)
			page += found ? size + 1 : 1;
	}
	return err;
}

static void format_uptime(usec uptime, char *text, size_t capacity)
{
	int64_t minutes = uptime / USEC_PER_SEC / 60;
	if (minutes < 60)
		snprintf(text, capacity, "%lld min", (long long)minutes);
	else if (minutes < 48 * 60)
		snprintf(text, capacity, "%lld h", (long long)(minutes / 60));
	else
		snprintf(text, capacity, "%lld days", (long long)(minutes / 60 / 24));
}

void page_reply(struct hub *hub, struct web_request *request)
{
	struct field fields[] = {{.name = "nodes"}, {.name = "uptime"}, {.name = "accounts"},
		{.name = "origin"}, {.name = "version", .value = DPC_VERSION}};
	struct buffer text = buffer_with_max(PAGE_MAX);
	snprintf(fields[0].value, sizeof fields[0].value, "%zu", presence_count(&hub->presence));
	format_uptime(net_now() - hub->started, fields[1].value, sizeof fields[1].value);
	(void)text_copy(fields[2].value, sizeof fields[2].value,
		hub->config->new_accounts ? "welcome" : "by invitation");
	(void)text_copy(fields[3].value, sizeof fields[3].value, hub->origins[0]);
	enum err err = fill(&text, hub_page_html, fields, sizeof fields / sizeof fields[0]);
	if (err == ERR_OK) {
		/* Nothing but its own style, whatever finds its way into it. */
		web_request_add_header(request, "Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
		web_request_add_header(request, "Referrer-Policy", "no-referrer");
		web_request_reply(request, 200, "text/html; charset=utf-8", buffer_bytes(&text));
	} else {
		hub_fail(request, err);
	}
	buffer_deinit(&text);
}

void handle_openapi(struct web_request *request, void *user)
{
	struct hub *hub = user;
	if (hub_admit(hub, request, &hub->request_rate))
		web_request_reply_json(request, 200, hub_openapi_json);
}
