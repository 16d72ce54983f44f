#include "peer/reflexive.h"

#include "ice/stun.h"

/* RFC 8489 section 6.2.1: RTO 500 ms at first, doubled for each of Rc = 7 requests. */
#define RTO_US (500 * USEC_PER_MS)
#define ATTEMPTS_MAX 7

void reflexive_init(struct reflexive *r, const struct path *path, usec now)
{
	*r = (struct reflexive){.path = *path, .deadline = now};
}

void reflexive_ask(struct reflexive *r, usec now)
{
	/* A request under way may have gone out before the change. */
	r->attempts = 0;
	r->deadline = now;
}

usec reflexive_deadline(const struct reflexive *r)
{
	return r->deadline;
}

size_t reflexive_write(struct reflexive *r, struct rng *rng, usec now, uint8_t *data)
{
	if (now < r->deadline)
		return 0;
	if (r->attempts >= ATTEMPTS_MAX) {
		r->attempts = 0;
		r->mapped = (struct addr){0};
		r->deadline = now + REFLEXIVE_RETRY;
		return 0;
	}
	if (r->attempts == 0)
		rng_fill(rng, r->id, sizeof r->id);
	r->deadline = now + (RTO_US << r->attempts);
	r->attempts++;
	struct writer w = writer_of(data, REFLEXIVE_DATAGRAM_MAX);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, r->id);
	stun_add_fingerprint(&w);
	CHECK(!w.failed);
	return w.size;
}

bool reflexive_receive(
	struct reflexive *r, usec now, const struct path *path, struct bytes datagram)
{
	struct stun_message message;
	if (r->attempts == 0 || !addr_equal(&path->remote, &r->path.remote) ||
		stun_parse(datagram, &message) != ERR_OK || message.method != STUN_BINDING ||
		!bytes_equal(message.id, bytes_of(r->id, sizeof r->id)))
		return false;
	switch (message.class) {
	case STUN_REQUEST:
	case STUN_INDICATION:
		return false;
	case STUN_SUCCESS:
		r->mapped = message.mapped;
		r->deadline = now + REFLEXIVE_REFRESH;
		break;
	case STUN_ERROR:
		r->mapped = (struct addr){0};
		r->deadline = now + REFLEXIVE_RETRY;
		break;
	}
	r->attempts = 0;
	return true;
}
