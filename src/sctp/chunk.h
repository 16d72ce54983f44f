/* The wire format of SCTP (RFC 9260 section 3, RFC 3758, RFC 6525, RFC 8260, RFC 9653): packets,
 * chunks and parameters. Parsed views borrow the packet.
 *
 *   packet  source port 16 | destination port 16 | verification tag 32 | checksum 32 | chunks
 *   chunk   type 8 | flags 8 | length 16 | value | 0 to 3 bytes of padding
 *   parameter and error cause   type 16 | length 16 | value | padding */
#ifndef SCTP_CHUNK_H
#define SCTP_CHUNK_H

#include "base/bytes.h"
#include "base/err.h"
#include "sctp/limits.h"

#define SCTP_HEADER_SIZE 12
#define SCTP_CHUNK_HEADER_SIZE 4
#define SCTP_DATA_HEADER_SIZE 16
#define SCTP_I_DATA_HEADER_SIZE 20

enum sctp_chunk_type {
	SCTP_DATA = 0,
	SCTP_INIT = 1,
	SCTP_INIT_ACK = 2,
	SCTP_SACK = 3,
	SCTP_HEARTBEAT = 4,
	SCTP_HEARTBEAT_ACK = 5,
	SCTP_ABORT = 6,
	SCTP_SHUTDOWN = 7,
	SCTP_SHUTDOWN_ACK = 8,
	SCTP_ERROR = 9,
	SCTP_COOKIE_ECHO = 10,
	SCTP_COOKIE_ACK = 11,
	SCTP_SHUTDOWN_COMPLETE = 14,
	SCTP_I_DATA = 64,
	SCTP_RE_CONFIG = 130,
	SCTP_PAD = 132, /* RFC 4820 */
	SCTP_FORWARD_TSN = 192,
	SCTP_I_FORWARD_TSN = 194,
};

enum sctp_parameter_type {
	SCTP_PARAMETER_HEARTBEAT_INFO = 1,
	SCTP_PARAMETER_IPV4_ADDRESS = 5,
	SCTP_PARAMETER_IPV6_ADDRESS = 6,
	SCTP_PARAMETER_STATE_COOKIE = 7,
	SCTP_PARAMETER_UNRECOGNISED = 8,
	SCTP_PARAMETER_COOKIE_PRESERVATIVE = 9,
	SCTP_PARAMETER_HOST_NAME = 11, /* deprecated */
	SCTP_PARAMETER_ADDRESS_TYPES = 12,
	SCTP_PARAMETER_OUTGOING_RESET = 13,
	SCTP_PARAMETER_INCOMING_RESET = 14,
	SCTP_PARAMETER_TSN_RESET = 15,
	SCTP_PARAMETER_RECONFIG_RESPONSE = 16,
	SCTP_PARAMETER_ADD_OUTGOING = 17,
	SCTP_PARAMETER_ADD_INCOMING = 18,
	SCTP_PARAMETER_ZERO_CHECKSUM = 0x8001,
	SCTP_PARAMETER_EXTENSIONS = 0x8008,
	SCTP_PARAMETER_FORWARD_TSN = 0xc000,
};

enum sctp_cause {
	SCTP_CAUSE_INVALID_STREAM = 1,
	SCTP_CAUSE_MISSING_PARAMETER = 2,
	SCTP_CAUSE_STALE_COOKIE = 3,
	SCTP_CAUSE_OUT_OF_RESOURCE = 4,
	SCTP_CAUSE_INVALID_PARAMETER = 7,
	SCTP_CAUSE_UNRECOGNISED_CHUNK = 6,
	SCTP_CAUSE_UNRECOGNISED_PARAMETERS = 8,
	SCTP_CAUSE_NO_USER_DATA = 9,
	SCTP_CAUSE_COOKIE_IN_SHUTDOWN = 10,
	SCTP_CAUSE_USER_ABORT = 12,
	SCTP_CAUSE_PROTOCOL = 13,
};

/* Flags of DATA and I-DATA. */
#define SCTP_DATA_END 0x01
#define SCTP_DATA_BEGIN 0x02
#define SCTP_DATA_UNORDERED 0x04
#define SCTP_DATA_IMMEDIATE 0x08 /* RFC 7053: acknowledge at once */

/* RFC 8260 section 2.3.1: the message named in I-FORWARD-TSN is an unordered one. */
#define SCTP_SKIP_UNORDERED 0x0001

/* RFC 9653 section 8: what finds errors in place of the checksum. */
#define SCTP_ERROR_DETECTION_DTLS 1

/* Flag of ABORT and SHUTDOWN COMPLETE: the tag is the receiver's, reflected. */
#define SCTP_TAG_REFLECTED 0x01

/* RFC 9260 section 3.2: what to do with a chunk of an unknown type, in its two upper bits; the same
 * for parameters. */
#define SCTP_CHUNK_UNKNOWN_GO_ON 0x80
#define SCTP_CHUNK_UNKNOWN_REPORT 0x40
#define SCTP_PARAMETER_UNKNOWN_GO_ON 0x8000
#define SCTP_PARAMETER_UNKNOWN_REPORT 0x4000

struct sctp_header {
	uint16_t source, destination;
	uint32_t tag;
};

struct sctp_chunk {
	uint8_t type, flags;
	struct bytes value; /* without header and padding */
	struct bytes whole; /* with the header */
};

struct sctp_parameter {
	uint16_t type;
	struct bytes value, whole;
};

/* DATA and I-DATA. */
struct sctp_data {
	uint8_t flags;
	uint32_t tsn;
	uint16_t stream;
	uint16_t ssn;      /* DATA */
	uint32_t mid, fsn; /* I-DATA */
	uint32_t ppid;     /* I-DATA: in the first fragment only */
	struct bytes payload;
};

/* INIT and INIT ACK. */
struct sctp_init {
	uint32_t tag, window;
	uint16_t outgoing, incoming; /* streams */
	uint32_t tsn;
	struct bytes cookie; /* INIT ACK only */
	bool forward_tsn, reconfig, interleaving;
	bool i_forward_tsn;
	bool host_name;     /* has an address that makes it unacceptable */
	bool zero_checksum; /* accepts packets whose checksum is zero, since DTLS finds errors */
	/* Parameters to report, as they came, padded. */
	uint8_t unknown[SCTP_UNKNOWN_PARAMETERS_MAX];
	size_t unknown_size;
};

struct sctp_sack {
	uint32_t cumulative, window;
	struct bytes blocks;     /* 4 bytes each: start and end, relative to the cumulative TSN */
	struct bytes duplicates; /* 4 bytes each: TSNs that came again */
};

/* Checks size and checksum and reads the header; the rest is the chunks. With `zero_checksum`, zero
 * is as good as the right checksum (RFC 9653 section 5.3). ERR_MALFORMED, ERR_MISMATCH (checksum).
 */
MUST_CHECK enum err sctp_packet_open(struct bytes packet, bool zero_checksum,
	struct sctp_header *ret_header, struct reader *ret_chunks);

/* Begins a packet, whose checksum is zero until sctp_packet_seal() sets it over what was written
 * since. */
void sctp_packet_begin(struct writer *w, struct sctp_header header);
void sctp_packet_seal(struct writer *w);

/* The next chunk. False at the end, and with `failed` set when the rest is malformed. */
bool sctp_chunk_next(struct reader *chunks, struct sctp_chunk *ret_chunk);
/* The same for parameters and error causes. */
bool sctp_parameter_next(struct reader *parameters, struct sctp_parameter *ret_parameter);

/* Begins a chunk or parameter and returns its place; the end sets its length and pads it. */
size_t sctp_chunk_begin(struct writer *w, enum sctp_chunk_type type, uint8_t flags);
void sctp_chunk_end(struct writer *w, size_t place);
size_t sctp_parameter_begin(struct writer *w, uint16_t type);
void sctp_parameter_end(struct writer *w, size_t place);
void sctp_chunk_write_empty(struct writer *w, enum sctp_chunk_type type, uint8_t flags);

MUST_CHECK enum err sctp_data_parse(struct sctp_chunk chunk, struct sctp_data *ret_data);
void sctp_data_write(struct writer *w, const struct sctp_data *data);
MUST_CHECK enum err sctp_i_data_parse(struct sctp_chunk chunk, struct sctp_data *ret_data);
void sctp_i_data_write(struct writer *w, const struct sctp_data *data);

MUST_CHECK enum err sctp_init_parse(struct sctp_chunk chunk, struct sctp_init *ret_init);
/* INIT, or INIT ACK when there is a cookie; reports the unknown parameters of `peer`, if any. */
void sctp_init_write(struct writer *w, const struct sctp_init *init, const struct sctp_init *peer);

MUST_CHECK enum err sctp_sack_parse(struct sctp_chunk chunk, struct sctp_sack *ret_sack);

#endif
