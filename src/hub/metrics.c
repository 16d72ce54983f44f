/* GET /metrics: what the hub counts, in the text format of Prometheus. */
#include "hub/hub.h"

#include <stdio.h>

#include "net/tls_server.h"

#define METRICS_MAX 32768

struct page {
	struct buffer text;
	enum err err;
};

static void put_head(struct page *page, const char *name, const char *type, const char *help)
{
	if (page->err == ERR_OK)
		page->err = buffer_append_format(&page->text,
			"# HELP dpc_hub_%s %s\n# TYPE dpc_hub_%s %s\n", name, help, name, type);
}

/* `labels` is empty or stands in braces. */
static void put_value(struct page *page, const char *name, const char *labels, double value)
{
	if (page->err == ERR_OK)
		page->err = buffer_append_format(
			&page->text, "dpc_hub_%s%s %.17g\n", name, labels, value);
}

static void put_one(
	struct page *page, const char *name, const char *type, const char *help, double value)
{
	put_head(page, name, type, help);
	put_value(page, name, "", value);
}

static void put_labelled(struct page *page, const char *name, const char *label,
	const char *label_value, double value)
{
	char labels[128];
	snprintf(labels, sizeof labels, "{%s=\"%s\"}", label, label_value);
	put_value(page, name, labels, value);
}

/* `counts` has one more than `bounds`: what is beyond the last. */
static void put_histogram(struct page *page, const char *name, const char *help, const usec *bounds,
	const uint64_t *counts, size_t bucket_count, usec sum)
{
	char series[64], text[32];
	uint64_t count = 0;
	put_head(page, name, "histogram", help);
	snprintf(series, sizeof series, "%s_bucket", name);
	for (size_t i = 0; i < bucket_count; i++) {
		count += counts[i];
		if (i < bucket_count - 1)
			snprintf(text, sizeof text, "%g", (double)bounds[i] / (double)USEC_PER_SEC);
		else
			snprintf(text, sizeof text, "+Inf");
		put_labelled(page, series, "le", text, (double)count);
	}
	snprintf(series, sizeof series, "%s_sum", name);
	put_value(page, series, "", (double)sum / (double)USEC_PER_SEC);
	snprintf(series, sizeof series, "%s_count", name);
	put_value(page, series, "", (double)count);
}

/* ---- What there is ---- */

static void put_sockets(struct page *page, const struct hub *hub)
{
	const struct web_server_stats *web = web_server_stats(hub->server);
	put_one(page, "nodes_connected", "gauge", "Nodes on the signalling socket.",
		(double)presence_count(&hub->presence));
	put_one(page, "sockets", "gauge", "Open websockets.", (double)web->sockets_now);
	put_one(page, "connections", "gauge", "Open HTTP connections.",
		(double)web->connections_now);
	put_one(page, "queued_bytes", "gauge", "Bytes that wait on all websockets.",
		(double)web->sockets_queued);
	put_one(page, "sockets_opened_total", "counter", "Websockets that were opened.",
		(double)web->upgrades);
	put_one(page, "slow_readers_total", "counter",
		"Websockets closed since they did not read what they were sent.",
		(double)web->slow_readers);
	put_head(page, "connections_dropped_total", "counter",
		"Connections closed without an answer, by reason.");
	put_labelled(
		page, "connections_dropped_total", "reason", "limit", (double)web->refused_limit);
	put_labelled(page, "connections_dropped_total", "reason", "address_limit",
		(double)web->refused_address);
	put_labelled(
		page, "connections_dropped_total", "reason", "silent", (double)web->silent_evicted);
	put_labelled(page, "connections_dropped_total", "reason", "timeout", (double)web->timeouts);
	put_labelled(
		page, "connections_dropped_total", "reason", "malformed", (double)web->malformed);
	put_labelled(page, "connections_dropped_total", "reason", "tls", (double)web->tls_failed);
	if (hub->tls)
		put_one(page, "tls_certificate_expires_seconds", "gauge",
			"When the certificate ends, in unix seconds.",
			(double)net_tls_server_expires(hub->tls));
}

static void put_closings(struct page *page, const struct hub *hub)
{
	put_head(page, "sockets_closed_total", "counter",
		"Signalling sockets that were closed, by reason.");
	for (size_t i = 0; i < CLOSING_COUNT; i++)
		put_labelled(page, "sockets_closed_total", "reason", closing_names[i],
			(double)hub->stats.closings[i]);
}

static void put_signals(struct page *page, const struct hub *hub)
{
	const struct hub_stats *stats = &hub->stats;
	put_one(page, "signals_total", "counter", "Signals that were relayed.",
		(double)stats->signals_relayed);
	put_histogram(page, "signal_relay_seconds",
		"From when the loop found a signal until it was on its way to its target.",
		relay_latency_bounds, stats->relay_latency, RELAY_LATENCY_BUCKETS,
		stats->relay_time);
	put_head(page, "signals_refused_total", "counter",
		"Frames that were answered with an error, by its code.");
	for (size_t i = 0; i < RELAY_CODE_COUNT; i++)
		put_labelled(page, "signals_refused_total", "code", relay_codes[i],
			(double)stats->refused[i]);
	put_one(page, "logins_total", "counter", "Logins that succeeded.", (double)stats->logins);
	put_one(page, "banned_total", "counter", "Requests of those who are shut out.",
		(double)stats->banned);
	put_one(page, "rate_limited_total", "counter", "Requests and frames beyond a rate.",
		(double)stats->rate_limited);
}

static void put_requests(struct page *page, const struct hub *hub)
{
	const struct web_server_stats *web = web_server_stats(hub->server);
	char text[32];
	put_head(page, "http_answers_total", "counter", "Answers to HTTP requests, by status.");
	for (int status = 100; status < WEB_STATUS_END; status++) {
		if (web->answers[status] == 0)
			continue;
		snprintf(text, sizeof text, "%d", status);
		put_labelled(
			page, "http_answers_total", "status", text, (double)web->answers[status]);
	}
	put_head(page, "http_errors_total", "counter", "Answers that are errors, by their code.");
	for (size_t i = 0; i < WEB_ERROR_CODES_MAX && web->errors[i].code[0]; i++)
		put_labelled(page, "http_errors_total", "code", web->errors[i].code,
			(double)web->errors[i].count);
	put_histogram(page, "http_handling_seconds", "From a whole request to its answer.",
		web_latency_bounds, web->latency, WEB_LATENCY_BUCKETS, web->latency_sum);
}

static void put_database(struct page *page, const struct hub *hub)
{
	struct store_stats stats = store_stats(hub->store);
	put_one(page, "database_seconds_total", "counter", "Time spent in the database.",
		(double)stats.busy / (double)USEC_PER_SEC);
	put_histogram(page, "database_step_seconds", "Steps of statements, each with its wait.",
		store_latency_bounds, stats.latency, STORE_LATENCY_BUCKETS, stats.step_time);
	put_one(page, "database_steps_total", "counter", "Steps of statements.",
		(double)stats.steps);
	put_one(page, "database_errors_total", "counter", "Steps that failed.",
		(double)stats.errors);
	put_one(page, "database_up", "gauge", "1 while the database is connected.",
		stats.is_away ? 0 : 1);
	put_one(page, "database_connections_lost_total", "counter",
		"Connections to the database that were lost.", (double)stats.losses);
}

static void put_bus(struct page *page, const struct hub *hub)
{
	struct bus_stats stats = bus_stats(hub->bus);
	if (!hub->bus)
		return;
	put_one(page, "bus_up", "gauge", "1 while the bus to other hubs is connected.",
		stats.is_up ? 1 : 0);
	put_one(page, "bus_hubs", "gauge", "Other hubs that are heard.", (double)stats.hubs);
	put_one(page, "bus_nodes", "gauge", "Nodes connected to other hubs.", (double)stats.nodes);
	put_one(page, "bus_queued_bytes", "gauge", "Bytes that wait for the bus.",
		(double)stats.queued);
	put_one(page, "bus_connections_lost_total", "counter",
		"Connections to the bus that were lost.", (double)stats.nats.losses);
	put_head(page, "bus_messages_total", "counter", "Messages on the bus, by direction.");
	put_labelled(page, "bus_messages_total", "direction", "out", (double)stats.nats.sent);
	put_labelled(page, "bus_messages_total", "direction", "in", (double)stats.nats.received);
	put_head(page, "bus_signals_total", "counter", "Signals between hubs, by direction.");
	put_labelled(page, "bus_signals_total", "direction", "out", (double)stats.signals_out);
	put_labelled(page, "bus_signals_total", "direction", "in", (double)stats.signals_in);
	put_head(page, "bus_dropped_total", "counter",
		"Messages on the bus that were not sent or not taken, by reason.");
	put_labelled(page, "bus_dropped_total", "reason", "refused", (double)stats.nats.refused);
	put_labelled(page, "bus_dropped_total", "reason", "target_gone", (double)stats.misses);
	put_labelled(page, "bus_dropped_total", "reason", "duplicate", (double)stats.duplicates);
	put_labelled(page, "bus_dropped_total", "reason", "malformed", (double)stats.malformed);
	put_one(page, "bus_replaced_total", "counter",
		"Sockets closed since their node has connected to another hub.",
		(double)stats.replaced);
}

void handle_metrics(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct page page = {.text = buffer_with_max(METRICS_MAX)};
	if (!hub_admit(hub, request, &hub->request_rate) || !hub_admit_operator(hub, request))
		return;
	put_one(&page, "uptime_seconds", "gauge", "Since the hub was started.",
		(double)(net_now() - hub->started) / (double)USEC_PER_SEC);
	put_sockets(&page, hub);
	put_closings(&page, hub);
	put_signals(&page, hub);
	put_requests(&page, hub);
	put_database(&page, hub);
	put_bus(&page, hub);
	if (page.err == ERR_OK)
		web_request_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8",
			buffer_bytes(&page.text));
	else
		hub_fail(request, page.err);
	buffer_deinit(&page.text);
}
