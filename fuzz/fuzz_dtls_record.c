/* Records of a sender, and a network that repeats, reorders and changes them, and adds its own.
 * What opens is what was sealed, once; what arrives whole for the first time and is not too old
 * opens.
 *
 * The input is a byte for the cipher suite and a list of operations. */
#include "dtls/limits.h"
#include "dtls/record_layer.h"

#include "fuzz.h"

#define SLOTS 16
#define PLAINTEXT_MAX 48
#define DATAGRAM_MAX 512

enum operation {
	SEAL,   /* into a slot (uint8): type (uint8), how many bytes (uint8) */
	LEAP,   /* of the sender's numbers (uint16) */
	REPEAT, /* a slot (uint8) as it was sealed */
	CHANGE, /* a slot (uint8), a byte of it (uint8), to be XORed (uint8) */
	CUT,    /* a slot (uint8), to so many bytes (uint8) */
	INJECT, /* these bytes: how many (uint16), bytes */
	OPERATIONS,
};

struct slot {
	uint8_t record[PLAINTEXT_MAX + 64], plaintext[PLAINTEXT_MAX];
	size_t record_size, plaintext_size;
	bool opened;
	uint64_t sequence;
};

struct network {
	struct record_layer sender, receiver;
	struct slot slots[SLOTS];
	uint64_t front; /* one more than the highest number that has opened */
};

static void seal(struct network *n, struct reader *r)
{
	struct slot *slot = &n->slots[read_u8(r) % SLOTS];
	enum dtls_record_type type = (enum dtls_record_type)(20 + read_u8(r) % 4);
	size_t size = 1 + read_u8(r) % PLAINTEXT_MAX;
	*slot = (struct slot){.sequence = n->sender.next, .plaintext_size = size};
	for (size_t i = 0; i < size; i++)
		slot->plaintext[i] = (uint8_t)(n->sender.next + i);
	memcpy(slot->record + record_headroom(n->sender.suite), slot->plaintext, size);
	if (record_layer_seal(&n->sender, type, slot->record, size, &slot->record_size) != ERR_OK)
		slot->record_size = 0;
}

/* Whether a datagram's first record opens, and then as what. */
static bool opens(struct network *n, struct bytes datagram, struct bytes expected)
{
	static uint8_t data[RECORD_PLAINTEXT_MAX];
	struct dtls_record record;
	size_t size;
	if (!dtls_record_next(&datagram, &record) ||
		!record_layer_open(&n->receiver, &record, data, sizeof data, &size))
		return false;
	CHECK(bytes_equal(bytes_of(data, size), expected));
	return true;
}

static void repeat(struct network *n, struct slot *slot)
{
	if (slot->record_size == 0)
		return;
	bool is_old = slot->sequence + DTLS_REPLAY_WINDOW < n->front;
	bool is_open = opens(n, bytes_of(slot->record, slot->record_size),
		bytes_of(slot->plaintext, slot->plaintext_size));
	CHECK(is_open == (!slot->opened && !is_old));
	slot->opened = slot->opened || is_open;
	if (is_open && slot->sequence >= n->front)
		n->front = slot->sequence + 1;
}

static void change(struct network *n, struct slot *slot, struct reader *r)
{
	uint8_t where = read_u8(r), with = read_u8(r), changed[sizeof slot->record];
	if (slot->record_size == 0 || with == 0)
		return;
	memcpy(changed, slot->record, slot->record_size);
	changed[where % slot->record_size] ^= with;
	CHECK(!opens(n, bytes_of(changed, slot->record_size), (struct bytes){0}));
}

static void operate(struct network *n, struct reader *r)
{
	enum operation operation = (enum operation)(read_u8(r) % OPERATIONS);
	struct slot *slot;
	switch (operation) {
	case SEAL:
		seal(n, r);
		break;
	case LEAP:
		n->sender.next += read_u16(r);
		break;
	case REPEAT:
		repeat(n, &n->slots[read_u8(r) % SLOTS]);
		break;
	case CHANGE:
		slot = &n->slots[read_u8(r) % SLOTS];
		change(n, slot, r);
		break;
	case CUT:
		slot = &n->slots[read_u8(r) % SLOTS];
		if (slot->record_size > 0)
			CHECK(!opens(n, bytes_of(slot->record, read_u8(r) % slot->record_size),
				(struct bytes){0}));
		break;
	case INJECT:
		CHECK(!opens(n, read_bytes(r, read_u16(r) % DATAGRAM_MAX), (struct bytes){0}));
		break;
	case OPERATIONS:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct record_key keys[2] = {{.key = {1}}, {.key = {2}}};
	struct reader r = reader_of(bytes_of(data, size));
	const struct suite *suite = &suites[read_u8(&r) % suite_count];
	struct network n = {0};
	CHECK(record_layer_init(&n.sender, suite, &keys[0], &keys[1]) == ERR_OK);
	CHECK(record_layer_init(&n.receiver, suite, &keys[1], &keys[0]) == ERR_OK);
	while (r.rest.size > 0 && !r.failed)
		operate(&n, &r);
	record_layer_deinit(&n.sender);
	record_layer_deinit(&n.receiver);
	return 0;
}
