#include "sctp/chunk.h"

#include "base/crc32c.h"

#define CHECKSUM_AT 8

static const uint8_t zeros[4];

static size_t padding(size_t size)
{
	return (4 - size % 4) % 4;
}

/* RFC 9260 appendix A: the CRC is sent with its least significant byte first. */
static void put_checksum(uint8_t *at, uint32_t crc)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(crc >> (8 * i));
}

static bool has_checksum(struct bytes packet)
{
	uint32_t crc = crc32c_extend(0, bytes_of(packet.data, CHECKSUM_AT));
	crc = crc32c_extend(crc, bytes_of(zeros, sizeof zeros));
	crc = crc32c_extend(crc, bytes_slice(packet, SCTP_HEADER_SIZE, packet.size));
	uint8_t expected[4];
	put_checksum(expected, crc);
	return memcmp(packet.data + CHECKSUM_AT, expected, sizeof expected) == 0;
}

static bool may_do_without_checksum(struct bytes packet)
{
	return memcmp(packet.data + CHECKSUM_AT, zeros, sizeof zeros) == 0;
}

enum err sctp_packet_open(struct bytes packet, bool zero_checksum, struct sctp_header *ret_header,
	struct reader *ret_chunks)
{
	if (packet.size < SCTP_HEADER_SIZE + SCTP_CHUNK_HEADER_SIZE)
		return ERR_MALFORMED;
	if (!(zero_checksum && may_do_without_checksum(packet)) && !has_checksum(packet))
		return ERR_MISMATCH;
	struct reader r = reader_of(packet);
	ret_header->source = read_u16(&r);
	ret_header->destination = read_u16(&r);
	ret_header->tag = read_u32(&r);
	read_skip(&r, 4);
	*ret_chunks = r;
	return ERR_OK;
}

void sctp_packet_begin(struct writer *w, struct sctp_header header)
{
	CHECK(w->size == 0);
	write_u16(w, header.source);
	write_u16(w, header.destination);
	write_u32(w, header.tag);
	write_zeros(w, 4);
}

void sctp_packet_seal(struct writer *w)
{
	CHECK(!w->failed);
	CHECK(w->size >= SCTP_HEADER_SIZE);
	put_checksum(w->data + CHECKSUM_AT, crc32c(writer_bytes(w)));
}

/* Chunks and parameters differ in how the first two bytes are read. */
static bool next_element(
	struct reader *r, uint16_t *ret_type, struct bytes *ret_value, struct bytes *ret_whole)
{
	if (r->failed || r->rest.size == 0)
		return false;
	struct bytes all = r->rest;
	uint16_t type = read_u16(r);
	uint16_t length = read_u16(r);
	if (r->failed || length < 4) {
		r->failed = true;
		return false;
	}
	struct bytes value = read_bytes(r, (size_t)length - 4);
	if (r->failed)
		return false;
	/* Some stacks leave the padding of the last one away. */
	read_skip(r, min_size(padding(length), r->rest.size));
	*ret_type = type;
	*ret_value = value;
	*ret_whole = bytes_of(all.data, length);
	return true;
}

bool sctp_chunk_next(struct reader *chunks, struct sctp_chunk *ret_chunk)
{
	uint16_t type_and_flags;
	if (!next_element(chunks, &type_and_flags, &ret_chunk->value, &ret_chunk->whole))
		return false;
	ret_chunk->type = (uint8_t)(type_and_flags >> 8);
	ret_chunk->flags = (uint8_t)type_and_flags;
	return true;
}

bool sctp_parameter_next(struct reader *parameters, struct sctp_parameter *ret_parameter)
{
	return next_element(
		parameters, &ret_parameter->type, &ret_parameter->value, &ret_parameter->whole);
}

size_t sctp_chunk_begin(struct writer *w, enum sctp_chunk_type type, uint8_t flags)
{
	return sctp_parameter_begin(w, (uint16_t)((unsigned)type << 8 | flags));
}

/* RFC 9260 section 3.2: the length of a chunk "does not count any chunk padding. However, it does
 * include padding of any variable-length parameter other than the last parameter in the chunk". So
 * what comes next pads a parameter, and the end of a chunk its last. */
void sctp_chunk_end(struct writer *w, size_t place)
{
	sctp_parameter_end(w, place);
	write_zeros(w, padding(w->size - place));
}

size_t sctp_parameter_begin(struct writer *w, uint16_t type)
{
	write_zeros(w, padding(w->size));
	size_t place = w->size;
	write_u16(w, type);
	write_u16(w, 0);
	return place;
}

void sctp_parameter_end(struct writer *w, size_t place)
{
	size_t length = w->size - place;
	if (length > UINT16_MAX)
		w->failed = true;
	write_u16_at(w, place + 2, (uint16_t)length);
}

void sctp_chunk_write_empty(struct writer *w, enum sctp_chunk_type type, uint8_t flags)
{
	sctp_chunk_end(w, sctp_chunk_begin(w, type, flags));
}

enum err sctp_data_parse(struct sctp_chunk chunk, struct sctp_data *ret_data)
{
	struct reader r = reader_of(chunk.value);
	struct sctp_data data = {.flags = chunk.flags};
	data.tsn = read_u32(&r);
	data.stream = read_u16(&r);
	data.ssn = read_u16(&r);
	data.ppid = read_u32(&r);
	data.payload = r.rest;
	if (r.failed)
		return ERR_MALFORMED;
	*ret_data = data;
	return ERR_OK;
}

void sctp_data_write(struct writer *w, const struct sctp_data *data)
{
	size_t place = sctp_chunk_begin(w, SCTP_DATA, data->flags);
	write_u32(w, data->tsn);
	write_u16(w, data->stream);
	write_u16(w, data->ssn);
	write_u32(w, data->ppid);
	write_bytes(w, data->payload);
	sctp_chunk_end(w, place);
}

enum err sctp_i_data_parse(struct sctp_chunk chunk, struct sctp_data *ret_data)
{
	struct reader r = reader_of(chunk.value);
	struct sctp_data data = {.flags = chunk.flags};
	data.tsn = read_u32(&r);
	data.stream = read_u16(&r);
	read_skip(&r, 2);
	data.mid = read_u32(&r);
	uint32_t ppid_or_fsn = read_u32(&r);
	/* RFC 8260 section 2.1: "If the B bit is set (...) the FSN value is implicitly 0." */
	if (data.flags & SCTP_DATA_BEGIN)
		data.ppid = ppid_or_fsn;
	else
		data.fsn = ppid_or_fsn;
	data.payload = r.rest;
	if (r.failed)
		return ERR_MALFORMED;
	*ret_data = data;
	return ERR_OK;
}

void sctp_i_data_write(struct writer *w, const struct sctp_data *data)
{
	size_t place = sctp_chunk_begin(w, SCTP_I_DATA, data->flags);
	write_u32(w, data->tsn);
	write_u16(w, data->stream);
	write_u16(w, 0);
	write_u32(w, data->mid);
	write_u32(w, data->flags & SCTP_DATA_BEGIN ? data->ppid : data->fsn);
	write_bytes(w, data->payload);
	sctp_chunk_end(w, place);
}

static void note_unknown(struct sctp_init *init, struct bytes parameter)
{
	struct writer w = writer_of(init->unknown, sizeof init->unknown);
	w.size = init->unknown_size;
	write_bytes(&w, parameter);
	write_zeros(&w, padding(parameter.size));
	if (!w.failed)
		init->unknown_size = w.size;
}

static void read_extensions(struct sctp_init *init, struct bytes types)
{
	for (size_t i = 0; i < types.size; i++) {
		init->reconfig |= types.data[i] == SCTP_RE_CONFIG;
		init->forward_tsn |= types.data[i] == SCTP_FORWARD_TSN;
		init->interleaving |= types.data[i] == SCTP_I_DATA;
		init->i_forward_tsn |= types.data[i] == SCTP_I_FORWARD_TSN;
	}
}

/* RFC 9653 section 4: at most once. What is sent twice or is malformed allows nothing: the checksum
 * is always right. */
static void read_zero_checksum(struct sctp_init *init, struct bytes value, unsigned count)
{
	struct reader r = reader_of(value);
	uint32_t method = read_u32(&r);
	init->zero_checksum =
		count == 1 && !r.failed && r.rest.size == 0 && method == SCTP_ERROR_DETECTION_DTLS;
}

enum err sctp_init_parse(struct sctp_chunk chunk, struct sctp_init *ret_init)
{
	struct reader r = reader_of(chunk.value);
	struct sctp_init init = {0};
	init.tag = read_u32(&r);
	init.window = read_u32(&r);
	init.outgoing = read_u16(&r);
	init.incoming = read_u16(&r);
	init.tsn = read_u32(&r);
	struct sctp_parameter p;
	unsigned zero_checksums = 0;
	while (sctp_parameter_next(&r, &p)) {
		switch (p.type) {
		case SCTP_PARAMETER_STATE_COOKIE:
			init.cookie = p.value;
			break;
		case SCTP_PARAMETER_EXTENSIONS:
			read_extensions(&init, p.value);
			break;
		case SCTP_PARAMETER_ZERO_CHECKSUM:
			read_zero_checksum(&init, p.value, ++zero_checksums);
			break;
		case SCTP_PARAMETER_FORWARD_TSN:
			init.forward_tsn = true;
			break;
		case SCTP_PARAMETER_HOST_NAME:
			init.host_name = true;
			break;
		case SCTP_PARAMETER_IPV4_ADDRESS:
		case SCTP_PARAMETER_IPV6_ADDRESS:
		case SCTP_PARAMETER_UNRECOGNISED:
		case SCTP_PARAMETER_COOKIE_PRESERVATIVE:
		case SCTP_PARAMETER_ADDRESS_TYPES:
			/* Addresses mean nothing inside DTLS (RFC 8261 section 5). */
			break;
		default:
			if (p.type & SCTP_PARAMETER_UNKNOWN_REPORT)
				note_unknown(&init, p.whole);
			if (!(p.type & SCTP_PARAMETER_UNKNOWN_GO_ON))
				r.rest.size = 0;
		}
	}
	if (r.failed)
		return ERR_MALFORMED;
	*ret_init = init;
	return ERR_OK;
}

static void write_extensions(struct writer *w, const struct sctp_init *init)
{
	size_t place = sctp_parameter_begin(w, SCTP_PARAMETER_EXTENSIONS);
	if (init->reconfig)
		write_u8(w, SCTP_RE_CONFIG);
	if (init->forward_tsn)
		write_u8(w, SCTP_FORWARD_TSN);
	if (init->interleaving)
		write_u8(w, SCTP_I_DATA);
	if (init->i_forward_tsn)
		write_u8(w, SCTP_I_FORWARD_TSN);
	sctp_parameter_end(w, place);
	if (init->forward_tsn)
		sctp_parameter_end(w, sctp_parameter_begin(w, SCTP_PARAMETER_FORWARD_TSN));
}

static void write_zero_checksum(struct writer *w)
{
	size_t place = sctp_parameter_begin(w, SCTP_PARAMETER_ZERO_CHECKSUM);
	write_u32(w, SCTP_ERROR_DETECTION_DTLS);
	sctp_parameter_end(w, place);
}

void sctp_init_write(struct writer *w, const struct sctp_init *init, const struct sctp_init *peer)
{
	bool is_ack = init->cookie.size > 0;
	size_t chunk = sctp_chunk_begin(w, is_ack ? SCTP_INIT_ACK : SCTP_INIT, 0);
	write_u32(w, init->tag);
	write_u32(w, init->window);
	write_u16(w, init->outgoing);
	write_u16(w, init->incoming);
	write_u32(w, init->tsn);
	if (is_ack) {
		size_t place = sctp_parameter_begin(w, SCTP_PARAMETER_STATE_COOKIE);
		write_bytes(w, init->cookie);
		sctp_parameter_end(w, place);
	}
	if (init->zero_checksum)
		write_zero_checksum(w);
	write_extensions(w, init);
	struct reader unknown =
		reader_of(peer ? bytes_of(peer->unknown, peer->unknown_size) : (struct bytes){0});
	struct sctp_parameter p;
	while (sctp_parameter_next(&unknown, &p)) {
		if (w->capacity - w->size < p.whole.size + 8)
			break;
		size_t place = sctp_parameter_begin(w, SCTP_PARAMETER_UNRECOGNISED);
		write_bytes(w, p.whole);
		sctp_parameter_end(w, place);
	}
	/* RFC 9260 section 3.2: the padding of the last parameter belongs to the chunk's padding.
	 */
	sctp_chunk_end(w, chunk);
}

enum err sctp_sack_parse(struct sctp_chunk chunk, struct sctp_sack *ret_sack)
{
	struct reader r = reader_of(chunk.value);
	struct sctp_sack sack = {0};
	sack.cumulative = read_u32(&r);
	sack.window = read_u32(&r);
	size_t blocks = read_u16(&r);
	size_t duplicates = read_u16(&r);
	sack.blocks = read_bytes(&r, 4 * blocks);
	sack.duplicates = read_bytes(&r, min_size(4 * duplicates, r.rest.size));
	if (r.failed)
		return ERR_MALFORMED;
	*ret_sack = sack;
	return ERR_OK;
}
