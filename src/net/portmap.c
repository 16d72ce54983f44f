#include "net/portmap.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/internal.h"

/* One run in the pool; it outlives its owner, for it cannot be stopped. */
struct work {
	uv_work_t request;
	struct net_loop *loop;
	struct net_portmap *portmap; /* NULL: nobody waits any more */
	struct gateway_job job;
	usec began_at;
};

struct net_portmap {
	struct net_loop *loop;
	struct net_portmap_config config;
	struct work *work; /* under way */
	struct gateway_job last;
	struct gateway_job held; /* the last that a router answered: what is given back */
	struct addr externals[NET_PORTMAP_PORTS_MAX]; /* ADDR_NONE: not mapped */
	usec until[NET_PORTMAP_PORTS_MAX];
	struct net_timer timer; /* of the next job, or the end of a mapping */
	usec retry_wait, due;
	bool known, stopping;
	bool is_past; /* the job under way is of another network */
	char reason[NET_PORTMAP_REASON_MAX];
	void (*stopped)(void *user);
	void *stopped_user;
};

static void start(struct net_portmap *portmap, enum gateway_task task);

/* ---- What is believed ---- */

usec net_portmap_judge(const struct gateway_job *job, size_t index, char *reason)
{
	const struct gateway_port *port = &job->ports[index];
	const struct addr *external = &job->external;
	char text[ADDR_TEXT_MAX];
	bool is_shared = external->ip[0] == 100 && (external->ip[1] & 0xc0) == 64; /* RFC 6598 */
	reason[0] = 0;
	if (port->code == GATEWAY_NO_ANSWER)
		snprintf(reason, NET_PORTMAP_REASON_MAX, "the router does not answer about port %u",
			(unsigned)port->internal);
	else if (port->code != 0)
		snprintf(reason, NET_PORTMAP_REASON_MAX, "the router refuses port %u (%d)",
			(unsigned)port->internal, port->code);
	else if (external->family != ADDR_IPV4 || external->ip[0] == 0 || external->ip[0] >= 224)
		snprintf(reason, NET_PORTMAP_REASON_MAX,
			"the router names %s as its address, which is none",
			addr_ip_text(external, text));
	else if (addr_is_local_network(external) || is_shared)
		snprintf(reason, NET_PORTMAP_REASON_MAX,
			"the router is at %s, behind another NAT: what it maps is not reached from "
			"the internet",
			addr_ip_text(external, text));
	else if (port->external == 0)
		snprintf(reason, NET_PORTMAP_REASON_MAX, "the router maps port %u to port 0",
			(unsigned)port->internal);
	else if (port->lifetime_s < NET_PORTMAP_LIFETIME_MIN_S && !port->is_permanent)
		snprintf(reason, NET_PORTMAP_REASON_MAX, "the router maps port %u for %u s only",
			(unsigned)port->internal, (unsigned)port->lifetime_s);
	if (reason[0])
		return 0;
	uint32_t lifetime = port->is_permanent ? NET_PORTMAP_LIFETIME_S : port->lifetime_s;
	return USEC_PER_SEC * (usec)(lifetime < NET_PORTMAP_LIFETIME_MAX_S
					      ? lifetime
					      : NET_PORTMAP_LIFETIME_MAX_S);
}

static void tell(struct net_portmap *portmap)
{
	portmap->config.changed(portmap->config.user);
}

/* Believes or forgets one port; whether that is news. */
static bool set(struct net_portmap *portmap, size_t index, const struct addr *external, usec until)
{
	bool news = !addr_equal(&portmap->externals[index], external);
	portmap->externals[index] = *external;
	portmap->until[index] = until;
	return news;
}

static bool forget_old(struct net_portmap *portmap, usec now)
{
	bool news = false;
	for (size_t i = 0; i < portmap->config.count; i++) {
		if (portmap->externals[i].family != ADDR_NONE && now >= portmap->until[i])
			news |= set(portmap, i, &(struct addr){0}, 0);
	}
	return news;
}

static void set_timer(struct net_portmap *portmap)
{
	usec deadline = portmap->work ? USEC_NEVER : portmap->due;
	for (size_t i = 0; i < portmap->config.count; i++) {
		if (portmap->externals[i].family != ADDR_NONE)
			deadline = usec_min(deadline, portmap->until[i]);
	}
	net_timer_set(&portmap->timer, deadline);
}

/* Also what is not believed: behind another NAT, say, the port is open all the same. */
bool net_portmap_holds(const struct gateway_job *job)
{
	for (size_t i = 0; job->protocol != GATEWAY_NONE && i < job->count; i++) {
		const struct gateway_port *port = &job->ports[i];
		if (port->code == 0 && (port->lifetime_s > 0 || port->is_permanent))
			return true;
	}
	return false;
}

static bool has_mapping(const struct net_portmap *portmap)
{
	for (size_t i = 0; i < portmap->config.count; i++) {
		if (portmap->externals[i].family != ADDR_NONE)
			return true;
	}
	return net_portmap_holds(&portmap->held);
}

/* ---- Jobs ---- */

/* Returns how long the shortest of the mappings lives; 0: not all are there. */
static usec take(
	struct net_portmap *portmap, const struct gateway_job *job, usec began_at, bool *ret_news)
{
	usec shortest = USEC_NEVER;
	portmap->reason[0] = 0;
	for (size_t i = 0; i < job->count; i++) {
		char reason[NET_PORTMAP_REASON_MAX];
		usec lifetime = net_portmap_judge(job, i, reason);
		struct addr external = job->external;
		external.port = job->ports[i].external;
		if (lifetime > 0)
			*ret_news |= set(portmap, i, &external, began_at + lifetime);
		else if (!portmap->reason[0])
			snprintf(portmap->reason, sizeof portmap->reason, "%s", reason);
		shortest = usec_min(shortest, lifetime);
	}
	return shortest;
}

static void on_mapped(struct net_portmap *portmap, const struct gateway_job *job, usec began_at)
{
	bool news = !portmap->known;
	usec now = net_now(), lifetime = 0;
	portmap->known = true;
	portmap->last = *job;
	if (job->protocol != GATEWAY_NONE) {
		portmap->held = *job;
		lifetime = take(portmap, job, began_at, &news);
	} else {
		snprintf(portmap->reason, sizeof portmap->reason,
			"no router here speaks NAT-PMP or UPnP");
	}
	if (lifetime > 0) {
		portmap->retry_wait = NET_PORTMAP_RETRY_MIN;
		portmap->due = began_at + lifetime / 2;
	} else {
		portmap->due = now + portmap->retry_wait;
		portmap->retry_wait = usec_min(2 * portmap->retry_wait, NET_PORTMAP_RETRY_MAX);
	}
	if (portmap->config.count == 0)
		portmap->due = USEC_NEVER;
	news |= forget_old(portmap, now);
	set_timer(portmap);
	if (news)
		tell(portmap);
}

static void end_stop(struct net_portmap *portmap)
{
	portmap->stopped(portmap->stopped_user);
}

static void give_back(struct net_portmap *portmap)
{
	if (has_mapping(portmap))
		start(portmap, GATEWAY_UNMAP);
	else
		end_stop(portmap);
}

static void run(uv_work_t *request)
{
	struct work *work = request->data;
	gateway_run(&work->job);
}

static void after(uv_work_t *request, int status)
{
	struct work *work = request->data;
	struct net_portmap *portmap = work->portmap;
	struct gateway_job job = work->job;
	usec began_at = work->began_at;
	free(work);
	if (!portmap)
		return;
	portmap->work = NULL;
	if (portmap->stopping && job.task == GATEWAY_MAP && status == 0) {
		/* It was stopped meanwhile: what has been mapped is given back first. */
		if (job.protocol != GATEWAY_NONE)
			portmap->held = job;
		give_back(portmap);
	} else if (portmap->stopping) {
		end_stop(portmap);
	} else if (portmap->is_past) {
		portmap->is_past = false;
		set_timer(portmap);
	} else if (status == 0) {
		on_mapped(portmap, &job, began_at);
	}
}

static void start(struct net_portmap *portmap, enum gateway_task task)
{
	struct work *work = calloc(1, sizeof(*work));
	if (work) {
		*work = (struct work){.loop = portmap->loop,
			.portmap = portmap,
			.job = task == GATEWAY_UNMAP ? portmap->held : portmap->last,
			.began_at = net_now()};
		work->request.data = work;
		work->job.task = task;
		work->job.spare_port = (uint16_t)(49152 + rng_below(portmap->config.rng, 16384));
	}
	if (!work || uv_queue_work(&portmap->loop->uv, &work->request, run, after) != 0) {
		free(work);
		portmap->due = net_now() + portmap->retry_wait;
		if (portmap->stopping)
			end_stop(portmap);
		else
			set_timer(portmap);
		return;
	}
	portmap->work = work;
	set_timer(portmap);
}

static void on_timer(void *user)
{
	struct net_portmap *portmap = user;
	usec now = net_now();
	bool news = forget_old(portmap, now);
	if (!portmap->work && now >= portmap->due)
		start(portmap, portmap->config.count > 0 ? GATEWAY_MAP : GATEWAY_ASK);
	else
		set_timer(portmap);
	if (news)
		tell(portmap);
}

/* ---- Life ---- */

static struct gateway_job first_job(const struct net_portmap_config *config)
{
	struct gateway_job job = {.count = config->count};
	for (size_t i = 0; i < config->count; i++)
		job.ports[i] = (struct gateway_port){
			.is_tcp = config->ports[i].is_tcp, .internal = config->ports[i].port};
	return job;
}

enum err net_portmap_create(struct net_loop *loop, const struct net_portmap_config *config,
	struct net_portmap **ret_portmap)
{
	if (config->count > NET_PORTMAP_PORTS_MAX)
		return ERR_LIMIT;
	struct net_portmap *portmap = calloc(1, sizeof(*portmap));
	if (!portmap)
		return ERR_NOMEM;
	portmap->loop = loop;
	portmap->config = *config;
	portmap->retry_wait = NET_PORTMAP_RETRY_MIN;
	portmap->last = first_job(config);
	enum err err = net_timer_init(&portmap->timer, loop, on_timer, portmap);
	if (err) {
		free(portmap);
		return err;
	}
	net_timer_set(&portmap->timer, net_now());
	*ret_portmap = portmap;
	return ERR_OK;
}

void net_portmap_network_changed(struct net_portmap *portmap)
{
	bool news = false;
	if (portmap->stopping)
		return;
	for (size_t i = 0; i < portmap->config.count; i++)
		news |= set(portmap, i, &(struct addr){0}, 0);
	portmap->last = first_job(&portmap->config);
	portmap->held = (struct gateway_job){0};
	portmap->reason[0] = 0;
	portmap->is_past = portmap->work != NULL;
	portmap->retry_wait = NET_PORTMAP_RETRY_MIN;
	portmap->due = net_now();
	set_timer(portmap);
	if (news)
		tell(portmap);
}

void net_portmap_stop(struct net_portmap *portmap, void (*stopped)(void *user), void *user)
{
	CHECK(!portmap->stopping);
	portmap->stopping = true;
	portmap->stopped = stopped;
	portmap->stopped_user = user;
	net_timer_cancel(&portmap->timer);
	if (!portmap->work) /* see after() */
		give_back(portmap);
}

void net_portmap_destroy(struct net_portmap *portmap)
{
	if (!portmap)
		return;
	if (portmap->work) {
		portmap->work->portmap = NULL;
		/* Under way in another thread it cannot be stopped; its answer is then dropped. */
		(void)uv_cancel((uv_req_t *)&portmap->work->request);
	}
	net_timer_deinit(&portmap->timer);
	free(portmap);
}

bool net_portmap_is_known(const struct net_portmap *portmap)
{
	return portmap->known;
}

enum gateway_protocol net_portmap_protocol(const struct net_portmap *portmap)
{
	return portmap->last.protocol;
}

const char *gateway_protocol_name(enum gateway_protocol protocol)
{
	static const char *const names[] = {
		[GATEWAY_NONE] = "none", [GATEWAY_NAT_PMP] = "NAT-PMP", [GATEWAY_UPNP] = "UPnP"};
	CHECK((size_t)protocol < sizeof names / sizeof names[0]);
	return names[protocol];
}

const struct addr *net_portmap_external(const struct net_portmap *portmap, size_t index)
{
	CHECK(index < portmap->config.count);
	return portmap->externals[index].family == ADDR_NONE ? NULL : &portmap->externals[index];
}

struct addr net_portmap_internal(const struct net_portmap *portmap)
{
	return portmap->last.internal;
}

struct addr net_portmap_router(const struct net_portmap *portmap)
{
	return portmap->last.protocol == GATEWAY_NONE ? (struct addr){0} : portmap->last.external;
}

const char *net_portmap_reason(const struct net_portmap *portmap)
{
	return portmap->reason;
}
