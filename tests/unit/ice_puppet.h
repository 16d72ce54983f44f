/* One agent whose peer is played by the test, message by message. */
#ifndef ICE_PUPPET_H
#define ICE_PUPPET_H

#include "base/rng.h"
#include "ice/internal.h"
#include "test.h"

#define PUPPET_UFRAG "pupp"
#define PUPPET_PWD "password-of-the-puppet"

struct puppet {
	struct rng rng;
	usec now;
	struct ice_agent *agent;
	uint8_t data[ICE_DATAGRAM_MAX]; /* of the last datagram taken */
	size_t size;
	uint8_t check_id[STUN_ID_SIZE]; /* of the last check that the puppet sent */
};

/* What the agent sent. */
struct taken {
	struct stun_message message;
	struct path path;
};

static inline struct addr puppet_addr(const char *text)
{
	struct addr addr;
	assert_true(addr_parse(text, &addr));
	return addr;
}

/* The path as the agent sees it. */
static inline struct path puppet_path(const char *local, const char *remote)
{
	return (struct path){.local = puppet_addr(local), .remote = puppet_addr(remote)};
}

static inline struct puppet *puppet_create(bool controlling)
{
	struct puppet *p = test_calloc(1, sizeof *p);
	p->rng = rng_seeded(1);
	p->now = USEC_PER_SEC;
	struct ice_config config = {.controlling = controlling, .rng = &p->rng};
	assert_ok(ice_agent_create(&config, p->now, &p->agent));
	ice_agent_set_pacing(p->agent, ICE_PACING_MS);
	return p;
}

static inline void puppet_destroy(struct puppet *p)
{
	ice_agent_destroy(p->agent);
	test_free(p);
}

static inline void puppet_add_host(struct puppet *p, const char *text)
{
	struct addr addr = puppet_addr(text);
	assert_ok(ice_agent_add_host(p->agent, p->now, &addr));
}

static inline enum err puppet_try_remote(
	struct puppet *p, const char *text, enum ice_type type, uint16_t preference)
{
	struct ice_candidate candidate = {.type = type,
		.addr = puppet_addr(text),
		.priority = ice_candidate_priority(type, preference)};
	candidate.foundation[0] = (char)('a' + type);
	return ice_agent_add_remote(p->agent, p->now, &candidate);
}

static inline void puppet_add_remote(struct puppet *p, const char *text, uint16_t preference)
{
	assert_ok(puppet_try_remote(p, text, ICE_HOST, preference));
}

static inline void puppet_set_remote(struct puppet *p, bool lite)
{
	assert_ok(ice_agent_set_remote(
		p->agent, p->now, bytes_of_text(PUPPET_UFRAG), bytes_of_text(PUPPET_PWD), lite));
}

/* Lets time pass, without anything coming or going. */
static inline void puppet_wait(struct puppet *p, usec time)
{
	p->now += time;
	ice_agent_advance(p->agent, p->now);
}

/* Until the pair in use counts as silent: the next consent check and its patience. */
static inline void puppet_wait_until_silent(struct puppet *p)
{
	puppet_wait(p, ICE_CONSENT_INTERVAL_US * 6 / 5);
	puppet_wait(p, ICE_CONSENT_LATE_US);
}

static inline bool puppet_take(struct puppet *p, struct taken *ret_taken)
{
	struct path path;
	p->size = ice_agent_write(p->agent, p->now, p->data, sizeof p->data, &path);
	if (p->size == 0)
		return false;
	ret_taken->path = path;
	assert_ok(stun_parse(bytes_of(p->data, p->size), &ret_taken->message));
	assert_true(stun_has(&ret_taken->message, STUN_FINGERPRINT));
	return true;
}

/* The next datagram of this class within the time; what else comes is lost. */
static inline bool puppet_take_within(
	struct puppet *p, enum stun_class class, usec time, struct taken *ret_taken)
{
	usec until = p->now + time;
	for (;;) {
		while (puppet_take(p, ret_taken))
			if (ret_taken->message.class == class)
				return true;
		usec deadline = ice_agent_deadline(p->agent);
		if (deadline > until)
			break;
		puppet_wait(p, usec_max(deadline - p->now, 0));
	}
	puppet_wait(p, until - p->now);
	return false;
}

/* Lets time pass, in which nothing that the agent sends arrives. */
static inline void puppet_lose_all(struct puppet *p, usec time)
{
	struct taken taken;
	usec until = p->now + time;
	while (puppet_take_within(p, STUN_REQUEST, until - p->now, &taken))
		continue;
}

static inline void puppet_take_request(struct puppet *p, struct taken *ret_taken)
{
	assert_true(puppet_take_within(p, STUN_REQUEST, USEC_PER_SEC, ret_taken));
	assert_true(stun_check_integrity(&ret_taken->message, bytes_of_text(PUPPET_PWD)));
}

static inline void puppet_receive(struct puppet *p, const struct path *path, const struct writer *w)
{
	assert_false(w->failed);
	ice_agent_receive(p->agent, p->now, path, writer_bytes(w));
}

static inline void puppet_answer_as(
	struct puppet *p, const struct taken *request, const struct path *path, const char *mapped)
{
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	struct addr addr = puppet_addr(mapped);
	stun_begin(&w, STUN_SUCCESS, STUN_BINDING, request->message.id.data);
	stun_add_addr(&w, STUN_XOR_MAPPED_ADDRESS, &addr);
	stun_add_integrity(&w, bytes_of_text(PUPPET_PWD));
	stun_add_fingerprint(&w);
	puppet_receive(p, path, &w);
}

static inline void puppet_answer(struct puppet *p, const struct taken *request)
{
	char text[ADDR_TEXT_MAX];
	puppet_answer_as(p, request, &request->path, addr_text(&request->path.local, text));
}

static inline void puppet_refuse(struct puppet *p, const struct taken *request, uint16_t code)
{
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	stun_begin(&w, STUN_ERROR, STUN_BINDING, request->message.id.data);
	stun_add_error(&w, code, "");
	stun_add_integrity(&w, bytes_of_text(PUPPET_PWD));
	stun_add_fingerprint(&w);
	puppet_receive(p, &request->path, &w);
}

struct puppet_check {
	bool controlling, use_candidate;
	uint64_t tie_breaker;
	bool without_priority, without_name, without_integrity, without_fingerprint;
	bool with_sha256, without_sha1;
	const char *pwd, *ufrag; /* the agent's unless set */
	uint16_t extra;          /* an attribute to add */
};

static inline void puppet_check(
	struct puppet *p, const struct path *path, const struct puppet_check *check)
{
	uint8_t data[300];
	struct writer w = writer_of(data, sizeof data);
	char name[100];
	snprintf(name, sizeof name, "%s:" PUPPET_UFRAG,
		check->ufrag ? check->ufrag : ice_agent_ufrag(p->agent));
	rng_fill(&p->rng, p->check_id, sizeof p->check_id);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, p->check_id);
	if (!check->without_name)
		stun_add_bytes(&w, STUN_USERNAME, bytes_of_text(name));
	if (!check->without_priority)
		stun_add_u32(&w, STUN_PRIORITY, ice_candidate_priority(ICE_PEER_REFLEXIVE, 1));
	stun_add_u64(&w, check->controlling ? STUN_ICE_CONTROLLING : STUN_ICE_CONTROLLED,
		check->tie_breaker);
	if (check->use_candidate)
		stun_add_flag(&w, STUN_USE_CANDIDATE);
	if (check->extra > 0)
		stun_add_flag(&w, (enum stun_attribute)check->extra);
	struct bytes key = bytes_of_text(check->pwd ? check->pwd : ice_agent_pwd(p->agent));
	if (!check->without_integrity && !check->without_sha1)
		stun_add_integrity(&w, key);
	if (check->with_sha256)
		stun_add_integrity_sha256(&w, key);
	if (!check->without_fingerprint)
		stun_add_fingerprint(&w);
	puppet_receive(p, path, &w);
}

/* A plain check of a controlled or controlling peer, whose answer is thrown away. */
static inline void puppet_check_on(
	struct puppet *p, const char *local, const char *remote, bool use_candidate)
{
	struct path path = puppet_path(local, remote);
	struct puppet_check check = {
		.controlling = !ice_agent_is_controlling(p->agent), .use_candidate = use_candidate};
	puppet_check(p, &path, &check);
}

static inline bool puppet_selected_is(const struct puppet *p, const char *remote, bool nominated)
{
	struct ice_selected selected;
	struct addr addr = puppet_addr(remote);
	return ice_agent_selected(p->agent, &selected) &&
	       addr_equal(&selected.path.remote, &addr) && selected.nominated == nominated;
}

#endif
