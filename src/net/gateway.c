#include "net/gateway.h"

#include <arpa/inet.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>
#include <natpmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/iface.h"
#include "net/loop.h"

static struct addr addr_of_ipv4(struct in_addr in)
{
	struct addr addr = {.family = ADDR_IPV4};
	memcpy(addr.ip, &in, 4);
	return addr;
}

/* ---- NAT-PMP ---- */

/* RFC 6886 section 3.1 repeats for two minutes; a router on the same cable answers at once or
 * never. */
static bool natpmp_answer(natpmp_t *client, natpmpresp_t *response)
{
	usec limit = net_now() + NET_PORTMAP_NATPMP_TIME;
	for (;;) {
		int code = readnatpmpresponseorretry(client, response);
		if (code != NATPMP_TRYAGAIN)
			return code == 0;
		struct timeval wait;
		usec left = limit - net_now();
		if (left <= 0 || getnatpmprequesttimeout(client, &wait) != 0)
			return false;
		usec timeout = (usec)wait.tv_sec * USEC_PER_SEC + wait.tv_usec;
		struct pollfd fd = {.fd = client->s, .events = POLLIN};
		poll(&fd, 1, (int)(usec_min(timeout, left) / USEC_PER_MS) + 1);
	}
}

/* A request that was repeated may be answered twice, and the second answer come in the place of the
 * next one's: then that is asked again. */
static bool natpmp_ask_for_port(natpmp_t *client, const struct gateway_port *port, uint16_t wish,
	uint32_t lifetime, natpmpresp_t *response)
{
	int protocol = port->is_tcp ? NATPMP_PROTOCOL_TCP : NATPMP_PROTOCOL_UDP;
	uint16_t expected =
		port->is_tcp ? NATPMP_RESPTYPE_TCPPORTMAPPING : NATPMP_RESPTYPE_UDPPORTMAPPING;
	for (unsigned i = 0; i < NET_PORTMAP_NATPMP_TRIES; i++) {
		if (sendnewportmappingrequest(client, protocol, port->internal, wish, lifetime) <
				0 ||
			!natpmp_answer(client, response))
			return false;
		if (response->type == expected &&
			response->pnu.newportmapping.privateport == port->internal)
			return true;
	}
	return false;
}

static void natpmp_map(natpmp_t *client, struct gateway_port *port, bool unmap)
{
	natpmpresp_t response;
	uint16_t wish = port->external ? port->external : port->internal;
	uint32_t lifetime = unmap ? 0 : NET_PORTMAP_LIFETIME_S;
	port->lifetime_s = 0;
	if (!natpmp_ask_for_port(client, port, unmap ? 0 : wish, lifetime, &response)) {
		port->code = GATEWAY_NO_ANSWER;
		return;
	}
	port->code = 0;
	port->external = response.pnu.newportmapping.mappedpublicport;
	port->lifetime_s = response.pnu.newportmapping.lifetime;
}

static bool try_natpmp(struct gateway_job *job)
{
	natpmp_t client;
	natpmpresp_t response;
	if (initnatpmp(&client, 0, 0) != 0)
		return false;
	struct addr gateway = addr_of_ipv4((struct in_addr){client.gateway});
	gateway.port = NATPMP_PORT;
	bool answers = sendpublicaddressrequest(&client) >= 0 &&
		       natpmp_answer(&client, &response) &&
		       response.type == NATPMP_RESPTYPE_PUBLICADDRESS &&
		       net_iface_source(&gateway, &job->internal) == ERR_OK;
	if (answers)
		job->external = addr_of_ipv4(response.pnu.publicaddress.addr);
	for (size_t i = 0; answers && job->task != GATEWAY_ASK && i < job->count; i++)
		natpmp_map(&client, &job->ports[i], job->task == GATEWAY_UNMAP);
	closenatpmp(&client);
	return answers;
}

/* ---- UPnP ---- */

/* Anybody on the network may answer and name any URL: only one within the network is asked. */
static bool is_url_local(const char *url)
{
	char host[ADDR_TEXT_MAX];
	struct addr addr;
	const char *begin = text_starts_with(url, "http://") ? url + 7 : NULL;
	size_t size = begin ? strcspn(begin, ":/") : 0;
	return begin && text_copy_bytes(host, sizeof host, bytes_of(begin, size)) &&
	       addr_parse_ip(host, 0, &addr) && addr.family == ADDR_IPV4 &&
	       addr_is_local_network(&addr);
}

/* The connection that is up: of IP, or of PPP, where the router has both. */
static bool find_connection(struct gateway_job *job, const char *description, struct IGDdatas *data)
{
	struct IGDdatas_service services[] = {data->first, data->second};
	for (size_t i = 0; i < 2 && services[i].servicetype[0]; i++) {
		struct UPNPUrls urls = {0};
		data->first = services[i];
		GetUPNPUrls(&urls, data, description, 0);
		bool found =
			urls.controlURL && is_url_local(urls.controlURL) &&
			UPNPIGD_IsConnected(&urls, data) == 1 &&
			text_copy(job->control_url, sizeof job->control_url, urls.controlURL) &&
			text_copy(job->service, sizeof job->service, data->first.servicetype);
		FreeUPNPUrls(&urls);
		if (found)
			return true;
	}
	return false;
}

static bool upnp_describe(struct gateway_job *job, const struct UPNPDev *device)
{
	struct UPNPUrls urls = {0};
	struct IGDdatas data = {0};
	char lan[ADDR_TEXT_MAX] = "";
	if (!is_url_local(device->descURL) ||
		UPNP_GetIGDFromUrl(device->descURL, &urls, &data, lan, sizeof lan) != 1)
		return false;
	FreeUPNPUrls(&urls);
	return addr_parse_ip(lan, 0, &job->internal) &&
	       find_connection(job, device->descURL, &data);
}

static bool upnp_discover(struct gateway_job *job)
{
	static const char *const types[] = {"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
		"urn:schemas-upnp-org:device:InternetGatewayDevice:1", NULL};
	int error = 0;
	unsigned asked = 0;
	bool found = false;
	/* For all types at once: one after the other, each would have the whole time. */
	struct UPNPDev *devices =
		upnpDiscoverDevices(types, (int)(NET_PORTMAP_UPNP_TIME / USEC_PER_MS), NULL, NULL,
			UPNP_LOCAL_PORT_ANY, 0, 2, &error, 1);
	for (struct UPNPDev *device = devices; device && !found && asked < NET_PORTMAP_DEVICES_MAX;
		device = device->pNext, asked++)
		found = upnp_describe(job, device);
	freeUPNPDevlist(devices);
	return found;
}

static int upnp_add(const struct gateway_job *job, const struct gateway_port *port,
	uint16_t external, uint32_t lifetime_s)
{
	char inside[8], outside[8], lifetime[16], client[ADDR_TEXT_MAX];
	snprintf(inside, sizeof inside, "%u", (unsigned)port->internal);
	snprintf(outside, sizeof outside, "%u", (unsigned)external);
	snprintf(lifetime, sizeof lifetime, "%u", (unsigned)lifetime_s);
	return UPNP_AddPortMapping(job->control_url, job->service, outside, inside,
		addr_ip_text(&job->internal, client), "dpc", port->is_tcp ? "TCP" : "UDP", NULL,
		lifetime);
}

/* UPnP IGD, WANIPConnection: codes of AddPortMapping. */
#define CONFLICT 718
#define ONLY_PERMANENT 725

static void upnp_map(const struct gateway_job *job, struct gateway_port *port)
{
	uint16_t wish = port->external ? port->external : port->internal;
	uint32_t lifetime = NET_PORTMAP_LIFETIME_S;
	int code = CONFLICT;
	for (unsigned i = 0; i < 4 && (code == CONFLICT || code == ONLY_PERMANENT); i++) {
		if (i > 0 && code == CONFLICT)
			wish = job->spare_port;
		if (code == ONLY_PERMANENT)
			lifetime = 0;
		code = upnp_add(job, port, wish, lifetime);
	}
	port->code = code;
	port->external = code == 0 ? wish : 0;
	port->is_permanent = code == 0 && lifetime == 0;
	port->lifetime_s = code == 0 ? lifetime : 0;
}

static void upnp_unmap(const struct gateway_job *job, struct gateway_port *port)
{
	char outside[8];
	snprintf(outside, sizeof outside, "%u", (unsigned)port->external);
	if (port->external)
		port->code = UPNP_DeletePortMapping(job->control_url, job->service, outside,
			port->is_tcp ? "TCP" : "UDP", NULL);
	port->lifetime_s = 0;
}

static bool try_upnp(struct gateway_job *job)
{
	char external[64] = "";
	bool known = job->protocol == GATEWAY_UPNP && job->control_url[0];
	if (job->task == GATEWAY_UNMAP && !known)
		return false;
	if (!known && !upnp_discover(job))
		return false;
	if (job->task != GATEWAY_UNMAP &&
		(UPNP_GetExternalIPAddress(job->control_url, job->service, external) != 0 ||
			!addr_parse_ip(external, 0, &job->external))) {
		/* It is gone, or another one: looked for anew the next time. */
		job->control_url[0] = 0;
		return false;
	}
	for (size_t i = 0; job->task != GATEWAY_ASK && i < job->count; i++) {
		if (job->task == GATEWAY_UNMAP)
			upnp_unmap(job, &job->ports[i]);
		else
			upnp_map(job, &job->ports[i]);
	}
	return true;
}

void gateway_run(struct gateway_job *job)
{
	if (job->protocol != GATEWAY_UPNP && try_natpmp(job)) {
		job->protocol = GATEWAY_NAT_PMP;
		return;
	}
	/* What was mapped by one is not taken back by the other. */
	bool wrong = job->task == GATEWAY_UNMAP && job->protocol == GATEWAY_NAT_PMP;
	job->protocol = !wrong && try_upnp(job) ? GATEWAY_UPNP : GATEWAY_NONE;
}
