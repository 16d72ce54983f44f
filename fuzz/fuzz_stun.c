/* The STUN parser, and an agent whose peer is hostile: the input is parsed as a datagram, then read
 * as a script of what a peer can do that knows the passwords, so that the code behind the integrity
 * is reached too. Whatever comes, the agent stays within its limits and never wants to be woken at
 * a time that has passed.
 *
 * A step is a byte modulo 8, a byte of size, and as many bytes more (fewer at the end):
 *   0 time passes: milliseconds     1 a datagram           2 an authentic request: attributes
 *   3 an authentic response to the last request: class, attributes
 *   4 a line with a candidate       5 its credentials      6 end of candidates
 *   7 a host candidate of ours: last byte of its IP */
#include <stdio.h>

#include "base/addr.h"
#include "fuzz.h"
#include "ice/agent.h"
#include "ice/stun.h"

#define PEER_UFRAG "peer"
#define PEER_PWD "the-password-of-the-peer"
#define STEPS_MAX 200
#define DATAGRAM_MAX 512

struct session {
	struct rng rng;
	struct ice_agent *agent;
	usec now;
	struct path path;
	uint8_t id[STUN_ID_SIZE]; /* of the last request sent */
};

static struct addr ipv4(uint8_t last, uint16_t port)
{
	return (struct addr){.family = ADDR_IPV4, .port = port, .ip = {192, 0, 2, last}};
}

static void drain(struct session *s)
{
	uint8_t data[ICE_DATAGRAM_MAX];
	struct path path;
	struct stun_message message;
	struct ice_event event;
	struct ice_selected selected;
	size_t size, count = 0;
	while ((size = ice_agent_write(s->agent, s->now, data, sizeof data, &path)) > 0) {
		CHECK(++count < 1000);
		CHECK(stun_parse(bytes_of(data, size), &message) == ERR_OK);
		if (message.class != STUN_REQUEST)
			continue;
		memcpy(s->id, message.id.data, sizeof s->id);
		s->path = path;
	}
	while (ice_agent_next_event(s->agent, &event))
		CHECK(ice_state_name(event.state) != NULL);
	if (ice_agent_selected(s->agent, &selected))
		CHECK(ice_agent_path_is_valid(s->agent, &selected.path));
}

static void receive_authentic(
	struct session *s, enum stun_class class, const uint8_t *id, struct bytes attributes)
{
	uint8_t data[DATAGRAM_MAX];
	struct writer w = writer_of(data, sizeof data);
	stun_begin(&w, class, STUN_BINDING, id);
	if (class == STUN_REQUEST) {
		char name[32];
		snprintf(name, sizeof name, "%s:" PEER_UFRAG, ice_agent_ufrag(s->agent));
		stun_add_bytes(&w, STUN_USERNAME, bytes_of_text(name));
	}
	write_bytes(&w, attributes);
	write_zeros(&w, (4 - (w.size & 3u)) & 3u);
	stun_add_integrity(
		&w, bytes_of_text(class == STUN_REQUEST ? ice_agent_pwd(s->agent) : PEER_PWD));
	stun_add_fingerprint(&w);
	CHECK(!w.failed);
	ice_agent_receive(s->agent, s->now, &s->path, writer_bytes(&w));
}

static void add_candidate(struct session *s, struct bytes line)
{
	struct ice_candidate candidate, again;
	char text[ICE_CANDIDATE_TEXT_MAX];
	if (ice_candidate_parse(line, &candidate))
		return;
	ice_candidate_format(&candidate, text);
	CHECK(ice_candidate_parse(bytes_of_text(text), &again) == ERR_OK);
	CHECK(again.priority == candidate.priority && again.type == candidate.type);
	(void)!ice_agent_add_remote(s->agent, s->now, &candidate);
}

static void take_step(struct session *s, uint8_t kind, struct bytes b)
{
	uint8_t first = b.size > 0 ? b.data[0] : 0;
	struct addr host = ipv4(first, 1000);
	switch (kind % 8) {
	case 0:
		s->now += USEC_PER_MS * (1 + first) * (b.size > 1 ? 100 : 1);
		break;
	case 1:
		ice_agent_receive(s->agent, s->now, &s->path, b);
		break;
	case 2:
		/* From one of many addresses, which the agent learns. */
		s->path.remote = ipv4((uint8_t)(100 + first % 64), 2000);
		receive_authentic(s, STUN_REQUEST, (const uint8_t *)"twelve bytes",
			bytes_slice(b, 1, b.size));
		break;
	case 3:
		receive_authentic(
			s, first % 2 ? STUN_ERROR : STUN_SUCCESS, s->id, bytes_slice(b, 1, b.size));
		break;
	case 4:
		add_candidate(s, b);
		break;
	case 5:
		(void)!ice_agent_set_remote(s->agent, s->now, bytes_of_text(PEER_UFRAG),
			bytes_of_text(PEER_PWD), first % 2);
		break;
	case 6:
		ice_agent_end_of_local(s->agent, s->now);
		ice_agent_end_of_remote(s->agent, s->now);
		break;
	case 7:
		(void)!ice_agent_add_host(s->agent, s->now, &host);
		break;
	}
	ice_agent_advance(s->agent, s->now);
	drain(s);
	CHECK(ice_agent_deadline(s->agent) > s->now);
}

static void parse(struct bytes input)
{
	struct stun_message message;
	struct bytes ufrag;
	if (stun_parse(input, &message) == ERR_OK) {
		(void)stun_check_integrity(&message, bytes_of_text(PEER_PWD));
		(void)stun_check_integrity_sha256(&message, bytes_of_text(PEER_PWD));
	}
	if (ice_peek_ufrag(input, &ufrag))
		CHECK(ufrag.size > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_of(data, size);
	parse(input);
	struct session s = {.rng = rng_seeded(size), .now = USEC_PER_SEC};
	struct ice_config config = {.controlling = size % 2, .rng = &s.rng};
	if (ice_agent_create(&config, s.now, &s.agent))
		return 0;
	struct addr host = ipv4(1, 1000);
	CHECK(ice_agent_add_host(s.agent, s.now, &host) == ERR_OK);
	s.path = (struct path){.local = host, .remote = ipv4(2, 2000)};
	struct reader r = reader_of(input);
	for (int step = 0; step < STEPS_MAX && r.rest.size > 0; step++) {
		uint8_t kind = read_u8(&r), length = read_u8(&r);
		take_step(&s, kind, read_bytes(&r, min_size(length, r.rest.size)));
	}
	ice_agent_destroy(s.agent);
	return 0;
}
