#include "cli/status_peers.h"

#include <string.h>

#include "cli/field.h"
#include "cli/figures.h"
#include "cli/limits.h"
#include "cli/output.h"

#define PATH_TEXT_MAX 512
#define NAME_COLUMNS 12
#define PATH_COLUMNS_MIN 12
/* The figures behind the path, as the header has them. */
#define HEADER "      RTT    LOSS   IN/s  OUT/s     UP"

/* ---- A line a peer ---- */

/* Short: "direct 192.0.2.7:40122 srflx", "relay turn.example:443/tls". */
static char *path_text(const json_t *peer, char text[PATH_TEXT_MAX])
{
	const json_t *link = json_object_get(peer, "link");
	const json_t *route = json_object_get(link, "route");
	const char *type = field_text(link, "remote_type"), *error = field_text(peer, "error");
	char line[PATH_TEXT_MAX];
	if (!json_is_object(link))
		snprintf(line, sizeof(line), "%.40s%s%.300s", field_text(peer, "state"),
			*error ? ": " : "", error);
	else if (strcmp(field_text(route, "kind"), "relay") == 0)
		snprintf(line, sizeof(line), "%.400s", field_text(route, "text"));
	else
		snprintf(line, sizeof(line), "direct %s%.100s%s%.20s",
			strcmp(field_text(link, "path"), "direct") == 0 ? "TLS " : "",
			field_text(link, "remote"), *type ? " " : "", type);
	return text_safe(line, text, PATH_TEXT_MAX);
}

static void print_figures(FILE *out, const json_t *link)
{
	const json_t *quality = json_object_get(link, "quality");
	char rtt[FIGURE_MAX], loss[FIGURE_MAX], in[FIGURE_MAX], back[FIGURE_MAX], up[FIGURE_MAX];
	fprintf(out, " %8s %7s %6s %6s %6s\n", figure_ms(quality, "rtt_ms", rtt),
		figure_percent(quality, "loss", loss),
		figure_bytes(quality, "in_bytes_per_second", in),
		figure_bytes(quality, "out_bytes_per_second", back),
		figure_span(quality, "up_seconds", up));
}

/* A contact's name, with a mark behind it where the safety number was compared. */
static char *label_text(const json_t *peer, char text[PATH_TEXT_MAX])
{
	char name[NAME_TEXT_MAX];
	snprintf(text, PATH_TEXT_MAX, "%s%s", name_text(peer, name),
		json_is_true(json_object_get(peer, "verified")) ? " \xe2\x9c\x93" : "");
	return text;
}

static void print_row(FILE *out, const json_t *peer, size_t name_width, size_t path_width)
{
	char name[PATH_TEXT_MAX], path[PATH_TEXT_MAX];
	const json_t *link = json_object_get(peer, "link");
	print_column(out, label_text(peer, name), name_width);
	putc(' ', out);
	path_text(peer, path);
	if (json_is_object(link)) {
		print_column(out, path, path_width);
		print_figures(out, link);
	} else {
		/* Why there is no link has the whole line. */
		size_t room = path_width + strlen(HEADER), width = text_width(path);
		print_column(out, path, width < room ? width : room);
		putc('\n', out);
	}
}

void print_peer_table(FILE *out, const json_t *peers, size_t columns)
{
	char text[PATH_TEXT_MAX];
	size_t name_width = strlen("PEER"), path_width = PATH_COLUMNS_MIN;
	if (json_array_size(peers) == 0)
		return;
	for (size_t i = 0; i < json_array_size(peers); i++) {
		const json_t *peer = json_array_get(peers, i);
		size_t name = text_width(label_text(peer, text));
		name_width = name > name_width ? name : name_width;
		size_t path = json_is_object(json_object_get(peer, "link"))
				      ? text_width(path_text(peer, text))
				      : 0;
		path_width = path > path_width ? path : path_width;
	}
	size_t fixed = 1 + strlen(HEADER);
	if (columns > 0 && name_width + path_width + fixed > columns) {
		name_width = name_width < NAME_COLUMNS ? name_width : NAME_COLUMNS;
		size_t least = name_width + PATH_COLUMNS_MIN + fixed;
		size_t room = columns > least ? columns - name_width - fixed : PATH_COLUMNS_MIN;
		path_width = path_width < room ? path_width : room;
	}
	fputs(colour(COLOUR_DIM), out);
	print_column(out, "PEER", name_width);
	putc(' ', out);
	print_column(out, "PATH", path_width);
	fprintf(out, "%s%s\n", HEADER, colour(COLOUR_NONE));
	for (size_t i = 0; i < json_array_size(peers); i++)
		print_row(out, json_array_get(peers, i), name_width, path_width);
}

/* ---- All of one peer ---- */

static void begin_line(const char *what)
{
	printf("%s%-9s%s ", colour(COLOUR_DIM), what, colour(COLOUR_NONE));
}

static void print_route(const json_t *link)
{
	const json_t *route = json_object_get(link, "route");
	const char *nat = field_text(route, "nat"), *why = field_text(route, "why");
	begin_line("path");
	print_safe(stdout, field_text(route, "text"), false);
	if (*nat)
		printf(", NAT here: %s", nat);
	putchar('\n');
	if (*why) {
		begin_line("");
		printf("not direct: %s\n", why);
	}
}

static void print_now(const json_t *link)
{
	const json_t *quality = json_object_get(link, "quality");
	char a[FIGURE_MAX], b[FIGURE_MAX], c[FIGURE_MAX], d[FIGURE_MAX];
	begin_line("up");
	double restarts = field_number(link, "restarts", 0);
	double before = field_number(quality, "links_before", 0);
	printf("%s, set up in %s, %.0f restart%s, %.0f link%s before\n",
		figure_span(quality, "up_seconds", a), figure_ms(link, "setup_ms", b), restarts,
		restarts == 1 ? "" : "s", before, before == 1 ? "" : "s");
	begin_line("rtt");
	printf("%s, minimum %s, jitter %s\n", figure_ms(quality, "rtt_ms", a),
		figure_ms(quality, "rtt_min_ms", b), figure_ms(quality, "jitter_ms", c));
	begin_line("loss");
	printf("%s of the last minute; %.0f sent, %.0f of them again\n",
		figure_percent(quality, "loss", a), field_number(quality, "sent", 0),
		field_number(quality, "resent", 0));
	begin_line("bytes");
	printf("in %s/s, out %s/s; %s in, %s out\n",
		figure_bytes(quality, "in_bytes_per_second", a),
		figure_bytes(quality, "out_bytes_per_second", b), figure_bytes(link, "bytes_in", c),
		figure_bytes(link, "bytes_out", d));
	begin_line("window");
	printf("%s\n", figure_bytes(quality, "cwnd_bytes", a));
}

static void print_range(const char *what, const json_t *range,
	char *(*figure)(const json_t *object, const char *key, char text[FIGURE_MAX]))
{
	char min[FIGURE_MAX], mean[FIGURE_MAX], max[FIGURE_MAX];
	if (json_is_object(range))
		printf("%s %s/%s/%s", what, figure(range, "min", min), figure(range, "mean", mean),
			figure(range, "max", max));
}

static void print_hour(const json_t *hour)
{
	char loss[FIGURE_MAX], span[FIGURE_MAX];
	if (field_number(hour, "linked_seconds", 0) <= 0)
		return;
	begin_line("hour");
	printf("linked %s, loss %s", figure_span(hour, "linked_seconds", span),
		figure_percent(hour, "loss", loss));
	print_range("; min/mean/max: rtt", json_object_get(hour, "rtt_ms"), figure_ms);
	putchar('\n');
	begin_line("");
	print_range("in/s", json_object_get(hour, "in_bytes_per_second"), figure_bytes);
	print_range(", out/s", json_object_get(hour, "out_bytes_per_second"), figure_bytes);
	putchar('\n');
}

static void print_routes(const json_t *routes)
{
	char time[TIME_TEXT_MAX];
	for (size_t i = 0; i < json_array_size(routes); i++) {
		const json_t *change = json_array_get(routes, i);
		const char *route = field_text(change, "route");
		begin_line(i == 0 ? "history" : "");
		printf("%s  ", time_text(field_number(change, "timestamp", -1), time));
		print_safe(stdout, *route ? route : "no link", false);
		putchar('\n');
	}
}

void print_peer_quality(const json_t *quality)
{
	const json_t *peer = json_object_get(quality, "peer");
	const json_t *link = json_object_get(peer, "link");
	const char *error = field_text(peer, "error");
	char name[NAME_TEXT_MAX];
	begin_line("peer");
	printf("%s, %s, %s%s\n", name_text(peer, name), field_text(peer, "node_id"),
		field_text(peer, "state"),
		json_is_true(json_object_get(peer, "verified")) ? ", verified" : "");
	if (*error) {
		begin_line("");
		print_safe(stdout, error, false);
		putchar('\n');
	}
	if (json_is_object(link)) {
		print_route(link);
		print_now(link);
	}
	print_hour(json_object_get(quality, "hour"));
	print_routes(json_object_get(quality, "routes"));
}
