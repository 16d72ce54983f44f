/* The limits of ice: what a peer can make an agent keep or send. Each has a test that reaches it.
 */
#ifndef ICE_LIMITS_H
#define ICE_LIMITS_H

/* Bytes of a STUN message that is parsed. RFC 8489 section 6.1 keeps messages below the path MTU; a
 * longer one is malformed. */
#define STUN_MESSAGE_MAX 1500
/* Unknown comprehension-required attributes named in a 420 response; further ones go unnamed. */
#define STUN_UNKNOWN_MAX 8

/* Candidates of ours: interfaces and their reflexive addresses. */
#define ICE_LOCAL_MAX 64
/* Candidates of the peer, signalled and learned. */
#define ICE_REMOTE_MAX 64
/* Of those, learned from checks: a peer whose address changes endlessly cannot crowd out what it
 * signals. The oldest that is not in use gives way. */
#define ICE_PEER_REFLEXIVE_MAX 16
/* The well-known ports are not dialled, but for those of the web, where what is let out by a
 * firewall is let in by no other service: a peer must not aim our connections at mail servers. */
#define ICE_DIAL_PORT_MIN 1024
/* How often a connection over TCP that breaks is made anew, unless it lasted for some seconds. */
#define ICE_REDIALS_MAX 2
/* RFC 8445 section 6.1.2.5: "... MUST limit the total number of connectivity checks ... default of
 * 100". The pairs of lowest priority give way. */
#define ICE_PAIRS_MAX 100
/* Checks of the peer that came before its credentials were known, to be answered by triggered
 * checks later. */
#define ICE_EARLY_MAX 8
/* Responses that wait for ice_agent_write(). The caller drains after each datagram, so more than
 * one is already unusual; a peer whose request is dropped here retransmits it. */
#define ICE_RESPONSES_MAX 4

/* Of TURN: addresses behind one allocation that are sent to, each with a permission. Beyond,
 * nothing is sent to a new one. */
#define TURN_PEERS_MAX 1024
/* RFC 8489 section 14.3: a user name is "less than 509 bytes"; realm and nonce are "fewer than 128
 * characters, which can be as long as 763 bytes". */
#define TURN_USERNAME_MAX 508
#define TURN_PASSWORD_MAX 256
#define TURN_REALM_MAX 763
#define TURN_NONCE_MAX 763
/* How often one request is sent again with a new nonce: a server that calls every nonce stale ends
 * it. */
#define TURN_NONCES_MAX 4
/* An allocation's lifetime that is taken at its word, in seconds. A shorter one cannot be kept up,
 * a longer one is refreshed as if it were this. */
#define TURN_LIFETIME_MIN 30
#define TURN_LIFETIME_MAX 3600

#endif
