#include "ice/discovery.h"

#include "ice/stun.h"

/* RFC 8489 section 6.2.1, shorter: somebody waits in front of the screen. Three requests, at 0, 1
 * and 3 RTO; silence is after 5. A test of what is let in ends in silence as its ordinary answer,
 * so from the first answer on the RTO follows the round trip. */
#define RTO (500 * USEC_PER_MS)
#define RTO_MIN (200 * USEC_PER_MS)
#define RTO_ROUND_TRIPS 3
#define TRANSMISSIONS_MAX 3

/* RFC 5780 section 7.2. */
#define CHANGE_IP 4
#define CHANGE_PORT 2

static void begin(struct discovery *d, enum discovery_step step, usec now)
{
	d->step = step;
	d->transmissions = 0;
	d->to_write = step != DISCOVERY_DONE;
	d->due = now;
	rng_fill(d->rng, d->id, sizeof d->id);
}

void discovery_init(struct discovery *d, const struct addr *local, const struct addr *server,
	struct rng *rng, usec now)
{
	*d = (struct discovery){.rng = rng, .local = *local, .server = *server, .rto = RTO};
	begin(d, DISCOVERY_BINDING, now);
}

/* ---- What each step found, and which is next ---- */

static void begin_hairpin(struct discovery *d, usec now)
{
	/* Without a NAT what we send to ourselves does not leave the machine. */
	bool no_nat = addr_equal(&d->mapped, &d->local);
	begin(d, no_nat ? DISCOVERY_DONE : DISCOVERY_HAIRPIN, now);
}

/* Without a NAT there is none, but it shows whether the other address is there: where nothing came
 * from it, that is else taken for a filter. */
static void begin_mapping(struct discovery *d, usec now)
{
	if (d->filtering == DISCOVERY_NONE)
		begin_hairpin(d, now);
	else
		begin(d, DISCOVERY_MAPPING_OTHER_ADDRESS, now);
}

/* Another IP and another port, and no way to make us send where nobody else could. */
static bool is_other_usable(const struct discovery *d)
{
	return d->other.family == d->server.family && !addr_same_ip(&d->other, &d->server) &&
	       d->other.port != d->server.port && d->other.port != 0 &&
	       !addr_is_unspecified(&d->other) &&
	       addr_is_loopback(&d->other) == addr_is_loopback(&d->server);
}

/* The filter is tested first: afterwards the NAT has seen us send to the other address. */
static void on_mapped(struct discovery *d, usec now, const struct stun_message *m)
{
	switch (d->step) {
	case DISCOVERY_BINDING:
		d->has_answer = true;
		d->mapped = m->mapped;
		d->other = m->other;
		if (addr_equal(&d->mapped, &d->local))
			d->mapping = DISCOVERY_NONE;
		if (is_other_usable(d))
			begin(d, DISCOVERY_FILTERING_ADDRESS, now);
		else
			begin_hairpin(d, now);
		return;
	case DISCOVERY_FILTERING_ADDRESS:
		d->filtering = d->mapping == DISCOVERY_NONE ? DISCOVERY_NONE
							    : DISCOVERY_ENDPOINT_INDEPENDENT;
		begin_mapping(d, now);
		return;
	case DISCOVERY_FILTERING_PORT:
		d->filtering = DISCOVERY_ADDRESS_DEPENDENT;
		begin_mapping(d, now);
		return;
	case DISCOVERY_MAPPING_OTHER_ADDRESS:
		d->second = m->mapped;
		if (d->mapping == DISCOVERY_NONE) {
			begin_hairpin(d, now);
			return;
		}
		if (!addr_equal(&d->second, &d->mapped)) {
			begin(d, DISCOVERY_MAPPING_OTHER_PORT, now);
			return;
		}
		d->mapping = DISCOVERY_ENDPOINT_INDEPENDENT;
		begin_hairpin(d, now);
		return;
	case DISCOVERY_MAPPING_OTHER_PORT:
		d->mapping = addr_equal(&m->mapped, &d->second)
				     ? DISCOVERY_ADDRESS_DEPENDENT
				     : DISCOVERY_ADDRESS_AND_PORT_DEPENDENT;
		begin_hairpin(d, now);
		return;
	case DISCOVERY_HAIRPIN:
	case DISCOVERY_DONE:
		return;
	}
}

static void on_silence(struct discovery *d, usec now)
{
	switch (d->step) {
	case DISCOVERY_BINDING:
		begin(d, DISCOVERY_DONE, now);
		return;
	case DISCOVERY_FILTERING_ADDRESS:
		begin(d, DISCOVERY_FILTERING_PORT, now);
		return;
	case DISCOVERY_FILTERING_PORT:
		d->filtering = DISCOVERY_ADDRESS_AND_PORT_DEPENDENT;
		begin_mapping(d, now);
		return;
	case DISCOVERY_MAPPING_OTHER_ADDRESS:
		/* It is dead: nothing could come from there. */
		d->filtering = DISCOVERY_UNKNOWN;
		begin_hairpin(d, now);
		return;
	case DISCOVERY_MAPPING_OTHER_PORT:
		begin_hairpin(d, now);
		return;
	case DISCOVERY_HAIRPIN:
		d->hairpin_known = true;
		begin(d, DISCOVERY_DONE, now);
		return;
	case DISCOVERY_DONE:
		return;
	}
}

/* ---- In and out ---- */

static struct addr target_of(const struct discovery *d)
{
	struct addr to = d->server;
	if (d->step == DISCOVERY_MAPPING_OTHER_ADDRESS || d->step == DISCOVERY_MAPPING_OTHER_PORT)
		to = d->other;
	/* Test II goes to the other address, but to the first port. */
	if (d->step == DISCOVERY_MAPPING_OTHER_ADDRESS)
		to.port = d->server.port;
	if (d->step == DISCOVERY_HAIRPIN)
		to = d->mapped;
	return to;
}

static uint32_t change_of(const struct discovery *d)
{
	if (d->step == DISCOVERY_FILTERING_ADDRESS)
		return CHANGE_IP | CHANGE_PORT;
	return d->step == DISCOVERY_FILTERING_PORT ? CHANGE_PORT : 0;
}

size_t discovery_write(
	struct discovery *d, usec now, uint8_t *data, struct addr *ret_to, bool *ret_second)
{
	if (!d->to_write)
		return 0;
	d->to_write = false;
	if (d->transmissions++ == 0)
		d->sent_at = now;
	d->due = now + (d->transmissions == TRANSMISSIONS_MAX ? 2 * d->rto
							      : d->rto << (d->transmissions - 1));
	struct writer w = writer_of(data, DISCOVERY_DATAGRAM_MAX);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, d->id);
	if (change_of(d))
		stun_add_u32(&w, STUN_CHANGE_REQUEST, change_of(d));
	stun_add_fingerprint(&w);
	CHECK(!w.failed);
	*ret_to = target_of(d);
	*ret_second = d->step == DISCOVERY_HAIRPIN;
	return w.size;
}

/* RFC 5780 section 4.4: the answer to a request for a change has to come from there. */
static bool is_source_right(const struct discovery *d, const struct addr *from)
{
	switch (d->step) {
	case DISCOVERY_FILTERING_ADDRESS:
		return !addr_same_ip(from, &d->server) && from->port != d->server.port;
	case DISCOVERY_FILTERING_PORT:
		return addr_same_ip(from, &d->server) && from->port != d->server.port;
	case DISCOVERY_BINDING:
	case DISCOVERY_MAPPING_OTHER_ADDRESS:
	case DISCOVERY_MAPPING_OTHER_PORT: {
		struct addr to = target_of(d);
		return addr_equal(from, &to);
	}
	case DISCOVERY_HAIRPIN:
	case DISCOVERY_DONE:
		return false;
	}
	UNREACHABLE();
}

void discovery_receive(
	struct discovery *d, usec now, const struct addr *from, struct bytes datagram)
{
	struct stun_message m;
	if (d->step == DISCOVERY_DONE || stun_parse(datagram, &m) || m.method != STUN_BINDING ||
		!bytes_equal(m.id, bytes_of(d->id, sizeof d->id)))
		return;
	if (d->step == DISCOVERY_HAIRPIN && m.class == STUN_REQUEST) {
		d->hairpin = d->hairpin_known = true;
		begin(d, DISCOVERY_DONE, now);
		return;
	}
	if (!is_source_right(d, from))
		return;
	if (d->step == DISCOVERY_BINDING && d->transmissions == 1) {
		d->round_trip = now - d->sent_at;
		d->rto = usec_min(usec_max(RTO_ROUND_TRIPS * d->round_trip, RTO_MIN), RTO);
	}
	if (m.class == STUN_SUCCESS && m.mapped.family == d->server.family)
		on_mapped(d, now, &m);
	else if (m.class == STUN_ERROR)
		on_silence(d, now);
}

void discovery_advance(struct discovery *d, usec now)
{
	if (d->step == DISCOVERY_DONE || d->to_write || now < d->due)
		return;
	if (d->transmissions == TRANSMISSIONS_MAX)
		on_silence(d, now);
	else
		d->to_write = true;
}

usec discovery_deadline(const struct discovery *d)
{
	return d->step == DISCOVERY_DONE ? USEC_NEVER : d->due;
}

/* ---- Words ---- */

enum discovery_behaviour discovery_compare(const struct discovery *a, const struct discovery *b)
{
	if (!a->has_answer || !b->has_answer || a->mapped.family != b->mapped.family)
		return DISCOVERY_UNKNOWN;
	if (addr_equal(&a->mapped, &b->mapped))
		return addr_equal(&a->mapped, &a->local) ? DISCOVERY_NONE
							 : DISCOVERY_ENDPOINT_INDEPENDENT;
	/* At one address of two servers' ports it could be told from the stricter kind. */
	return DISCOVERY_ADDRESS_AND_PORT_DEPENDENT;
}

const char *discovery_behaviour_name(enum discovery_behaviour behaviour)
{
	static const char *const names[] = {
		[DISCOVERY_UNKNOWN] = "unknown",
		[DISCOVERY_NONE] = "none",
		[DISCOVERY_ENDPOINT_INDEPENDENT] = "endpoint-independent",
		[DISCOVERY_ADDRESS_DEPENDENT] = "address-dependent",
		[DISCOVERY_ADDRESS_AND_PORT_DEPENDENT] = "address- and port-dependent",
	};
	CHECK((size_t)behaviour < sizeof names / sizeof names[0]);
	return names[behaviour];
}
