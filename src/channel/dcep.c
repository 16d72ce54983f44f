#include "channel/dcep.h"

#include "base/text.h"

enum err dcep_type(struct bytes message, enum dcep_type *ret_type)
{
	if (message.size == 0)
		return ERR_MALFORMED;
	switch (message.data[0]) {
	case DCEP_ACK:
		*ret_type = DCEP_ACK;
		return ERR_OK;
	case DCEP_OPEN:
		*ret_type = DCEP_OPEN;
		return ERR_OK;
	default:
		return ERR_MALFORMED;
	}
}

enum err dcep_open_parse(struct bytes message, struct dcep_open *ret_open)
{
	struct reader r = reader_of(message);
	uint8_t type = read_u8(&r), channel_type = read_u8(&r);
	struct dcep_open open = {
		.reliability = (enum dcep_reliability)(channel_type & ~DCEP_UNORDERED),
		.unordered = channel_type & DCEP_UNORDERED,
		.priority = read_u16(&r),
		.parameter = read_u32(&r),
	};
	uint16_t label_size = read_u16(&r), protocol_size = read_u16(&r);
	open.label = read_bytes(&r, label_size);
	open.protocol = read_bytes(&r, protocol_size);
	if (r.failed || type != DCEP_OPEN)
		return ERR_MALFORMED;
	if (label_size > CHANNEL_LABEL_MAX || protocol_size > CHANNEL_LABEL_MAX)
		return ERR_LIMIT;
	if (open.reliability > DCEP_TIMED)
		return ERR_UNSUPPORTED;
	if (!utf8_is_valid(open.label) || !utf8_is_valid(open.protocol))
		return ERR_MALFORMED;
	*ret_open = open;
	return ERR_OK;
}

void dcep_open_write(struct writer *w, const struct dcep_open *open)
{
	CHECK(open->label.size <= CHANNEL_LABEL_MAX);
	CHECK(open->protocol.size <= CHANNEL_LABEL_MAX);
	write_u8(w, DCEP_OPEN);
	write_u8(w, (uint8_t)(open->reliability | (open->unordered ? DCEP_UNORDERED : 0)));
	write_u16(w, open->priority);
	write_u32(w, open->parameter);
	write_u16(w, (uint16_t)open->label.size);
	write_u16(w, (uint16_t)open->protocol.size);
	write_bytes(w, open->label);
	write_bytes(w, open->protocol);
}
