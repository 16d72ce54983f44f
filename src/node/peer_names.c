/* Candidates of a peer that hide its address behind a name of multicast DNS, as browsers signal
 * them: the name is looked up, and the candidate added with its address. A name that nobody answers
 * to is no failure, for the peer's own checks come from that address.
 *
 * Where only a relay may be shown nobody on the network is asked: the question would say that we
 * are here. */
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/peer_io_internal.h"

/* RFC 8839 section 5.1: foundation, component, transport, priority, address. */
#define TRANSPORT_AT 2
#define ADDRESS_AT 4

struct peer_io_name {
	struct list node;
	struct peer_io_peer *peer;
	struct net_mdns_query *query;
	char *before, *behind; /* of the candidate: what is around the name */
};

/* The part of a candidate between two spaces, counted from 0; empty where there is none. */
static struct bytes token_of(struct bytes text, size_t index)
{
	size_t at = 0, end;
	for (;;) {
		for (end = at; end < text.size && text.data[end] != ' ';)
			end++;
		if (index-- == 0)
			return bytes_slice(text, at, end - at);
		if (end == text.size)
			return (struct bytes){0};
		for (at = end; at < text.size && text.data[at] == ' ';)
			at++;
	}
}

static void forget(struct peer_io_name *name)
{
	net_mdns_cancel(name->query);
	list_remove(&name->node);
	free(name->before);
	free(name->behind);
	free(name);
}

static void on_answer(const struct addr *addr, void *user)
{
	struct peer_io_name *name = user;
	struct peer_io_peer *peer = name->peer;
	char ip[ADDR_TEXT_MAX];
	name->query = NULL;
	char *text =
		addr ? text_format("%s%s%s", name->before, addr_ip_text(addr, ip), name->behind)
		     : NULL;
	peer->io->names_answered += addr != NULL;
	peer->io->names_unanswered += addr == NULL;
	forget(name);
	if (!text)
		return;
	/* Beyond the limit there are candidates enough. */
	(void)dpc_peer_add_remote_candidate(peer->dpc, net_now(), text, strlen(text));
	free(text);
	peer_io_kick(peer);
}

static enum err ask(struct peer_io_peer *peer, struct bytes text, struct bytes host)
{
	struct peer_io *io = peer->io;
	size_t at = (size_t)(host.data - text.data);
	enum err err =
		io->mdns ? ERR_OK : net_mdns_create(io->loop, io->config.loopback, &io->mdns);
	if (err)
		return err;
	struct peer_io_name *name = calloc(1, sizeof *name);
	if (!name)
		return ERR_NOMEM;
	list_push_back(&peer->asked, &name->node);
	name->peer = peer;
	name->before = text_duplicate_bytes(bytes_slice(text, 0, at));
	name->behind = text_duplicate_bytes(bytes_slice(text, at + host.size, SIZE_MAX));
	err = name->before && name->behind
		      ? net_mdns_ask(io->mdns, host, on_answer, name, &name->query)
		      : ERR_NOMEM;
	if (err)
		forget(name);
	return err;
}

/* Whether the candidate is one whose name is looked up. */
static bool take(struct peer_io_peer *peer, struct bytes text)
{
	struct bytes host = token_of(text, ADDRESS_AT);
	if (text.size > PEER_IO_CANDIDATE_MAX || !mdns_is_candidate_name(host) ||
		!bytes_equal_text_ignoring_case(token_of(text, TRANSPORT_AT), "udp"))
		return false;
	if (!peer->with_host)
		return false;
	if (peer->names_asked == PEER_IO_NAMES_MAX) {
		peer->io->names_unanswered++;
		return true;
	}
	peer->names_asked++;
	peer->io->names_asked++;
	enum err err = ask(peer, text, host);
	if (err) {
		peer->io->names_unanswered++;
		log_debug("cannot ask the network for a peer's name: %s", err_text(err));
	}
	return true;
}

enum dpc_err peer_io_add_remote_candidate(struct peer_io_peer *peer, const char *text, size_t size)
{
	if (take(peer, bytes_of(text, size)))
		return DPC_OK;
	return dpc_peer_add_remote_candidate(peer->dpc, net_now(), text, size);
}

void peer_io_ask_names(struct peer_io_peer *peer, const char *sdp)
{
	static const char prefix[] = "a=candidate:";
	struct bytes rest = bytes_of_text(sdp);
	while (rest.size > 0) {
		size_t size = 0;
		while (size < rest.size && rest.data[size] != '\r' && rest.data[size] != '\n')
			size++;
		struct bytes line = bytes_slice(rest, 0, size);
		if (bytes_equal_text(bytes_slice(line, 0, sizeof prefix - 1), prefix))
			(void)take(peer, bytes_slice(line, 2, SIZE_MAX));
		rest = bytes_slice(rest, size + 1, SIZE_MAX);
	}
}

void peer_names_end(struct peer_io_peer *peer)
{
	LIST_FOREACH_SAFE (node, &peer->asked)
		forget(CONTAINER_OF(node, struct peer_io_name, node));
}
