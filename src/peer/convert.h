/* The public types of dpc/peer.h and those of the layers below are alike, but only the public ones
 * are promised to other programs. These are the conversions. */
#ifndef PEER_CONVERT_H
#define PEER_CONVERT_H

#include "base/addr.h"
#include "base/err.h"
#include "dpc/peer.h"

static inline struct addr addr_from_public(const struct dpc_addr *a)
{
	struct addr addr = {.port = a->port, .scope = a->scope};
	addr.transport = a->transport == DPC_TCP ? ADDR_TCP : ADDR_UDP;
	if (a->family == ADDR_IPV4 || a->family == ADDR_IPV6)
		addr.family = (enum addr_family)a->family;
	memcpy(addr.ip, a->ip, addr_ip_size(&addr));
	return addr;
}

static inline struct dpc_addr addr_to_public(const struct addr *a)
{
	struct dpc_addr addr = {.family = (int)a->family,
		.port = a->port,
		.transport = (uint8_t)a->transport,
		.scope = a->scope};
	memcpy(addr.ip, a->ip, sizeof addr.ip);
	return addr;
}

static inline struct path path_from_public(const struct dpc_path *p)
{
	return (struct path){
		.local = addr_from_public(&p->local), .remote = addr_from_public(&p->remote)};
}

static inline struct dpc_path path_to_public(const struct path *p)
{
	return (struct dpc_path){
		.local = addr_to_public(&p->local), .remote = addr_to_public(&p->remote)};
}

#endif
