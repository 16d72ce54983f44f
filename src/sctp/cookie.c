#include "sctp/cookie.h"

#include "base/map.h"

#define MAC_SIZE 16

#define FLAG_RECONFIG 1
#define FLAG_FORWARD_TSN 2
#define FLAG_ZERO_CHECKSUM 4
#define FLAG_INTERLEAVING 8
#define FLAG_I_FORWARD_TSN 16

static void authenticate(
	const struct sctp_cookie_key *key, struct bytes content, uint8_t mac[MAC_SIZE])
{
	struct writer w = writer_of(mac, MAC_SIZE);
	write_u64(&w, siphash24(key->halves[0], content));
	write_u64(&w, siphash24(key->halves[1], content));
	CHECK(!w.failed);
}

void sctp_cookie_seal(const struct sctp_cookie_key *key, const struct sctp_cookie *cookie,
	uint8_t sealed[SCTP_COOKIE_SIZE])
{
	struct writer w = writer_of(sealed, SCTP_COOKIE_SIZE - MAC_SIZE);
	write_u32(&w, cookie->local_tag);
	write_u32(&w, cookie->peer_tag);
	write_u32(&w, cookie->local_tie);
	write_u32(&w, cookie->peer_tie);
	write_u32(&w, cookie->local_tsn);
	write_u32(&w, cookie->peer_tsn);
	write_u32(&w, cookie->peer_window);
	write_u16(&w, cookie->peer_outgoing);
	write_u16(&w, cookie->peer_incoming);
	write_u32(&w, (cookie->reconfig ? FLAG_RECONFIG : 0u) |
			      (cookie->forward_tsn ? FLAG_FORWARD_TSN : 0u) |
			      (cookie->zero_checksum ? FLAG_ZERO_CHECKSUM : 0u) |
			      (cookie->interleaving ? FLAG_INTERLEAVING : 0u) |
			      (cookie->i_forward_tsn ? FLAG_I_FORWARD_TSN : 0u));
	write_u64(&w, (uint64_t)cookie->created);
	CHECK(!w.failed);
	CHECK(w.size == SCTP_COOKIE_SIZE - MAC_SIZE);
	authenticate(key, writer_bytes(&w), sealed + w.size);
}

/* In constant time, as for every code. */
static bool same_mac(const uint8_t *a, const uint8_t *b)
{
	uint8_t difference = 0;
	for (size_t i = 0; i < MAC_SIZE; i++)
		difference |= (uint8_t)(a[i] ^ b[i]);
	return difference == 0;
}

enum err sctp_cookie_open(
	const struct sctp_cookie_key *key, struct bytes sealed, struct sctp_cookie *ret_cookie)
{
	if (sealed.size != SCTP_COOKIE_SIZE)
		return ERR_UNTRUSTED;
	uint8_t mac[MAC_SIZE];
	struct bytes content = bytes_slice(sealed, 0, SCTP_COOKIE_SIZE - MAC_SIZE);
	authenticate(key, content, mac);
	if (!same_mac(mac, sealed.data + content.size))
		return ERR_UNTRUSTED;
	struct reader r = reader_of(content);
	ret_cookie->local_tag = read_u32(&r);
	ret_cookie->peer_tag = read_u32(&r);
	ret_cookie->local_tie = read_u32(&r);
	ret_cookie->peer_tie = read_u32(&r);
	ret_cookie->local_tsn = read_u32(&r);
	ret_cookie->peer_tsn = read_u32(&r);
	ret_cookie->peer_window = read_u32(&r);
	ret_cookie->peer_outgoing = read_u16(&r);
	ret_cookie->peer_incoming = read_u16(&r);
	uint32_t flags = read_u32(&r);
	ret_cookie->reconfig = flags & FLAG_RECONFIG;
	ret_cookie->forward_tsn = flags & FLAG_FORWARD_TSN;
	ret_cookie->zero_checksum = flags & FLAG_ZERO_CHECKSUM;
	ret_cookie->interleaving = flags & FLAG_INTERLEAVING;
	ret_cookie->i_forward_tsn = flags & FLAG_I_FORWARD_TSN;
	ret_cookie->created = (usec)read_u64(&r);
	CHECK(!r.failed);
	return ERR_OK;
}
