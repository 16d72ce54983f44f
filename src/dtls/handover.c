/* From libssl to the record layer, in two steps that never go back.
 *
 * The handshake is done on our side: from here on we open the peer's application records. libssl
 * goes on to read handshake records and alerts, as our last flight may be lost and the peer repeat
 * its own until it is answered, and it seals all that we write.
 *
 * The peer has our last flight, as it seals application records: libssl has nothing left to do, and
 * is freed. From here on we seal all that is written, and start where it has stopped. So no two
 * writers ever draw from the same numbers at a time, and no nonce is used twice. A peer sees one
 * row of numbers, in which no repetition of a flight is too old for its replay window.
 * docs/decisions/0005-dtls-records.md has more. */
#include "dtls/internal.h"

#include <openssl/crypto.h>

/* RFC 6347 section 4.2.4: "the node that transmits the last flight (the server in an ordinary
 * handshake or the client in a resumed handshake) MUST respond to a retransmit of the peer's last
 * flight with a retransmit of the last flight." Nobody waits for the other node. */
static bool last_flight_is_ours(const struct dtls *dtls)
{
	bool resumed = SSL_session_reused(dtls->ssl) == 1;
	return dtls->client == resumed;
}

static void export_secret(SSL *ssl, struct record_secret *secret)
{
	SSL_SESSION *session = SSL_get_session(ssl);
	CHECK(session != NULL);
	CHECK(SSL_SESSION_get_master_key(session, secret->master, sizeof secret->master) ==
		sizeof secret->master);
	CHECK(SSL_get_client_random(ssl, secret->client_random, HELLO_RANDOM_SIZE) ==
		HELLO_RANDOM_SIZE);
	CHECK(SSL_get_server_random(ssl, secret->server_random, HELLO_RANDOM_SIZE) ==
		HELLO_RANDOM_SIZE);
}

static enum err make_layer(struct dtls *dtls)
{
	struct record_secret secret;
	struct record_keys keys;
	export_secret(dtls->ssl, &secret);
	enum err err = record_keys_derive(dtls->suite, &secret, &keys);
	if (!err)
		err = record_layer_init(&dtls->layer, dtls->suite,
			dtls->client ? &keys.client : &keys.server,
			dtls->client ? &keys.server : &keys.client);
	OPENSSL_cleanse(&secret, sizeof secret);
	OPENSSL_cleanse(&keys, sizeof keys);
	return err;
}

enum err handover_begin(struct dtls *dtls)
{
	dtls->suite = suite_find(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(dtls->ssl)));
	/* The context offers and accepts no others. */
	CHECK(dtls->suite != NULL);
	if (!dtls->own_records)
		return ERR_OK;
	enum err err = make_layer(dtls);
	if (!err && !last_flight_is_ours(dtls))
		handover_finish(dtls);
	return err;
}

/* Whether it is known for certain which numbers libssl has not used. */
static bool can_continue(const struct dtls *dtls)
{
	const struct sealed_by_libssl *sealed = &dtls->datagrams.sealed;
	bool has_explicit = dtls->suite->explicit_size > 0;
	return sealed->count > 0 && !sealed->sequence_leaps &&
	       !(has_explicit && sealed->nonce_leaps);
}

void handover_finish(struct dtls *dtls)
{
	CHECK(dtls->own_records);
	/* If not, libssl seals to the end, as it would have without us. */
	if (!dtls->ssl || !can_continue(dtls))
		return;
	record_layer_continue(&dtls->layer, dtls->datagrams.sealed.next_sequence,
		dtls->datagrams.sealed.next_nonce);
	/* Cleanses the master secret and its copy of the keys. */
	SSL_free(dtls->ssl);
	dtls->ssl = NULL;
}
