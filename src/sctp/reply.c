/* Chunks that answer something the peer sent, kept as bytes until the next packet is written. Their
 * buffers are bounded and given back when empty: what does not fit is not answered, and the peer
 * asks again. */
#include "sctp/internal.h"

void sctp_reply(struct sctp_assoc *a, struct bytes chunk)
{
	CHECK(chunk.size % 4 == 0);
	if (chunk.size > a->config.packet_max - SCTP_HEADER_SIZE)
		return;
	a->replies.max = SCTP_REPLIES_MAX;
	if (buffer_append(&a->replies, chunk))
		a->stats.dropped_malformed++;
}

void sctp_reply_error(struct sctp_assoc *a, enum sctp_cause cause, struct bytes value)
{
	uint8_t data[SCTP_UNKNOWN_PARAMETERS_MAX + 16];
	struct writer w = writer_of(data, sizeof data);
	size_t chunk = sctp_chunk_begin(&w, SCTP_ERROR, 0);
	size_t place = sctp_parameter_begin(&w, (uint16_t)cause);
	write_bytes(&w, bytes_slice(value, 0, SCTP_UNKNOWN_PARAMETERS_MAX));
	sctp_parameter_end(&w, place);
	sctp_chunk_end(&w, chunk);
	CHECK(!w.failed);
	sctp_reply(a, writer_bytes(&w));
}

void sctp_reply_solo(struct sctp_assoc *a, uint32_t tag, struct bytes chunk)
{
	uint8_t header[SCTP_HEADER_SIZE];
	struct writer w = writer_of(header, sizeof header);
	sctp_packet_begin(&w, (struct sctp_header){.source = a->config.local_port,
				      .destination = a->config.remote_port,
				      .tag = tag});
	a->solo.max = a->config.packet_max;
	buffer_clear(&a->solo);
	if (buffer_append(&a->solo, writer_bytes(&w)) || buffer_append(&a->solo, chunk))
		buffer_deinit(&a->solo);
}

void sctp_reply_solo_empty(
	struct sctp_assoc *a, uint32_t tag, enum sctp_chunk_type type, uint8_t flags)
{
	uint8_t data[SCTP_CHUNK_HEADER_SIZE];
	struct writer w = writer_of(data, sizeof data);
	sctp_chunk_write_empty(&w, type, flags);
	sctp_reply_solo(a, tag, writer_bytes(&w));
}
