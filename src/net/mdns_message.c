#include "net/mdns_message.h"

#include "base/text.h"

#define SUFFIX ".local"
#define UUID_SIZE 36

/* RFC 1035 section 4.1.1: of the second 16 bits of a header. */
#define FLAG_ANSWER 0x8000
#define OPCODE_AND_RCODE 0x780f
/* RFC 6762 section 10.2: the first bit of an answer's class says that it is the only one. */
#define CLASS_IN 1
#define CLASS_MASK 0x7fff
/* RFC 1035 section 4.1.4: two bits that tell a pointer from a label. */
#define POINTER 0xc0
#define POINTER_MASK 0x3fff
#define POINTERS_MAX 16

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

bool mdns_is_candidate_name(struct bytes name)
{
	if (name.size != MDNS_NAME_SIZE ||
		!bytes_equal_text_ignoring_case(bytes_slice(name, UUID_SIZE, SIZE_MAX), SUFFIX))
		return false;
	for (size_t i = 0; i < UUID_SIZE; i++) {
		bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		if (is_hyphen ? name.data[i] != '-' : !is_hex(name.data[i]))
			return false;
	}
	return true;
}

/* One question alone: there are browsers that read no more. */
void mdns_write_query(struct writer *w, struct bytes name, enum mdns_type type)
{
	CHECK(mdns_is_candidate_name(name));
	/* RFC 6762 section 18.1: the id "SHOULD be set to zero". */
	write_zeros(w, 4);
	write_u16(w, 1);
	write_zeros(w, 6);
	write_u8(w, UUID_SIZE);
	write_bytes(w, bytes_slice(name, 0, UUID_SIZE));
	write_u8(w, sizeof SUFFIX - 2);
	write_bytes(w, bytes_of_text(&SUFFIX[1]));
	write_u8(w, 0);
	write_u16(w, (uint16_t)type);
	write_u16(w, CLASS_IN);
}

/* Joins the labels with dots. False where it is too long, so not one that is looked for. */
static bool add_label(struct writer *name, struct bytes label)
{
	if (name->size > 0)
		write_u8(name, '.');
	write_bytes(name, label);
	return !name->failed;
}

/* Reads on behind the name, which is left empty when it is of another form. A pointer leads to what
 * came before itself and every pointer that led there, so there is no circle. */
static void read_name(struct mdns_reader *reader, char text[MDNS_NAME_SIZE + 1])
{
	struct reader *rest = &reader->rest, at = *rest;
	struct writer name = writer_of((uint8_t *)text, MDNS_NAME_SIZE);
	size_t limit = reader->message.size - rest->rest.size;
	bool jumped = false, fits = true;
	text[0] = 0;
	for (int pointers = 0;;) {
		uint8_t size = read_u8(&at);
		if (at.failed || size == 0)
			break;
		if (size < 64) {
			fits = add_label(&name, read_bytes(&at, size)) && fits;
			/* What lies behind a pointer need not be read on. */
			if (jumped && !fits)
				break;
			continue;
		}
		size_t target = ((size_t)size << 8 | read_u8(&at)) & POINTER_MASK;
		if (!jumped)
			*rest = at;
		jumped = true;
		if (at.failed || size < POINTER || target >= limit || ++pointers > POINTERS_MAX) {
			at.failed = true;
			break;
		}
		limit = target;
		at = reader_of(bytes_slice(reader->message, target, SIZE_MAX));
	}
	if (!jumped)
		*rest = at;
	if (at.failed)
		rest->failed = true;
	text[name.size <= MDNS_NAME_SIZE ? name.size : 0] = 0;
	if (rest->failed || !fits || !mdns_is_candidate_name(bytes_of_text(text)))
		text[0] = 0;
}

bool mdns_reader_init(struct mdns_reader *reader, struct bytes message)
{
	struct mdns_reader new = {.message = message, .rest = reader_of(message)};
	struct reader *r = &new.rest;
	char name[MDNS_NAME_SIZE + 1];
	read_skip(r, 2);
	uint16_t flags = read_u16(r), questions = read_u16(r);
	for (int i = 0; i < 3; i++)
		new.records += read_u16(r);
	/* RFC 6762 section 18: what has another opcode or a response code is ignored. */
	if (r->failed || !(flags & FLAG_ANSWER) || (flags & OPCODE_AND_RCODE))
		return false;
	for (unsigned i = 0; i < questions && !r->failed; i++) {
		read_name(&new, name);
		read_skip(r, 4);
	}
	if (r->failed)
		return false;
	*reader = new;
	return true;
}

static bool take_addr(struct mdns_record *record, uint16_t type, struct bytes value)
{
	enum addr_family family = type == MDNS_A      ? ADDR_IPV4
				  : type == MDNS_AAAA ? ADDR_IPV6
						      : ADDR_NONE;
	struct addr addr = {.family = family};
	if (family == ADDR_NONE || value.size != addr_ip_size(&addr))
		return false;
	memcpy(addr.ip, value.data, value.size);
	/* Browsers have such names too, for sockets that are bound to no address. */
	if (addr_is_unspecified(&addr))
		return false;
	record->addr = addr;
	return true;
}

bool mdns_reader_next(struct mdns_reader *reader, struct mdns_record *ret_record)
{
	struct reader *r = &reader->rest;
	while (reader->records > 0 && !r->failed) {
		struct mdns_record record;
		reader->records--;
		read_name(reader, record.name);
		uint16_t type = read_u16(r), class = read_u16(r);
		uint32_t ttl = read_u32(r);
		struct bytes value = read_bytes(r, read_u16(r));
		if (r->failed)
			return false;
		/* RFC 6762 section 10.1: with a TTL of zero it says that the name goes. */
		if (record.name[0] && (class & CLASS_MASK) == CLASS_IN && ttl > 0 &&
			take_addr(&record, type, value)) {
			*ret_record = record;
			return true;
		}
	}
	return false;
}
