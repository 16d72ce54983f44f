#include "peer/sdp.h"

#include <stdio.h>

#include "base/text.h"
#include "ice/agent.h"

/* One space-separated word off the front of `text`. */
static struct bytes next_word(struct bytes *text)
{
	size_t start = 0;
	while (start < text->size && text->data[start] == ' ')
		start++;
	size_t end = start;
	while (end < text->size && text->data[end] != ' ')
		end++;
	struct bytes word = bytes_slice(*text, start, end - start);
	*text = bytes_slice(*text, end, SIZE_MAX);
	return word;
}

/* One line without its end (CRLF, or LF alone). */
static struct bytes next_line(struct bytes *text)
{
	size_t end = 0;
	while (end < text->size && text->data[end] != '\n')
		end++;
	size_t size = end > 0 && text->data[end - 1] == '\r' ? end - 1 : end;
	struct bytes line = bytes_slice(*text, 0, size);
	*text = bytes_slice(*text, end + 1, SIZE_MAX);
	return line;
}

/* Whether the line starts with `prefix`; then `ret_value` is what follows. */
static bool match(struct bytes line, const char *prefix, struct bytes *ret_value)
{
	size_t size = strlen(prefix);
	if (!bytes_equal_text(bytes_slice(line, 0, size), prefix))
		return false;
	*ret_value = bytes_slice(line, size, SIZE_MAX);
	return true;
}

static bool parse_port(struct bytes text, uint16_t *ret_port)
{
	uint64_t value;
	if (!bytes_to_u64(text, &value) || value > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)value;
	return true;
}

/* m=application PORT PROTO FORMAT. ERR_UNSUPPORTED for other media and protocols. */
static enum err parse_media(struct bytes value, struct sdp *sdp)
{
	struct bytes media = next_word(&value), port = next_word(&value);
	struct bytes protocol = next_word(&value), format = next_word(&value);
	uint16_t number;
	if (!parse_port(port, &number))
		return ERR_MALFORMED;
	/* RFC 3264 section 6: port 0 refuses the stream. */
	if (!bytes_equal_text(media, "application") || number == 0)
		return ERR_UNSUPPORTED;
	if (bytes_equal_text(protocol, "UDP/DTLS/SCTP"))
		return bytes_equal_text(format, "webrtc-datachannel") ? ERR_OK : ERR_UNSUPPORTED;
	if (!bytes_equal_text(protocol, "DTLS/SCTP"))
		return ERR_UNSUPPORTED;
	/* Between the two, browsers wrote "DTLS/SCTP webrtc-datachannel" with a=sctp-port. */
	if (bytes_equal_text(format, "webrtc-datachannel"))
		return ERR_OK;
	sdp->legacy = true;
	return parse_port(format, &sdp->sctp_port) ? ERR_OK : ERR_MALFORMED;
}

static enum err parse_fingerprint(struct bytes value, struct sdp *sdp)
{
	struct bytes hash = next_word(&value), fingerprint = next_word(&value);
	if (hash.size == 0 || fingerprint.size == 0)
		return ERR_MALFORMED;
	/* Of several, one with SHA-256 is preferred, which everybody has. */
	if (sdp->fingerprint.size == 0 || bytes_equal_text_ignoring_case(hash, "sha-256")) {
		sdp->fingerprint_hash = hash;
		sdp->fingerprint = fingerprint;
	}
	return ERR_OK;
}

static enum err parse_setup(struct bytes value, struct sdp *sdp)
{
	static const struct {
		const char *name;
		enum sdp_setup setup;
	} setups[] = {{"actpass", SDP_ACTPASS}, {"active", SDP_ACTIVE}, {"passive", SDP_PASSIVE}};
	for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
		if (bytes_equal_text(value, setups[i].name)) {
			sdp->setup = setups[i].setup;
			return ERR_OK;
		}
	}
	return ERR_MALFORMED;
}

/* RFC 8866 section 9, token: what stays one word wherever it is repeated. */
static bool is_token(struct bytes text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] <= ' ' || text.data[i] > '~' ||
			strchr("\"(),/:;<=>?@[\\]", text.data[i]))
			return false;
	return text.size > 0;
}

static enum err parse_mid(struct bytes value, struct sdp *sdp)
{
	if (value.size > SDP_MID_MAX || !is_token(value))
		return ERR_MALFORMED;
	sdp->mid = value;
	return ERR_OK;
}

static enum err parse_ufrag(struct bytes value, struct sdp *sdp)
{
	sdp->ufrag = value;
	return ERR_OK;
}

static enum err parse_pwd(struct bytes value, struct sdp *sdp)
{
	sdp->pwd = value;
	return ERR_OK;
}

static enum err parse_sctp_port(struct bytes value, struct sdp *sdp)
{
	return parse_port(value, &sdp->sctp_port) ? ERR_OK : ERR_MALFORMED;
}

/* a=sctpmap:5000 webrtc-datachannel 1024 */
static enum err parse_sctpmap(struct bytes value, struct sdp *sdp)
{
	struct bytes port = next_word(&value), app = next_word(&value);
	if (!bytes_equal_text(app, "webrtc-datachannel"))
		return ERR_UNSUPPORTED;
	return parse_port(port, &sdp->sctp_port) ? ERR_OK : ERR_MALFORMED;
}

/* draft-hancke-tsvwg-snap: one, in base64. What it says is for SCTP to judge. */
static enum err parse_sctp_init(struct bytes value, struct sdp *sdp)
{
	if (value.size == 0 || value.size > SDP_SCTP_INIT_MAX || sdp->sctp_init.size > 0)
		return ERR_MALFORMED;
	sdp->sctp_init = value;
	return ERR_OK;
}

/* RFC 8842 section 4: tls-id-value = 20*255(tls-id-char), letters, digits and "+/-_". */
static enum err parse_tls_id(struct bytes value, struct sdp *sdp)
{
	if (value.size < SDP_TLS_ID_MIN || value.size > SDP_TLS_ID_MAX || !is_token(value))
		return ERR_MALFORMED;
	sdp->tls_id = value;
	return ERR_OK;
}

static enum err parse_message_max(struct bytes value, struct sdp *sdp)
{
	uint64_t size;
	if (!bytes_to_u64(value, &size))
		return ERR_MALFORMED;
	if (size == 0 || size > SDP_MESSAGE_MAX_ANY)
		size = SDP_MESSAGE_MAX_ANY;
	sdp->message_max = (size_t)size;
	return ERR_OK;
}

static enum err parse_candidate(struct bytes line_value, struct sdp *sdp)
{
	if (sdp->candidate_count < SDP_CANDIDATES_MAX)
		sdp->candidates[sdp->candidate_count++] = line_value;
	return ERR_OK;
}

static enum err parse_end_of_candidates(struct bytes value, struct sdp *sdp)
{
	(void)value;
	sdp->end_of_candidates = true;
	return ERR_OK;
}

static enum err parse_ice_lite(struct bytes value, struct sdp *sdp)
{
	(void)value;
	sdp->ice_lite = true;
	return ERR_OK;
}

/* RFC 8839 section 5.5. A number that makes no sense leaves the default. */
static enum err parse_ice_pacing(struct bytes value, struct sdp *sdp)
{
	uint64_t ms;
	if (bytes_to_u64(value, &ms) && ms > 0 && ms <= ICE_PACING_MAX_MS)
		sdp->ice_pacing = (unsigned)ms;
	return ERR_OK;
}

static const struct {
	const char *prefix;
	enum err (*parse)(struct bytes value, struct sdp *sdp);
} attributes[] = {
	{"a=mid:", parse_mid},
	{"a=ice-ufrag:", parse_ufrag},
	{"a=ice-pwd:", parse_pwd},
	{"a=ice-lite", parse_ice_lite},
	{"a=ice-pacing:", parse_ice_pacing},
	{"a=fingerprint:", parse_fingerprint},
	{"a=setup:", parse_setup},
	{"a=sctp-port:", parse_sctp_port},
	{"a=sctpmap:", parse_sctpmap},
	{"a=sctp-init:", parse_sctp_init},
	{"a=tls-id:", parse_tls_id},
	{"a=max-message-size:", parse_message_max},
	{"a=end-of-candidates", parse_end_of_candidates},
};

static enum err parse_line(struct bytes line, struct sdp *sdp)
{
	struct bytes value;
	if (match(line, "a=candidate:", &value))
		return parse_candidate(bytes_slice(line, 2, SIZE_MAX), sdp);
	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
		if (match(line, attributes[i].prefix, &value))
			return attributes[i].parse(value, sdp);
	return ERR_OK;
}

enum err sdp_parse(struct bytes text, struct sdp *ret_sdp)
{
	struct sdp sdp = {.message_max = SDP_MESSAGE_MAX_ABSENT,
		.ice_pacing = ICE_PACING_DEFAULT_MS,
		.setup = SDP_ACTPASS};
	size_t lines = 0, media = 0;
	struct bytes value;
	if (!match(text, "v=0", &value))
		return ERR_MALFORMED;
	while (text.size > 0) {
		struct bytes line = next_line(&text);
		if (++lines > SDP_LINES_MAX)
			return ERR_LIMIT;
		bool is_media = match(line, "m=", &value);
		if (is_media && ++media > 1)
			return ERR_UNSUPPORTED;
		enum err err = is_media ? parse_media(value, &sdp) : parse_line(line, &sdp);
		if (err)
			return err;
	}
	if (media == 0 || sdp.ufrag.size == 0 || sdp.pwd.size == 0 || sdp.fingerprint.size == 0 ||
		sdp.sctp_port == 0)
		return ERR_MALFORMED;
	if (sdp.mid.size == 0)
		sdp.mid = bytes_of_text("0");
	*ret_sdp = sdp;
	return ERR_OK;
}

static void write_number(struct writer *w, uint64_t value)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
	write_text(w, digits);
}

static void write_line(struct writer *w, const char *name, struct bytes value)
{
	write_text(w, name);
	write_bytes(w, value);
	write_text(w, "\r\n");
}

static void write_number_line(struct writer *w, const char *name, uint64_t value)
{
	write_text(w, name);
	write_number(w, value);
	write_text(w, "\r\n");
}

static const char *setup_name(enum sdp_setup setup)
{
	switch (setup) {
	case SDP_ACTPASS:
		return "actpass";
	case SDP_ACTIVE:
		return "active";
	case SDP_PASSIVE:
		return "passive";
	}
	UNREACHABLE();
}

static void write_sctp(struct writer *w, const struct sdp *sdp)
{
	if (sdp->legacy) {
		write_text(w, "a=sctpmap:");
		write_number(w, sdp->sctp_port);
		write_text(w, " webrtc-datachannel 1024\r\n");
	} else {
		write_number_line(w, "a=sctp-port:", sdp->sctp_port);
	}
	write_number_line(w, "a=max-message-size:", sdp->message_max);
	if (sdp->sctp_init.size > 0)
		write_line(w, "a=sctp-init:", sdp->sctp_init);
}

void sdp_write(struct writer *w, const struct sdp *sdp, uint64_t session_id)
{
	CHECK(sdp->candidate_count <= SDP_CANDIDATES_MAX);
	write_text(w, "v=0\r\no=- ");
	write_number(w, session_id);
	write_text(w, " 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
	write_line(w, "a=group:BUNDLE ", sdp->mid);
	write_text(w, "a=msid-semantic: WMS\r\n");
	/* RFC 8839 section 4.2.1.2: port 9 and the unspecified address, since the addresses are
	 * trickled. */
	if (sdp->legacy)
		write_number_line(w, "m=application 9 DTLS/SCTP ", sdp->sctp_port);
	else
		write_text(w, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
	write_text(w, "c=IN IP4 0.0.0.0\r\n");
	for (size_t i = 0; i < sdp->candidate_count; i++)
		write_line(w, "a=", sdp->candidates[i]);
	if (sdp->end_of_candidates)
		write_text(w, "a=end-of-candidates\r\n");
	write_line(w, "a=ice-ufrag:", sdp->ufrag);
	write_line(w, "a=ice-pwd:", sdp->pwd);
	/* RFC 8445 section 10: "MUST inform the peer about the compliance using the 'ice2'
	 * option". */
	write_text(w, "a=ice-options:trickle ice2\r\n");
	write_number_line(w, "a=ice-pacing:", sdp->ice_pacing);
	write_text(w, "a=fingerprint:");
	write_bytes(w, sdp->fingerprint_hash);
	write_line(w, " ", sdp->fingerprint);
	write_line(w, "a=setup:", bytes_of_text(setup_name(sdp->setup)));
	if (sdp->tls_id.size > 0)
		write_line(w, "a=tls-id:", sdp->tls_id);
	write_line(w, "a=mid:", sdp->mid);
	write_sctp(w, sdp);
}
