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

#endif
