/* Small datagrams to many peers, consent checks above all, in one sendmmsg: one call, and one
 * wake-up of whoever receives them on this machine, instead of one for each. */
#include <errno.h>

#include "net/internal.h"
#include "net/udp_internal.h"

/* Returns how many were sent, or minus an errno that is about the first. */
static int send_batch(struct net_udp *udp, const struct udp_outbox *outbox)
{
	struct udp_envelope envelopes[NET_UDP_OUTBOX_MAX];
	struct iovec vectors[NET_UDP_OUTBOX_MAX];
	struct mmsghdr messages[NET_UDP_OUTBOX_MAX];
	size_t count = outbox->count - outbox->first;
	if (udp->avoid & NET_UDP_AVOID_SENDMMSG)
		count = 1;
	for (size_t i = 0; i < count; i++) {
		size_t at = outbox->first + i;
		udp_envelope_init(&envelopes[i], &outbox->paths[at]);
		vectors[i] = udp_vector_of(bytes_of(outbox->data[at], outbox->sizes[at]));
		messages[i].msg_hdr = udp_envelope_header(&envelopes[i], &vectors[i]);
	}
	udp->stats.calls_out++;
	int sent = count > 1 ? sendmmsg(udp->fd, messages, (unsigned)count, MSG_DONTWAIT)
			     : (sendmsg(udp->fd, &messages[0].msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1);
	if (sent < 0 && errno == ENOSYS && count > 1) {
		udp->avoid |= NET_UDP_AVOID_SENDMMSG;
		return send_batch(udp, outbox);
	}
	return sent < 0 ? -errno : sent;
}

static void note_sent(struct net_udp *udp, size_t count)
{
	struct udp_outbox *outbox = udp->outbox;
	udp->stats.datagrams_out += count;
	for (size_t i = 0; i < count; i++)
		udp->stats.bytes_out += outbox->sizes[outbox->first + i];
	outbox->first += count;
}

void udp_outbox_flush(struct net_udp *udp)
{
	struct udp_outbox *outbox = udp->outbox;
	unsigned interruptions = 0;
	while (outbox->first < outbox->count && !outbox->blocked) {
		int sent = send_batch(udp, outbox);
		if (sent >= 0) {
			note_sent(udp, (size_t)sent);
		} else if (udp_wait_if_full(udp, -sent)) {
			outbox->blocked = true;
		} else if (!udp_is_interruption(-sent) ||
			   interruptions++ >= UDP_INTERRUPTIONS_MAX) {
			/* It is about the first alone: the others may have better luck. */
			udp->stats.errors_out++;
			outbox->first++;
		}
	}
	if (outbox->first == outbox->count)
		outbox->first = outbox->count = 0;
}

bool udp_outbox_add(
	struct net_udp *udp, const struct path *path, struct bytes bytes, size_t segment)
{
	struct udp_outbox *outbox = udp->outbox;
	if (bytes.size > segment || bytes.size > NET_UDP_OUTBOX_DATAGRAM_MAX)
		return false;
	if (outbox->count == NET_UDP_OUTBOX_MAX)
		udp_outbox_flush(udp);
	if (outbox->count == NET_UDP_OUTBOX_MAX || outbox->blocked)
		return false;
	outbox->paths[outbox->count] = *path;
	outbox->sizes[outbox->count] = bytes.size;
	memcpy(outbox->data[outbox->count], bytes.data, bytes.size);
	outbox->count++;
	return true;
}

void net_udp_cork(struct net_udp *udp)
{
	udp->corked = true;
}

void net_udp_uncork(struct net_udp *udp)
{
	udp->corked = false;
	udp_outbox_flush(udp);
}
