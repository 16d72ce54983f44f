/* The limits of data channels. */
#ifndef CHANNEL_LIMITS_H
#define CHANNEL_LIMITS_H

/* Channels of one association, of both sides' making, including those that are being closed. */
#define CHANNELS_MAX 1024

/* RFC 8832 section 6: "65535 is reserved". */
#define CHANNEL_ID_MAX 65534

/* Bytes of a label or a protocol. RFC 8832 would allow 65,535: a peer could make us keep 128 MiB.
 */
#define CHANNEL_LABEL_MAX 256

/* How long a negotiated channel that is closed waits for the peer's reset when nothing ever came on
 * it. Nothing tells whether the peer has it too: one that has resets its stream as soon as it has
 * sent what was queued on it. */
#define CHANNEL_ANSWER_WAIT_US (15 * USEC_PER_SEC)

#endif
