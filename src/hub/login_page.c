/* What browsers see of a login, and their cookies. */
#include "hub/login_flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

extern const char hub_notice_html[];
extern const char hub_login_css[];

void login_page(struct web_request *request, int status, const char *page,
	const struct html_field *fields, size_t count)
{
	struct buffer text = buffer_with_max(HTML_PAGE_MAX);
	enum err err = html_fill(&text, page, fields, count);
	if (err == ERR_OK) {
		/* Nothing but our own style and forms, whatever finds its way into it. */
		web_request_add_header(request, "Content-Security-Policy",
			"default-src 'none'; style-src 'self'; form-action 'self'; "
			"base-uri 'none'; frame-ancestors 'none'");
		web_request_add_header(request, "X-Frame-Options", "DENY");
		web_request_add_header(request, "Cache-Control", "no-store");
		web_request_reply(request, status, "text/html; charset=utf-8", buffer_bytes(&text));
	} else {
		hub_fail(request, err);
	}
	buffer_deinit(&text);
}

void login_notice(struct web_request *request, int status, const char *title, const char *text)
{
	struct html_field fields[] = {
		{.name = "title", .value = title}, {.name = "text", .value = text}};
	login_page(request, status, hub_notice_html, fields, sizeof fields / sizeof fields[0]);
}

void login_refuse(struct web_request *request, const struct refusal *refusal)
{
	const char *accept = web_request_header(request, "accept");
	if (accept && strstr(accept, "text/html"))
		login_notice(request, refusal->status, "This login did not work", refusal->message);
	else
		hub_refuse(request, refusal);
}

void login_redirect(struct web_request *request, const char *url)
{
	web_request_add_header(request, "Location", url);
	web_request_add_header(request, "Cache-Control", "no-store");
	web_request_reply(request, 302, NULL, (struct bytes){0});
}

void handle_login_css(struct web_request *request, void *user)
{
	struct hub *hub = user;
	if (!hub_admit(hub, request, &hub->request_rate))
		return;
	web_request_add_header(request, "Cache-Control", "max-age=3600");
	web_request_reply(request, 200, "text/css; charset=utf-8", bytes_of_text(hub_login_css));
}

/* ---- Cookies (RFC 6265) ---- */

bool login_cookie_get(struct web_request *request, const char *name, char *text, size_t capacity)
{
	const char *at = web_request_header(request, "cookie");
	size_t name_size = strlen(name);
	while (at && *at) {
		at += strspn(at, "; ");
		size_t size = strcspn(at, ";");
		if (size > name_size && at[name_size] == '=' &&
			bytes_equal_text(bytes_of(at, name_size), name))
			return text_copy_bytes(
				text, capacity, bytes_of(at + name_size + 1, size - name_size - 1));
		at += size;
	}
	return false;
}

void login_cookie_set(struct hub *hub, struct web_request *request, const char *name,
	const char *value, const char *path, unsigned seconds)
{
	/* Lax: it comes along when the provider sends the browser back here. */
	char *cookie = text_format("%s=%s; Path=%s; Max-Age=%u; HttpOnly; SameSite=Lax%s", name,
		value, path, seconds,
		text_starts_with(hub->origins[0], "https://") ? "; Secure" : "");
	if (cookie)
		web_request_add_header(request, "Set-Cookie", cookie);
	free(cookie);
}
