#include "usrsctp_end.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <usrsctp.h>

#include "base/check.h"

#define PORT 5000
#define STREAMS 256
#define BUFFER (2 << 20)
#define MESSAGE_MAX 262144
/* In usrsctp's netinet/sctp.h, which it does not install. */
#define SCTP_INTERLEAVING_SUPPORTED 0x00001206

/* A message arrives in pieces, and with I-DATA those of several streams by turns. */
struct partial {
	uint8_t *data;
	size_t size;
};

static struct {
	void (*send)(void *user, const void *packet, size_t size);
	void *user;
	struct socket *socket;
	struct partial partials[STREAMS];
	uint8_t *delivered;
} end;

static int output(void *address, void *packet, size_t size, uint8_t tos, uint8_t df)
{
	(void)address;
	(void)tos;
	(void)df;
	end.send(end.user, packet, size);
	return 0;
}

void usrsctp_end_init(void (*send)(void *user, const void *packet, size_t size), void *user)
{
	end.send = send;
	end.user = user;
	usrsctp_init_nothreads(0, output, NULL);
	usrsctp_sysctl_set_sctp_ecn_enable(0);
	usrsctp_sysctl_set_sctp_asconf_enable(0);
	usrsctp_sysctl_set_sctp_auth_enable(0);
	usrsctp_register_address(&end);
}

static void forget_partials(void)
{
	for (int i = 0; i < STREAMS; i++)
		free(end.partials[i].data);
	memset(end.partials, 0, sizeof end.partials);
	free(end.delivered);
	end.delivered = NULL;
}

void usrsctp_end_deinit(void)
{
	usrsctp_end_abort();
	usrsctp_deregister_address(&end);
	for (int i = 0; i < 1000 && usrsctp_finish() != 0; i++)
		usrsctp_handle_timers(USRSCTP_TICK_MS);
}

static void set(int level, int option, const void *value, size_t size)
{
	CHECK(usrsctp_setsockopt(end.socket, level, option, value, (socklen_t)size) == 0);
}

static void set_options(bool interleaving)
{
	const int on = 1, off = 0, buffer = BUFFER, by_stream = 2;
	const uint16_t events[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT};
	const struct sctp_assoc_value resets = {.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ},
				      interleave = {.assoc_value = interleaving};
	const struct sctp_initmsg init = {
		.sinit_num_ostreams = STREAMS, .sinit_max_instreams = STREAMS};
	set(SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
	set(SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
	set(IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on);
	set(IPPROTO_SCTP, SCTP_EXPLICIT_EOR, &off, sizeof off);
	set(IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on);
	set(IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &by_stream, sizeof by_stream);
	set(IPPROTO_SCTP, SCTP_INTERLEAVING_SUPPORTED, &interleave, sizeof interleave);
	set(IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &resets, sizeof resets);
	set(IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init);
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		const struct sctp_event event = {
			.se_assoc_id = SCTP_ALL_ASSOC, .se_type = events[i], .se_on = 1};
		set(IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event);
	}
}

void usrsctp_end_connect(bool interleaving)
{
	struct sockaddr_conn address = {
		.sconn_family = AF_CONN, .sconn_port = __builtin_bswap16(PORT), .sconn_addr = &end};
	end.socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	CHECK(end.socket);
	usrsctp_set_non_blocking(end.socket, 1);
	set_options(interleaving);
	CHECK(usrsctp_bind(end.socket, (struct sockaddr *)&address, sizeof address) == 0);
	CHECK(usrsctp_connect(end.socket, (struct sockaddr *)&address, sizeof address) == 0 ||
		errno == EINPROGRESS);
	struct sctp_paddrparams path = {
		.spp_pathmtu = USRSCTP_PACKET_MAX, .spp_flags = SPP_PMTUD_DISABLE};
	memcpy(&path.spp_address, &address, sizeof address);
	set(IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
}

void usrsctp_end_abort(void)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	if (!end.socket)
		return;
	set(SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	usrsctp_close(end.socket);
	end.socket = NULL;
	forget_partials();
}

void usrsctp_end_receive(const void *packet, size_t size)
{
	usrsctp_conninput(&end, packet, size, 0);
}

void usrsctp_end_tick(void)
{
	usrsctp_handle_timers(USRSCTP_TICK_MS);
}

static struct usrsctp_end_event notified(const void *data)
{
	const union sctp_notification *n = data;
	struct usrsctp_end_event event = {0};
	if (n->sn_header.sn_type == SCTP_STREAM_RESET_EVENT) {
		/* One event is enough for the tests, which reset one stream at a time. */
		if (n->sn_strreset_event.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) {
			event.type = USRSCTP_STREAM_RESET;
			event.stream = n->sn_strreset_event.strreset_stream_list[0];
		}
		return event;
	}
	switch (n->sn_assoc_change.sac_state) {
	case SCTP_COMM_UP:
		event.type = USRSCTP_UP;
		break;
	case SCTP_RESTART:
		event.type = USRSCTP_RESTARTED;
		break;
	case SCTP_SHUTDOWN_COMP:
		event.type = USRSCTP_DOWN;
		break;
	case SCTP_COMM_LOST:
	case SCTP_CANT_STR_ASSOC:
		event.type = USRSCTP_ABORTED;
		break;
	}
	return event;
}

static struct usrsctp_end_event piece(
	const struct sctp_rcvinfo *info, const uint8_t *data, size_t size, bool last)
{
	CHECK(info->rcv_sid < STREAMS);
	struct partial *partial = &end.partials[info->rcv_sid];
	CHECK(partial->size + size <= MESSAGE_MAX);
	partial->data = realloc(partial->data, MESSAGE_MAX);
	CHECK(partial->data);
	memcpy(partial->data + partial->size, data, size);
	partial->size += size;
	if (!last)
		return (struct usrsctp_end_event){0};
	free(end.delivered);
	end.delivered = partial->data;
	struct usrsctp_end_event event = {.type = USRSCTP_MESSAGE,
		.stream = info->rcv_sid,
		.ppid = __builtin_bswap32(info->rcv_ppid),
		.data = partial->data,
		.size = partial->size};
	*partial = (struct partial){0};
	return event;
}

struct usrsctp_end_event usrsctp_end_next(void)
{
	static uint8_t data[65536];
	struct usrsctp_end_event event = {0};
	while (end.socket && event.type == USRSCTP_NOTHING) {
		struct sctp_rcvinfo info;
		struct sockaddr_conn from;
		socklen_t info_size = sizeof info, from_size = sizeof from;
		unsigned int kind = 0;
		int flags = 0;
		ssize_t n = usrsctp_recvv(end.socket, data, sizeof data, (struct sockaddr *)&from,
			&from_size, &info, &info_size, &kind, &flags);
		if (n <= 0)
			break;
		event = flags & MSG_NOTIFICATION ? notified(data)
						 : piece(&info, data, (size_t)n, flags & MSG_EOR);
	}
	return event;
}

bool usrsctp_end_send(const struct usrsctp_end_message *m)
{
	struct sctp_sendv_spa spa = {.sendv_flags = SCTP_SEND_SNDINFO_VALID,
		.sendv_sndinfo = {.snd_sid = m->stream,
			.snd_flags = m->unordered ? SCTP_UNORDERED : 0,
			.snd_ppid = __builtin_bswap32(m->ppid)}};
	if (m->by_retransmits || m->by_lifetime) {
		spa.sendv_flags |= SCTP_SEND_PRINFO_VALID;
		spa.sendv_prinfo.pr_policy =
			m->by_retransmits ? SCTP_PR_SCTP_RTX : SCTP_PR_SCTP_TTL;
		spa.sendv_prinfo.pr_value = m->limit;
	}
	ssize_t n = usrsctp_sendv(
		end.socket, m->data, m->size, NULL, 0, &spa, sizeof spa, SCTP_SENDV_SPA, 0);
	CHECK(n == (ssize_t)m->size || (n < 0 && errno == EWOULDBLOCK));
	return n >= 0;
}

bool usrsctp_end_reset(uint16_t stream)
{
	const size_t size = sizeof(struct sctp_reset_streams) + sizeof(uint16_t);
	struct sctp_reset_streams *reset = calloc(1, size);
	CHECK(reset);
	reset->srs_flags = SCTP_STREAM_RESET_OUTGOING;
	reset->srs_number_streams = 1;
	reset->srs_stream_list[0] = stream;
	bool done = usrsctp_setsockopt(end.socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, reset,
			    (socklen_t)size) == 0;
	free(reset);
	return done;
}

void usrsctp_end_shutdown(void)
{
	CHECK(usrsctp_shutdown(end.socket, SHUT_WR) == 0);
}
