/* A connected peer and whatever a hostile one sends: the input is a list of datagrams, each one
 * byte of kind, two of length, the contents. Kind 0 goes in as it is; kind 1 is an SCTP packet,
 * given the right ports, tag and checksum, and sealed by the other end's DTLS; kind 2 lets that
 * many milliseconds pass. Whatever comes, nothing breaks and the queues keep to their limits. */
#include "base/crc32c.h"
#include "peer/internal.h"
#include "support/peer_pair.h"

#define STEPS_MAX 64
#define PACKET_MAX 1160
#define RECEIVE_QUEUE_MAX (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind {
	RAW,
	SEALED,
	WAIT,
};

struct attack {
	struct peer_pair pair;
	struct dpc_path path;
	uint8_t header[8]; /* ports and tag of the packets that the victim accepts */
};

static void connect_peers(struct attack *attack)
{
	CHECK(pair_connect(&attack->pair));
	attack->path = (struct dpc_path){
		.local = attack->pair.ends[0].addr, .remote = attack->pair.ends[1].addr};
	/* An ABORT that is made but never sent shows the header. */
	struct dpc_peer *attacker = attack->pair.ends[1].peer;
	uint8_t packet[PEER_MTU_MAX];
	sctp_abort(attacker->sctp, attack->pair.now);
	CHECK(sctp_write(attacker->sctp, attack->pair.now, packet, sizeof packet) >= 12);
	memcpy(attack->header, packet, sizeof attack->header);
}

static void send_raw(struct attack *attack, struct bytes datagram)
{
	dpc_peer_receive(attack->pair.ends[0].peer, attack->pair.now, &attack->path, datagram.data,
		datagram.size);
}

static void send_sealed(struct attack *attack, struct bytes chunks)
{
	struct dtls *dtls = attack->pair.ends[1].peer->dtls;
	uint8_t record[1300], *packet = record + dtls_headroom(dtls);
	size_t record_size;
	struct writer w = writer_of(packet, PACKET_MAX);
	write_bytes(&w, bytes_of(attack->header, sizeof attack->header));
	write_u32(&w, 0);
	write_bytes(&w, bytes_slice(chunks, 0, PACKET_MAX - 12));
	uint32_t checksum = crc32c(writer_bytes(&w));
	for (size_t i = 0; i < 4; i++)
		packet[8 + i] = (uint8_t)(checksum >> (8 * i));
	enum err err = dtls_seal(dtls, record, sizeof record, w.size, &record_size);
	if (!err)
		send_raw(attack, bytes_of(record, record_size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attack attack;
	connect_peers(&attack);
	struct reader r = reader_of(bytes_of(data, size));
	for (int step = 0; step < STEPS_MAX && !r.failed && r.rest.size > 0; step++) {
		enum kind kind = (enum kind)(read_u8(&r) % 3);
		uint16_t length = read_u16(&r);
		switch (kind) {
		case RAW:
			send_raw(&attack, read_bytes(&r, min_size(length, r.rest.size)));
			break;
		case SEALED:
			send_sealed(&attack, read_bytes(&r, min_size(length, r.rest.size)));
			break;
		case WAIT:
			pair_run(&attack.pair, length % 4096 * USEC_PER_MS);
			break;
		}
		pair_drain(&attack.pair, 0);
	}
	struct dpc_stats stats;
	dpc_peer_stats(attack.pair.ends[0].peer, &stats);
	CHECK(stats.receive_queue_bytes <= RECEIVE_QUEUE_MAX);
	pair_deinit(&attack.pair);
	return 0;
}
