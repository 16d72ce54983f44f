/* Every limit and protocol constant of the SCTP layer, with its reason. Times are microseconds. */
#ifndef SCTP_LIMITS_H
#define SCTP_LIMITS_H

#include "base/usec.h"

/* What sctp_config means by 0. RFC 8831 asks for packets that fit 1,200 bytes of DTLS over UDP; a
 * DTLS 1.2 AES-GCM record costs 37 bytes. */
#define SCTP_PACKET_MAX_DEFAULT 1163
#define SCTP_MESSAGE_MAX_DEFAULT ((size_t)256 * 1024)
#define SCTP_RECEIVE_WINDOW_DEFAULT ((size_t)1024 * 1024)
/* How far the window grows by itself: 16 MiB fill 1 Gbit/s at 130 ms. Not beyond what
 * SCTP_RECEIVE_ITEMS_MAX and SCTP_TSN_SPAN_MAX leave room for in full packets. */
#define SCTP_RECEIVE_WINDOW_MAX ((size_t)16 * 1024 * 1024)
#define SCTP_SEND_QUEUE_MAX_DEFAULT ((size_t)16 * 1024 * 1024)
/* RFC 8831 section 6.2: "The number of streams negotiated during SCTP association setup SHOULD be
 * 65535". Those that are not used cost nothing. */
#define SCTP_STREAMS_DEFAULT 65535

/* A packet has room for INIT ACK with its cookie and for a useful fragment; RFC 9260 section 3.3.1
 * counts the length of a chunk in 16 bits. */
#define SCTP_PACKET_MAX_MIN 256
#define SCTP_PACKET_MAX_MAX 65532

/* RFC 9260 section 3.3.2: "A receiver of an INIT chunk with the a_rwnd value set to a value smaller
 * than 1500 MUST discard the packet". */
#define SCTP_INIT_WINDOW_MIN 1500

/* RFC 9260 section 6.2 wants at least 1,500 bytes of window; ours also holds one message. */
#define SCTP_RECEIVE_WINDOW_MIN 4096

/* RFC 9260 section 16 suggests RTO.Initial 1 s, RTO.Min 1 s, RTO.Max 60 s: numbers for the
 * telephone networks of 2000. Here ICE has just measured that the path is interactive. The minimum
 * stays above the 200 ms for which a peer may delay its SACK, so that a lone message is not resent
 * for nothing; the initial value is that of current WebRTC stacks; the maximum lets an association
 * recover soon after a network came back. */
#define SCTP_RTO_INITIAL (500 * USEC_PER_MS)
#define SCTP_RTO_MIN (250 * USEC_PER_MS)
#define SCTP_RTO_MAX (10 * USEC_PER_SEC)

/* RFC 9260 section 16 suggests 10, with time-outs of up to 60 s: some six minutes. With ours of 10
 * s at most, and a request to reset streams that counts beside DATA (RFC 6525 section 5.1.1), ten
 * of them were over after a silence of 20 s that ICE survives. */
#define SCTP_ASSOCIATION_MAX_RETRANS 20

/* RFC 9260 section 16. */
#define SCTP_MAX_INIT_RETRANSMITS 8
#define SCTP_COOKIE_LIFE (60 * USEC_PER_SEC)
#define SCTP_HEARTBEAT_INTERVAL (30 * USEC_PER_SEC)

/* RFC 9260 section 6.2: a SACK "SHOULD be sent within 200 ms". Some peers retransmit after 200 ms
 * already, so ours leaves earlier, as TCP's delayed acknowledgement does. */
#define SCTP_SACK_DELAY (40 * USEC_PER_MS)
#define SCTP_SACK_PACKETS 2

/* RFC 9260 section 9.2 recommends five times RTO.Max for the guard of the shutdown sequence. */
#define SCTP_SHUTDOWN_GUARD (5 * SCTP_RTO_MAX)

/* RFC 8899 section 5.1. */
#define SCTP_PMTU_MAX_PROBES 3
#define SCTP_PMTU_PROBE_TIMEOUT_MIN USEC_PER_SEC
#define SCTP_PMTU_RAISE_INTERVAL (600 * USEC_PER_SEC)

/* A measured round trip serves as the smallest one for so long, and up to twice as long. */
#define SCTP_RTT_MIN_WINDOW (10 * USEC_PER_SEC)

/* The loop that drives an association may be late by this much. */
#define SCTP_TIMER_GRANULARITY (1 * USEC_PER_MS)

/* A timer that is this late says that our process was not run: what arrived meanwhile waits in the
 * socket and is read first, before anything is taken for lost. */
#define SCTP_TIMER_LATE (20 * USEC_PER_MS)

/* RFC 9260 section 7.2.4 retransmits a TSN with the third SACK that misses it. SACKs come for
 * batches today, so it is packets that are counted, as in RFC 8985 (DupThresh) and RFC 9002
 * (kPacketThreshold). */
#define SCTP_PACKETS_TO_RETRANSMIT 3

/* RFC 8985 section 6.2: the reordering window grows with each needless retransmission, and is
 * forgotten after this many losses without one. */
#define SCTP_RACK_PATIENCE 16
#define SCTP_RACK_MULTIPLIER_MAX 16

/* RFC 9260 section 6.2: what a lone packet's SACK may be delayed by. */
#define SCTP_PEER_SACK_DELAY_MAX (200 * USEC_PER_MS)
#define SCTP_PROBE_DELAY_MIN (10 * USEC_PER_MS)

/* Below this round trip nothing is paced: the loop's timers are coarser than the path. */
#define SCTP_PACE_ROUND_TRIP_MIN (1 * USEC_PER_MS)
/* The burst after a pause (RFC 9002 section 7.7: the initial window); what leaves together; how
 * many of those are made up for when the timer was late; where the arithmetic ends (8 Tbit/s). */
#define SCTP_PACE_BURST_PACKETS 10
#define SCTP_PACE_QUANTUM (1 * USEC_PER_MS)
#define SCTP_PACE_LATE_QUANTA 4
#define SCTP_PACE_RATE_MAX (UINT64_C(1000) * 1000 * 1000 * 1000)

/* BBR takes a path for at least this long: what the batches of a fast receiver need in flight. And
 * what leaves together counts with this much at most. */
#define SCTP_BBR_ROUND_TRIP_MIN (2 * USEC_PER_MS)
#define SCTP_BBR_QUANTUM_MAX ((size_t)64 * 1024)

/* The window's growth stops somewhere: 64 MiB fill 5 Gbit/s at 100 ms. */
#define SCTP_CWND_MAX ((size_t)64 * 1024 * 1024)

/* A message is not cut to fill up a packet with less than this, the size of a DATA chunk's header.
 * Full packets are worth it: equal ones leave in one system call. */
#define SCTP_FRAGMENT_MIN 16

/* How far beyond the cumulative TSN data is accepted: what a gap block's 16-bit offset can say is
 * 65,535; 1 MiB of window in full packets is below 1,000. Bounds the tables of held fragments and
 * of waiting messages. */
#define SCTP_TSN_SPAN_MAX 32768

/* Fragments and messages in the receive queue, whatever their size; above half, the advertised
 * window is zero. Bounds the memory behind one-byte messages. */
#define SCTP_RECEIVE_ITEMS_MAX 32768

/* Streams that the peer has used and not reset; one more ends the association. Data channels are
 * CHANNELS_MAX at most. */
#define SCTP_STREAMS_USED_MAX 4096

/* I-DATA: messages of one stream and order of which some fragments are there and some are not. A
 * sender works on one at a time (RFC 8260 section 2.2.2), the others are those that have lost one.
 * What begins one more is dropped, and comes again. */
#define SCTP_STARTED_MAX 1024

/* I-DATA: a message that is not larger is thought to fit into one chunk, and may begin at any time.
 */
#define SCTP_UNCUT_MAX 1100

/* I-DATA: a peer that works on many large messages at once fills the receive window with parts of
 * messages none of which can become whole. While its caller has read everything, an association
 * takes this much more of them; a peer that needs even more has to be cut off. */
#define SCTP_PARTS_MAX ((size_t)16 * 1024 * 1024)

/* A FORWARD-TSN that tells nothing new is repeated after a round trip. RFC 3758 section 3.5 F2:
 * "Any delay applied to the sending of FORWARD TSN chunk SHOULD NOT exceed 200ms". */
#define SCTP_FORWARD_TSN_INTERVAL (200 * USEC_PER_MS)

/* Streams named in one FORWARD-TSN; it goes as far as they do, and the next follows. */
#define SCTP_SKIPS_MAX 256

/* With fewer messages waiting on a stream, those that the peer skips are searched, else their
 * numbers are counted through. The square of this is about SCTP_TSN_SPAN_MAX. */
#define SCTP_SKIP_SEARCH_MAX 181

/* Data that fills a gap is accepted this far beyond the window: the probes of RFC 9260 section 6.1
 * rule A may have exceeded it, and refusing the missing piece would block everything. */
#define SCTP_WINDOW_SLACK ((size_t)64 * 1024)

/* A shared budget (struct sctp_budget): what a fragment or a message costs beside its bytes; the
 * part of what is left that one peer is told of; how long one association may go beyond the ceiling
 * before it has to have ended what it began; how soon a closed window is looked at again. */
#define SCTP_BUDGET_ITEM 128
#define SCTP_BUDGET_SHARES 4
#define SCTP_BUDGET_TURN (30 * USEC_PER_SEC)
#define SCTP_BUDGET_WATCH (500 * USEC_PER_MS)

/* Separate runs of TSNs beyond the cumulative one; a TSN that would need one more is dropped, and
 * comes again. */
#define SCTP_GAP_BLOCKS_MAX 256

/* Duplicate TSNs told in one SACK; further ones are only counted. */
#define SCTP_DUPLICATES_MAX 16

/* HEARTBEAT ACK and ERROR chunks that wait to be written; what does not fit is not answered. */
#define SCTP_REPLIES_MAX 4096

/* Parameters that we do not know and are asked to report. */
#define SCTP_UNKNOWN_PARAMETERS_MAX 256

/* Events other than messages that wait to be pulled (a RE-CONFIG chunk may name hundreds of
 * streams); the peer's requests beyond are not answered, and come again. */
#define SCTP_EVENTS_MAX 4096

/* Streams in one of our reset requests; the others wait for the next. */
#define SCTP_RESET_STREAMS_MAX 64

/* Streams in one reset request of the peer's; more are refused. */
#define SCTP_PEER_RESET_STREAMS_MAX 1024

/* Requests of the peer's to reset streams that may come ahead of the one that is due, and the
 * streams that all of them name; what is beyond is not answered, and comes again. */
#define SCTP_RESET_REQUESTS_AHEAD 256
#define SCTP_RESET_STREAMS_AHEAD_MAX SCTP_PEER_RESET_STREAMS_MAX

/* Answers to such requests that wait to be written; of more, the last ones. */
#define SCTP_RESET_RESPONSES_MAX 32

/* Error causes that we put in one ABORT carry this much of text. */
#define SCTP_ABORT_TEXT_MAX 64

#endif
