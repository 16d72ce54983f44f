#include "net/mdns.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "base/text.h"
#include "net/iface.h"
#include "net/internal.h"
#include "net/limits.h"
#include "net/mdns_message.h"

/* RFC 6762 section 3. */
#define GROUP UINT32_C(0xe00000fb)
#define PORT 5353
/* Section 11: "All Multicast DNS responses (including responses sent via unicast) SHOULD be sent
 * with IP TTL set to 255", and so are questions. */
#define TTL 255

struct net_mdns {
	struct net_loop *loop;
	bool loopback;
	int fd; /* -1: nothing is asked */
	struct net_watch *watch;
	struct in_addr ifaces[NET_IFACE_ADDRS_MAX];
	size_t iface_count;
	struct list queries;
	size_t query_count;
	struct net_timer timer;
};

struct net_mdns_query {
	struct list node;
	struct net_mdns *mdns;
	char name[MDNS_NAME_SIZE + 1];
	bool repeated;
	usec begun_at;
	void (*done)(const struct addr *addr, void *user);
	void *user;
};

static struct net_mdns_query *query_of(struct list *node)
{
	return CONTAINER_OF(node, struct net_mdns_query, node);
}

/* ---- The socket ---- */

static void close_socket(struct net_mdns *mdns)
{
	net_watch_destroy(mdns->watch);
	mdns->watch = NULL;
	if (mdns->fd >= 0)
		close(mdns->fd);
	mdns->fd = -1;
}

static bool set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static enum err bind_to_group(int fd)
{
	struct sockaddr_in group = {
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(GROUP)};
	/* Others on this machine listen there too. */
	bool ok = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
		  set_option(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) &&
		  set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, TTL) &&
		  bind(fd, (struct sockaddr *)&group, sizeof group) == 0;
	return ok ? ERR_OK : err_of_errno(errno);
}

static enum err join(struct net_mdns *mdns)
{
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	size_t count;
	enum err err = net_iface_list(mdns->loopback, addrs, NET_IFACE_ADDRS_MAX, &count);
	if (err)
		return err;
	mdns->iface_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct ip_mreq membership = {.imr_multiaddr.s_addr = htonl(GROUP)};
		if (addrs[i].family != ADDR_IPV4 || addr_is_loopback(&addrs[i]) != mdns->loopback)
			continue;
		memcpy(&membership.imr_interface, addrs[i].ip, sizeof membership.imr_interface);
		/* EADDRINUSE: by way of another address of the interface. */
		if (setsockopt(mdns->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership,
			    sizeof membership) == 0)
			mdns->ifaces[mdns->iface_count++] = membership.imr_interface;
	}
	return mdns->iface_count > 0 ? ERR_OK : ERR_UNREACHABLE;
}

static void on_readable(unsigned events, void *user);

static enum err open_socket(struct net_mdns *mdns)
{
	mdns->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (mdns->fd < 0)
		return err_of_errno(errno);
	enum err err = bind_to_group(mdns->fd);
	if (!err)
		err = join(mdns);
	if (!err)
		err = net_watch_create(
			mdns->loop, mdns->fd, NET_READABLE, on_readable, mdns, &mdns->watch);
	if (err)
		close_socket(mdns);
	return err;
}

/* ---- Queries ---- */

static void set_timer(struct net_mdns *mdns)
{
	usec deadline = USEC_NEVER;
	LIST_FOREACH (node, &mdns->queries) {
		const struct net_mdns_query *query = query_of(node);
		usec wait = query->repeated ? NET_MDNS_TIMEOUT : NET_MDNS_REPEAT;
		deadline = usec_min(deadline, query->begun_at + wait);
	}
	net_timer_set(&mdns->timer, deadline);
}

static void remove_query(struct net_mdns_query *query)
{
	struct net_mdns *mdns = query->mdns;
	list_remove(&query->node);
	free(query);
	if (--mdns->query_count == 0)
		close_socket(mdns);
	set_timer(mdns);
}

static void finish(struct net_mdns_query *query, const struct addr *addr)
{
	void (*done)(const struct addr *, void *) = query->done;
	void *user = query->user;
	remove_query(query);
	done(addr, user);
}

/* To every network; what is lost is asked again. */
static void send_question(struct net_mdns *mdns, const char *name, enum mdns_type type)
{
	uint8_t data[MDNS_QUERY_MAX];
	struct writer w = writer_of(data, sizeof data);
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(GROUP)};
	mdns_write_query(&w, bytes_of_text(name), type);
	CHECK(!w.failed);
	for (size_t i = 0; i < mdns->iface_count; i++) {
		const struct in_addr *from = &mdns->ifaces[i];
		if (setsockopt(mdns->fd, IPPROTO_IP, IP_MULTICAST_IF, from, sizeof *from) == 0)
			(void)sendto(mdns->fd, data, w.size, MSG_NOSIGNAL, (struct sockaddr *)&to,
				sizeof to);
	}
}

static void send_query(const struct net_mdns_query *query)
{
	send_question(query->mdns, query->name, MDNS_A);
	send_question(query->mdns, query->name, MDNS_AAAA);
}

static void on_timer(void *user)
{
	struct net_mdns *mdns = user;
	usec now = net_now();
	LIST_FOREACH (node, &mdns->queries) {
		struct net_mdns_query *query = query_of(node);
		if (query->repeated || now < query->begun_at + NET_MDNS_REPEAT)
			continue;
		query->repeated = true;
		send_query(query);
	}
	/* The oldest comes first. */
	while (!list_is_empty(&mdns->queries)) {
		struct net_mdns_query *oldest = query_of(mdns->queries.next);
		if (now < oldest->begun_at + NET_MDNS_TIMEOUT)
			break;
		finish(oldest, NULL);
	}
	set_timer(mdns);
}

/* ---- In ---- */

static struct net_mdns_query *find(struct net_mdns *mdns, const char *name)
{
	LIST_FOREACH (node, &mdns->queries) {
		if (text_equal_ignoring_case(query_of(node)->name, name))
			return query_of(node);
	}
	return NULL;
}

static void take_answer(struct net_mdns *mdns, struct bytes message)
{
	struct mdns_reader reader;
	struct mdns_record record;
	struct net_mdns_query *query;
	if (!mdns_reader_init(&reader, message))
		return;
	while (mdns_reader_next(&reader, &record)) {
		while ((query = find(mdns, record.name)))
			finish(query, &record.addr);
	}
}

static void on_readable(unsigned events, void *user)
{
	struct net_mdns *mdns = user;
	uint8_t data[NET_MDNS_MESSAGE_MAX];
	(void)events;
	for (int i = 0; i < NET_MDNS_READS_PER_WAKEUP && mdns->fd >= 0; i++) {
		struct sockaddr_in from = {0};
		socklen_t size = sizeof from;
		ssize_t got =
			recvfrom(mdns->fd, data, sizeof data, 0, (struct sockaddr *)&from, &size);
		if (got < 0)
			break;
		/* RFC 6762 section 6: answers from another port are to be ignored. */
		if (from.sin_port == htons(PORT))
			take_answer(mdns, bytes_of(data, (size_t)got));
	}
}

/* ---- For the caller ---- */

enum err net_mdns_ask(struct net_mdns *mdns, struct bytes name,
	void (*done)(const struct addr *addr, void *user), void *user,
	struct net_mdns_query **ret_query)
{
	if (!mdns_is_candidate_name(name))
		return ERR_UNSUPPORTED;
	if (mdns->query_count == NET_MDNS_QUERIES_MAX)
		return ERR_LIMIT;
	struct net_mdns_query *query = calloc(1, sizeof *query);
	if (!query)
		return ERR_NOMEM;
	enum err err = mdns->fd >= 0 ? ERR_OK : open_socket(mdns);
	if (err) {
		free(query);
		return err;
	}
	*query = (struct net_mdns_query){
		.mdns = mdns, .begun_at = net_now(), .done = done, .user = user};
	CHECK(text_copy_bytes(query->name, sizeof query->name, name));
	list_push_back(&mdns->queries, &query->node);
	mdns->query_count++;
	send_query(query);
	set_timer(mdns);
	*ret_query = query;
	return ERR_OK;
}

void net_mdns_cancel(struct net_mdns_query *query)
{
	if (query)
		remove_query(query);
}

enum err net_mdns_create(struct net_loop *loop, bool loopback, struct net_mdns **ret_mdns)
{
	struct net_mdns *mdns = calloc(1, sizeof *mdns);
	if (!mdns)
		return ERR_NOMEM;
	*mdns = (struct net_mdns){.loop = loop, .loopback = loopback, .fd = -1};
	list_init(&mdns->queries);
	enum err err = net_timer_init(&mdns->timer, loop, on_timer, mdns);
	if (err) {
		free(mdns);
		return err;
	}
	*ret_mdns = mdns;
	return ERR_OK;
}

void net_mdns_destroy(struct net_mdns *mdns)
{
	if (!mdns)
		return;
	CHECK(mdns->query_count == 0);
	net_timer_deinit(&mdns->timer);
	close_socket(mdns);
	free(mdns);
}
