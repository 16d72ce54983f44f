/* The local API: what the hub knows of people, one's own profile included. */
#include "node/api.h"

#include "base/percent.h"
#include "node/hub_client.h"
#include "node/internal.h"

/* A path of the hub's with a query; a search has 200 bytes, and each may become three. */
#define PATH_SIZE 2048

void api_profile_get(struct web_request *http, void *user)
{
	hub_client_errand(api_node(user)->hub,
		&(struct hub_errand){.method = "GET",
			.path = "/profile",
			.is_empty_if_missing = web_request_query(http, "or_empty") != NULL},
		http);
}

/* What is wrong with it, the hub says. */
void api_profile_put(struct web_request *http, void *user)
{
	json_t *body;
	if (api_body(http, &body))
		hub_client_errand(api_node(user)->hub,
			&(struct hub_errand){.method = "PUT", .path = "/profile", .body = body},
			http);
}

void api_profile_delete(struct web_request *http, void *user)
{
	hub_client_errand(api_node(user)->hub,
		&(struct hub_errand){.method = "DELETE", .path = "/profile"}, http);
}

static void get(void *user, struct web_request *http, struct writer *path)
{
	char text[PATH_SIZE] = "";
	struct bytes written = writer_bytes(path);
	if (path->failed) {
		api_fail(http, FAILURE_TOO_LARGE, "the search is too long");
		return;
	}
	memcpy(text, written.data, written.size);
	hub_client_errand(
		api_node(user)->hub, &(struct hub_errand){.method = "GET", .path = text}, http);
}

/* Of a contact, or of whoever has this node id. */
void api_profile_of(struct web_request *http, void *user)
{
	struct store_contact contact;
	char path[PATH_SIZE];
	struct writer w = writer_of(path, sizeof path - 1);
	const char *peer = web_request_param(http, "peer");
	if (!node_id_is_valid(peer)) {
		if (!api_contact(api_node(user), http, peer, &contact))
			return;
		peer = contact.node_id;
	}
	write_text(&w, "/profile/");
	write_text(&w, peer);
	get(user, http, &w);
}

void api_directory(struct web_request *http, void *user)
{
	static const char *const names[] = {"q", "min_level", "limit", "cursor"};
	char path[PATH_SIZE];
	struct writer w = writer_of(path, sizeof path - 1);
	const char *between = "?";
	write_text(&w, "/discovery/search");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = web_request_query(http, names[i]);
		if (!value)
			continue;
		write_text(&w, between);
		write_text(&w, names[i]);
		write_text(&w, "=");
		percent_encode(&w, value);
		between = "&";
	}
	get(user, http, &w);
}
