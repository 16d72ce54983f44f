/* What `dpc status` shows of the peers: a line each, or all that is known of one. */
#ifndef CLI_STATUS_PEERS_H
#define CLI_STATUS_PEERS_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* Fits the path into what `columns` leave; 0: as long as it is. Nothing when there is no peer. */
void print_peer_table(FILE *out, const json_t *peers, size_t columns);
/* An answer to GET /peers/{peer}/quality. */
void print_peer_quality(const json_t *quality);

#endif
