/* What a browser sees at GET /, filled in from page.html; and the description of the interface. */
#include "hub/html.h"
#include "hub/hub.h"

#include <stdio.h>

#include "base/text.h"

extern const char hub_page_html[];
extern const char hub_openapi_json[];

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

/* How to join with a provider; empty without one. */
static enum err write_providers(const struct hub *hub, struct buffer *html)
{
	const struct config *config = hub->config;
	enum err err = ERR_OK;
	for (size_t i = 0; i < config->provider_count && err == ERR_OK; i++) {
		struct html_field fields[] = {{.name = "name", .value = config->providers[i].name},
			{.name = "label", .value = config->providers[i].label},
			{.name = "origin", .value = hub->origins[0]}};
		err = html_fill(html,
			"<p>With your account at {label}: "
			"<code>dpc login --hub {origin} --provider {name}</code></p>\n",
			fields, sizeof fields / sizeof fields[0]);
	}
	return err;
}

void page_reply(struct hub *hub, struct web_request *request)
{
	char nodes[24], uptime[24];
	struct buffer text = buffer_with_max(HTML_PAGE_MAX);
	struct buffer providers = buffer_with_max(HTML_PAGE_MAX);
	enum err err = write_providers(hub, &providers);
	snprintf(nodes, sizeof nodes, "%zu", hub_nodes_connected(hub));
	format_uptime(net_now() - hub->started, uptime, sizeof uptime);
	struct html_field fields[] = {{.name = "nodes", .value = nodes},
		{.name = "uptime", .value = uptime},
		{.name = "accounts",
			.value = hub->config->new_accounts ? "welcome" : "by invitation"},
		{.name = "origin", .value = hub->origins[0]},
		{.name = "providers", .value = buffer_text(&providers), .is_html = true},
		{.name = "version", .value = DPC_VERSION}};
	if (err == ERR_OK)
		err = html_fill(&text, hub_page_html, fields, sizeof fields / sizeof fields[0]);
	if (err == ERR_OK) {
		/* Nothing but its own style, whatever finds its way into it. */
		web_request_add_header(request, "Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
		web_request_reply(request, 200, "text/html; charset=utf-8", buffer_bytes(&text));
	} else {
		hub_fail(request, err);
	}
	buffer_deinit(&providers);
	buffer_deinit(&text);
}

void handle_openapi(struct web_request *request, void *user)
{
	struct hub *hub = user;
	if (hub_admit(hub, request, &hub->request_rate))
		web_request_reply_json(request, 200, hub_openapi_json);
}
