#include "load_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

#define STAMP_DIGITS 16
/* A frame of a client with less than 64 KiB: two bytes, two of size, four of mask. */
#define HEADER_SIZE 8

#define OPCODE_TEXT 1
#define OPCODE_CLOSE 8
#define OPCODE_PING 9
#define OPCODE_PONG 10

static uint8_t buffer[256 * 1024];

void load_die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("hub_load: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
	va_end(args);
	exit(1);
}

/* ---- Out ---- */

static void send_all(struct load_socket *socket, const void *data, size_t size)
{
	ssize_t sent = send(socket->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent != (ssize_t)size)
		load_die("the server does not read: %s", sent < 0 ? strerror(errno) : "it is full");
}

/* A stranger's mask cannot be foretold (RFC 6455 section 5.3); that is nothing to a hub, but that
 * each is another is. */
static uint32_t next_mask(void)
{
	static uint32_t state = 2463534242u;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static uint8_t *put_frame(uint8_t *to, uint8_t opcode, struct bytes payload)
{
	uint32_t mask = next_mask();
	*to++ = (uint8_t)(0x80 | opcode);
	if (payload.size < 126) {
		*to++ = (uint8_t)(0x80 | payload.size);
	} else {
		CHECK(payload.size < 65536);
		*to++ = 0x80 | 126;
		*to++ = (uint8_t)(payload.size >> 8);
		*to++ = (uint8_t)payload.size;
	}
	memcpy(to, &mask, 4);
	to += 4;
	size_t i = 0;
	for (; i + 4 <= payload.size; i += 4) {
		uint32_t word;
		memcpy(&word, payload.data + i, 4);
		word ^= mask;
		memcpy(to + i, &word, 4);
	}
	for (; i < payload.size; i++)
		to[i] = payload.data[i] ^ (uint8_t)(mask >> (8 * (i & 3)));
	return to + payload.size;
}

void load_send(struct load_socket *socket, uint64_t stamp, size_t count)
{
	static uint8_t frames[LOAD_BURST_MAX * (HEADER_SIZE + LOAD_SIGNAL_SIZE)];
	static const char digits[] = "0123456789abcdef";
	CHECK(count <= LOAD_BURST_MAX);
	for (size_t i = 0; i < STAMP_DIGITS; i++)
		socket->signal[socket->stamp + i] =
			digits[stamp >> (4 * (STAMP_DIGITS - 1 - i)) & 0xf];
	uint8_t *end = frames;
	for (size_t i = 0; i < count; i++)
		end = put_frame(end, OPCODE_TEXT, bytes_of(socket->signal, LOAD_SIGNAL_SIZE));
	send_all(socket, frames, (size_t)(end - frames));
}

uint64_t load_stamp(struct bytes text)
{
	const uint8_t *at = memmem(text.data, text.size, "\"t\":", 4);
	uint64_t stamp = 0;
	/* Some relays write the object anew, with a space behind the colon. */
	at = at ? memchr(at + 4, '"', 4) : NULL;
	if (!at || (size_t)(text.data + text.size - at) <= STAMP_DIGITS)
		load_die("no signal: '%.*s'", (int)text.size, (const char *)text.data);
	for (size_t i = 1; i <= STAMP_DIGITS; i++)
		stamp = stamp << 4 | (uint64_t)(at[i] <= '9' ? at[i] - '0' : at[i] - 'a' + 10);
	return stamp;
}

/* ---- Life ---- */

void load_connect(struct load_socket *load, uint16_t port, size_t number, char *request)
{
	int on = 1;
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	load->request = request;
	load->state = LOAD_CONNECTING;
	load->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (load->fd < 0)
		load_die("socket %zu: %s", number, strerror(errno));
	from.sin_addr.s_addr = htonl(0x7f010001u + (uint32_t)(number / 250 << 8 | number % 250));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(port);
	(void)setsockopt(load->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(load->fd, (struct sockaddr *)(void *)&from, sizeof from) != 0)
		load_die("cannot bind: %s", strerror(errno));
	if (connect(load->fd, (struct sockaddr *)(void *)&to, sizeof to) != 0 &&
		errno != EINPROGRESS)
		load_die("cannot connect: %s", strerror(errno));
}

void load_ask(struct load_socket *socket)
{
	send_all(socket, socket->request, strlen(socket->request));
}

void load_close(struct load_socket *socket)
{
	if (socket->state != LOAD_CLOSED)
		close(socket->fd);
	free(socket->request);
	free(socket->rest);
	free(socket->signal);
	*socket = (struct load_socket){0};
}

/* ---- In ---- */

/* The size of a head, or 0: it is not whole yet. */
static size_t head_size(struct bytes text)
{
	const uint8_t *end = text.size ? memmem(text.data, text.size, "\r\n\r\n", 4) : NULL;
	return end ? (size_t)(end - text.data) + 4 : 0;
}

static void expect_status(struct bytes text, const char *status)
{
	if (text.size < 12 || memcmp(text.data + 9, status, 3) != 0)
		load_die("the server answered '%.*s'", (int)min_size(text.size, 400),
			(const char *)text.data);
}

/* What it took of the bytes: all of an answer with its body, or nothing. */
static size_t take_answer(
	struct load_socket *socket, struct bytes bytes, const struct load_handler *handler)
{
	size_t size = head_size(bytes);
	if (size == 0)
		return 0;
	expect_status(bytes, "200");
	uint64_t body = 0;
	for (size_t i = 0; i + 16 < size; i++) {
		if (!bytes_equal_text_ignoring_case(bytes_slice(bytes, i, 16), "content-length: "))
			continue;
		for (i += 16; i < size && bytes.data[i] >= '0' && bytes.data[i] <= '9'; i++)
			body = 10 * body + bytes.data[i] - '0';
	}
	if (bytes.size < size + body)
		return 0;
	handler->answered(socket, handler->user);
	return size + body;
}

static size_t take_handshake(struct load_socket *socket, struct bytes bytes)
{
	size_t size = head_size(bytes);
	if (size == 0)
		return 0;
	expect_status(bytes, "101");
	socket->state = LOAD_GREETING;
	return size;
}

static void on_frame(struct load_socket *socket, uint8_t opcode, struct bytes payload,
	const struct load_handler *handler)
{
	uint8_t pong[HEADER_SIZE + 125];
	switch (opcode) {
	case OPCODE_TEXT:
		if (socket->state == LOAD_OPEN) {
			handler->message(socket, payload, handler->user);
			return;
		}
		socket->state = LOAD_OPEN;
		handler->opened(socket, handler->user);
		return;
	case OPCODE_PING:
		send_all(socket, pong, (size_t)(put_frame(pong, OPCODE_PONG, payload) - pong));
		return;
	case OPCODE_CLOSE:
		load_die("the server closed: %.*s", (int)sat_sub(payload.size, 2),
			(const char *)payload.data + min_size(2, payload.size));
	default:
		return;
	}
}

static size_t take_frame(
	struct load_socket *socket, struct bytes bytes, const struct load_handler *handler)
{
	struct reader r = reader_of(bytes);
	uint8_t first = read_u8(&r);
	uint64_t size = read_u8(&r);
	if (size == 126)
		size = read_u16(&r);
	else if (size == 127)
		size = read_u64(&r);
	struct bytes payload = read_bytes(&r, (size_t)size);
	if (r.failed)
		return 0;
	on_frame(socket, first & 0xf, payload, handler);
	return bytes.size - r.rest.size;
}

static size_t take(
	struct load_socket *socket, struct bytes bytes, const struct load_handler *handler)
{
	switch (socket->state) {
	case LOAD_HANDSHAKE:
		return take_handshake(socket, bytes);
	case LOAD_GREETING:
	case LOAD_OPEN:
		return take_frame(socket, bytes, handler);
	case LOAD_HTTP:
		return take_answer(socket, bytes, handler);
	case LOAD_CLOSED:
	case LOAD_CONNECTING:
		break;
	}
	return 0;
}

static void keep_rest(struct load_socket *socket, struct bytes rest)
{
	if (rest.size > socket->rest_size) {
		free(socket->rest);
		socket->rest = malloc(rest.size);
		CHECK(socket->rest);
	}
	if (rest.size > 0)
		memcpy(socket->rest, rest.data, rest.size);
	socket->rest_size = rest.size;
	if (rest.size == 0) {
		free(socket->rest);
		socket->rest = NULL;
	}
}

static void receive(struct load_socket *socket, const struct load_handler *handler)
{
	size_t kept = socket->rest_size;
	if (kept > 0)
		memcpy(buffer, socket->rest, kept);
	ssize_t size = recv(socket->fd, buffer + kept, sizeof buffer - kept, MSG_DONTWAIT);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0)
		load_die("the server is gone: %s", size < 0 ? strerror(errno) : "it closed");
	struct bytes bytes = bytes_of(buffer, kept + (size_t)size);
	size_t used = 1;
	while (bytes.size > 0 && used > 0 && socket->state != LOAD_CLOSED) {
		used = take(socket, bytes, handler);
		bytes = bytes_of(bytes.data + used, bytes.size - used);
	}
	if (socket->state != LOAD_CLOSED)
		keep_rest(socket, bytes);
}

void load_event(struct load_socket *socket, bool is_writable, const struct load_handler *handler)
{
	if (socket->state == LOAD_CONNECTING && is_writable) {
		load_ask(socket);
		socket->state = strstr(socket->request, "websocket") ? LOAD_HANDSHAKE : LOAD_HTTP;
	}
	if (socket->state != LOAD_CONNECTING)
		receive(socket, handler);
}
