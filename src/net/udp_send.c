/* Sending: a flight of equal datagrams in one system call, by the best way that works here. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/internal.h"
#include "net/limits.h"
#include "net/udp_internal.h"

/* Each way sends some of the bytes from the front and returns how many, or minus an errno. */

static ssize_t send_single(
	struct net_udp *udp, struct udp_envelope *envelope, struct bytes bytes, size_t segment)
{
	struct iovec vector = udp_vector_of(bytes_slice(bytes, 0, segment));
	struct msghdr header = udp_envelope_header(envelope, &vector);
	ssize_t sent = sendmsg(udp->fd, &header, MSG_DONTWAIT);
	return sent < 0 ? -errno : sent;
}

static ssize_t send_batch(
	struct net_udp *udp, struct udp_envelope *envelope, struct bytes bytes, size_t segment)
{
	struct iovec vectors[NET_UDP_SEGMENTS_MAX];
	struct mmsghdr messages[NET_UDP_SEGMENTS_MAX];
	unsigned count = 0;
	for (size_t at = 0; at < bytes.size && count < NET_UDP_SEGMENTS_MAX; at += segment) {
		vectors[count] = udp_vector_of(bytes_slice(bytes, at, segment));
		messages[count] =
			(struct mmsghdr){.msg_hdr = udp_envelope_header(envelope, &vectors[count])};
		count++;
	}
	int sent = sendmmsg(udp->fd, messages, count, MSG_DONTWAIT);
	if (sent < 0)
		return -errno;
	return (ssize_t)min_size(bytes.size, (size_t)sent * segment);
}

static ssize_t send_segmented(
	struct net_udp *udp, struct udp_envelope *envelope, struct bytes bytes, size_t segment)
{
	size_t count = min_size(NET_UDP_SEGMENTS_MAX, NET_UDP_PAYLOAD_MAX / segment);
	struct iovec vector = udp_vector_of(bytes_slice(bytes, 0, count * segment));
	size_t control_size = envelope->control_size;
	uint16_t size = (uint16_t)segment; /* at most NET_UDP_PAYLOAD_MAX */
	udp_envelope_add(envelope, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size));
	struct msghdr header = udp_envelope_header(envelope, &vector);
	ssize_t sent = sendmsg(udp->fd, &header, MSG_DONTWAIT);
	int error = errno;
	envelope->control_size = control_size;
	return sent < 0 ? -error : sent;
}

static bool is_refusal(ssize_t result)
{
	return result == -EINVAL || result == -EIO || result == -ENOPROTOOPT ||
	       result == -EOPNOTSUPP || result == -ENOSYS;
}

/* The best way first. Only when a lesser one then works was it the way that was refused, and not
 * the address. */
static ssize_t send_some(
	struct net_udp *udp, struct udp_envelope *envelope, struct bytes bytes, size_t segment)
{
	static const struct {
		unsigned avoid;
		const char *name;
		ssize_t (*send)(struct net_udp *, struct udp_envelope *, struct bytes, size_t);
	} ways[] = {
		{NET_UDP_AVOID_GSO, "UDP_SEGMENT", send_segmented},
		{NET_UDP_AVOID_SENDMMSG, "sendmmsg", send_batch},
		{0, "sendmsg", send_single},
	};
	unsigned refused = 0;
	ssize_t sent = -EINVAL;
	size_t way = bytes.size > segment ? 0 : 2;
	for (; way < sizeof(ways) / sizeof(ways[0]); way++) {
		if (udp->avoid & ways[way].avoid)
			continue;
		udp->stats.calls_out++;
		sent = ways[way].send(udp, envelope, bytes, segment);
		if (!is_refusal(sent))
			break;
		refused |= ways[way].avoid;
	}
	if (sent > 0 && refused) {
		log_debug("udp: the kernel refuses the faster ways of sending, using %s",
			ways[way].name);
		udp->avoid |= refused;
	}
	return sent;
}

static size_t segments_of(size_t size, size_t segment)
{
	return (size + segment - 1) / segment;
}

/* Sends from the front; *ret_sent says how far it came. ERR_AGAIN: the socket's buffer is full. */
static enum err send_all(struct net_udp *udp, const struct path *path, struct bytes bytes,
	size_t segment, size_t *ret_sent)
{
	struct udp_envelope envelope;
	udp_envelope_init(&envelope, path);
	size_t at = 0;
	unsigned interruptions = 0;
	while (at < bytes.size) {
		struct bytes rest = bytes_slice(bytes, at, bytes.size);
		ssize_t sent = send_some(udp, &envelope, rest, segment);
		if (sent > 0) {
			udp->stats.datagrams_out += segments_of((size_t)sent, segment);
			udp->stats.bytes_out += (size_t)sent;
			at += (size_t)sent;
			continue;
		}
		if (udp_wait_if_full(udp, (int)-sent)) {
			*ret_sent = at;
			return ERR_AGAIN;
		}
		if (udp_is_interruption((int)-sent) && interruptions++ < UDP_INTERRUPTIONS_MAX)
			continue;
		udp->stats.errors_out += segments_of(rest.size, segment);
		return err_of_errno((int)-sent);
	}
	*ret_sent = at;
	return ERR_OK;
}

/* Keeps the rest of a send until the socket is writable. */
static enum err keep(
	struct net_udp *udp, const struct path *path, struct bytes rest, size_t segment)
{
	struct udp_waiting *waiting = &udp->waiting;
	if (!waiting->data)
		waiting->data = malloc(NET_UDP_PAYLOAD_MAX);
	if (!waiting->data) {
		udp->stats.errors_out += segments_of(rest.size, segment);
		return ERR_NOMEM;
	}
	memcpy(waiting->data, rest.data, rest.size);
	waiting->size = rest.size;
	waiting->segment = segment;
	waiting->path = *path;
	return ERR_OK;
}

/* ---- When the kernel takes no more ---- */

bool udp_is_interruption(int error)
{
	return error == EINTR || error == ECONNREFUSED;
}

/* Linux calls a socket writable while only the device's queue is full: then it is time that
 * helps. */
bool udp_wait_if_full(struct net_udp *udp, int error)
{
	if (error != EAGAIN && error != ENOBUFS)
		return false;
	udp->stats.blocked++;
	if (error == EAGAIN)
		net_watch_set(udp->watch, NET_READABLE | NET_WRITABLE);
	else
		net_timer_set(&udp->retry, net_now() + NET_UDP_RETRY_INTERVAL);
	return true;
}

bool net_udp_is_blocked(const struct net_udp *udp)
{
	return udp->waiting.size > 0 || udp->outbox->blocked;
}

enum err net_udp_send(
	struct net_udp *udp, const struct path *path, struct bytes bytes, size_t segment)
{
	CHECK(segment > 0);
	CHECK(bytes.size > 0);
	CHECK(bytes.size <= NET_UDP_PAYLOAD_MAX);
	CHECK(!udp->destroyed);
	if (path->remote.family != udp->local.family)
		return ERR_UNSUPPORTED;
	if (net_udp_is_blocked(udp))
		return ERR_AGAIN;
	if (udp->corked && udp_outbox_add(udp, path, bytes, segment))
		return ERR_OK;
	/* What came before goes first; then the kernel may take no more. */
	udp_outbox_flush(udp);
	size_t sent = 0;
	enum err err = ERR_AGAIN;
	if (!net_udp_is_blocked(udp))
		err = send_all(udp, path, bytes, segment, &sent);
	if (err != ERR_AGAIN)
		return err;
	return keep(udp, path, bytes_slice(bytes, sent, bytes.size), segment);
}

static void send_rest(struct net_udp *udp)
{
	struct udp_waiting *waiting = &udp->waiting;
	struct bytes bytes = bytes_of(waiting->data, waiting->size);
	size_t sent = 0;
	enum err err = send_all(udp, &waiting->path, bytes, waiting->segment, &sent);
	if (err == ERR_AGAIN)
		memmove(waiting->data, waiting->data + sent, waiting->size - sent);
	waiting->size = err == ERR_AGAIN ? waiting->size - sent : 0;
}

void udp_send_waiting(struct net_udp *udp)
{
	net_watch_set(udp->watch, NET_READABLE);
	net_timer_cancel(&udp->retry);
	udp->outbox->blocked = false;
	udp_outbox_flush(udp);
	if (udp->waiting.size > 0 && !udp->outbox->blocked)
		send_rest(udp);
	if (!net_udp_is_blocked(udp) && udp->handler.writable)
		udp->handler.writable(udp->handler.user);
}
