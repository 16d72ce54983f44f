/* Resetting streams (RFC 6525), which is how data channels are closed (RFC 8831 section 6.7).
 *
 * Ours: a stream waits until all of it was acknowledged, then goes into the one request that may be
 * outstanding. The peer's: performed once everything up to the TSN it names has arrived; until then
 * the answer is "in progress". Some peers then ask again under the same number, some under a new
 * one, and some not at all, so the request is also kept and performed when its data is there.
 *
 * RFC 6525 section 5.1.1 allows one request at a time, but pion sends one for each stream. When one
 * is lost or late, pion waits twice as long each time before it sends all that are not answered
 * again, in any order: to take one of them a time would take minutes. So those that come before
 * their turn are kept. */
#include <stdlib.h>

#include "base/serial.h"
#include "sctp/internal.h"

void sctp_reset_init(struct sctp_assoc *a)
{
	a->reset = (struct sctp_reset){.request = a->local_tsn};
}

/* A request of the peer's to reset its outgoing streams. */
struct outgoing_request {
	uint32_t number;
	uint64_t last_tsn;
	const uint16_t *ids;
	size_t count;
};

struct sctp_reset_kept {
	struct sctp_reset_kept *next;
	struct outgoing_request request; /* its ids are `ids` */
	uint16_t ids[];
};

static struct sctp_reset_kept *take_first_kept(struct sctp_reset *r)
{
	struct sctp_reset_kept *first = r->kept;
	r->kept = first->next;
	r->kept_streams -= first->request.count;
	return first;
}

static void insert_kept(
	struct sctp_reset *r, struct sctp_reset_kept **at, struct sctp_reset_kept *kept)
{
	kept->next = *at;
	*at = kept;
	r->kept_streams += kept->request.count;
}

void sctp_reset_deinit(struct sctp_assoc *a)
{
	free(a->reset.deferred);
	while (a->reset.kept)
		free(take_first_kept(&a->reset));
	a->reset = (struct sctp_reset){0};
}

enum err sctp_reset_stream(struct sctp_assoc *a, usec now, uint16_t id)
{
	(void)now;
	if (a->ended || a->shutdown_wanted || a->state >= SCTP_SHUTDOWN_PENDING)
		return ERR_STATE;
	if (id >= a->streams_out)
		return ERR_NOT_FOUND;
	if (a->state == SCTP_ESTABLISHED && !a->peer_reconfig)
		return ERR_UNSUPPORTED;
	struct sctp_out_stream *stream = sctp_queue_stream(&a->queue, id);
	if (!stream)
		return ERR_NOMEM;
	if (stream->state != SCTP_OUT_OPEN)
		return ERR_STATE;
	sctp_queue_drain(&a->queue, stream);
	sctp_reset_advance(a);
	return ERR_OK;
}

/* Tells the caller; the events of our own requests are few, so only memory can be out. */
static void tell(struct sctp_assoc *a, enum sctp_event_type type, uint16_t id)
{
	if (sctp_inbox_push_event(&a->inbox, type, id) == ERR_NOMEM)
		sctp_assoc_abort(a, SCTP_CLOSE_ABORTED, SCTP_CAUSE_USER_ABORT, "out of memory");
}

static void respond(struct sctp_assoc *a, uint32_t request, enum sctp_reset_result result);

/* With our request goes the answer to the peer's that was deferred: who answers the one has heard
 * the other, and will not ask again. */
static void ask(struct sctp_assoc *a)
{
	const struct sctp_reset *r = &a->reset;
	if (r->may_repeat && !r->is_deferred)
		respond(a, r->deferred_request, SCTP_RESET_PERFORMED);
	a->pending |= SCTP_PENDING_RESET_REQUEST;
}

static struct sctp_out_stream *draining_at(struct list *node)
{
	return CONTAINER_OF(node, struct sctp_out_stream, draining);
}

static void fail_draining(struct sctp_assoc *a)
{
	LIST_FOREACH_SAFE (node, &a->queue.to_reset) {
		struct sctp_out_stream *stream = draining_at(node);
		sctp_queue_end_drain(&a->queue, stream, SCTP_OUT_OPEN);
		tell(a, SCTP_EVENT_RESET_FAILED, stream->id);
		if (a->ended)
			return;
	}
}

void sctp_reset_advance(struct sctp_assoc *a)
{
	struct sctp_reset *r = &a->reset;
	if (a->state != SCTP_ESTABLISHED || a->queue.draining == 0 || r->stream_count > 0)
		return;
	if (!a->peer_reconfig) {
		fail_draining(a);
		return;
	}
	LIST_FOREACH_SAFE (node, &a->queue.to_reset) {
		struct sctp_out_stream *stream = draining_at(node);
		if (r->stream_count == SCTP_RESET_STREAMS_MAX)
			break;
		if (stream->unfinished > 0)
			continue;
		sctp_queue_end_drain(&a->queue, stream, SCTP_OUT_RESETTING);
		r->streams[r->stream_count++] = stream->id;
	}
	if (r->stream_count == 0)
		return;
	r->last_tsn = (uint32_t)(a->outstanding.next - 1);
	ask(a);
}

void sctp_reset_write_request(struct sctp_assoc *a, usec now, struct writer *w)
{
	struct sctp_reset *r = &a->reset;
	if (r->stream_count == 0)
		return; /* answered meanwhile */
	size_t chunk = sctp_chunk_begin(w, SCTP_RE_CONFIG, 0);
	size_t place = sctp_parameter_begin(w, SCTP_PARAMETER_OUTGOING_RESET);
	write_u32(w, r->request);
	write_u32(w, r->peer_request - 1);
	write_u32(w, r->last_tsn);
	for (size_t i = 0; i < r->stream_count; i++)
		write_u16(w, r->streams[i]);
	sctp_parameter_end(w, place);
	sctp_chunk_end(w, chunk);
	sctp_timer_set(a, SCTP_TIMER_RESET, now + sctp_rto_current(&a->rto));
}

void sctp_reset_on_timer(struct sctp_assoc *a, usec now)
{
	(void)now;
	if (a->reset.stream_count == 0)
		return;
	sctp_rto_back_off(&a->rto);
	/* RFC 6525 section 5.2.7: after "in progress" the request is repeated, "but the
	 * corresponding error counters MUST NOT be incremented". */
	bool counts = !a->reset.in_progress;
	a->reset.in_progress = false;
	if (!counts || sctp_assoc_count_error(a))
		ask(a);
}

static bool names(const struct sctp_reset *r, uint16_t id)
{
	for (size_t i = 0; i < r->deferred_count; i++)
		if (r->deferred[i] == id)
			return true;
	return r->deferred_count == 0;
}

/* Our request is answered for good. */
static void finish_request(struct sctp_assoc *a, bool performed)
{
	struct sctp_reset *r = &a->reset;
	sctp_timer_stop(a, SCTP_TIMER_RESET);
	r->in_progress = false;
	r->request++;
	size_t count = r->stream_count;
	r->stream_count = 0;
	for (size_t i = 0; i < count && !a->ended; i++) {
		struct sctp_out_stream *stream =
			sctp_stream_table_get(&a->queue.streams, r->streams[i]);
		CHECK(stream != NULL);
		if (performed)
			sctp_queue_drop_stream(&a->queue, stream);
		else
			stream->state = SCTP_OUT_OPEN;
		/* Both directions are reset, so the peer may use the stream anew. */
		if (performed && !r->is_deferred && names(r, r->streams[i]))
			r->may_repeat = false;
		tell(a, performed ? SCTP_EVENT_RESET_DONE : SCTP_EVENT_RESET_FAILED, r->streams[i]);
	}
	sctp_reset_advance(a);
}

static void receive_response(struct sctp_assoc *a, usec now, struct bytes value)
{
	struct reader r = reader_of(value);
	uint32_t request = read_u32(&r), result = read_u32(&r);
	if (r.failed) {
		a->stats.dropped_malformed++;
		return;
	}
	if (a->reset.stream_count == 0 || request != a->reset.request)
		return;
	a->error_count = 0;
	switch (result) {
	case SCTP_RESET_NOTHING_TO_DO:
	case SCTP_RESET_PERFORMED:
		finish_request(a, true);
		return;
	case SCTP_RESET_IN_PROGRESS:
	case SCTP_RESET_OTHER_IN_PROGRESS:
		/* Asked again later, under the same number. */
		a->reset.in_progress = true;
		sctp_timer_set(a, SCTP_TIMER_RESET, now + sctp_rto_current(&a->rto));
		return;
	default:
		finish_request(a, false);
	}
}

static void respond(struct sctp_assoc *a, uint32_t request, enum sctp_reset_result result)
{
	struct sctp_reset *r = &a->reset;
	size_t i = 0;
	while (i < r->response_count && r->responses[i] != request)
		i++;
	i = min_size(i, SCTP_RESET_RESPONSES_MAX - 1);
	r->responses[i] = request;
	r->results[i] = (uint8_t)result;
	r->response_count = max_size(r->response_count, i + 1);
	a->pending |= SCTP_PENDING_RESET_RESPONSE;
}

void sctp_reset_write_response(struct sctp_assoc *a, struct writer *w)
{
	struct sctp_reset *r = &a->reset;
	/* RFC 6525 section 3.1: at most two parameters. */
	size_t count = min_size(r->response_count, 2);
	size_t chunk = sctp_chunk_begin(w, SCTP_RE_CONFIG, 0);
	for (size_t i = 0; i < count; i++) {
		size_t place = sctp_parameter_begin(w, SCTP_PARAMETER_RECONFIG_RESPONSE);
		write_u32(w, r->responses[i]);
		write_u32(w, r->results[i]);
		sctp_parameter_end(w, place);
	}
	sctp_chunk_end(w, chunk);
	r->response_count -= count;
	memmove(r->responses, r->responses + count, r->response_count * sizeof *r->responses);
	memmove(r->results, r->results + count, r->response_count * sizeof *r->results);
	if (r->response_count > 0)
		a->pending |= SCTP_PENDING_RESET_RESPONSE;
}

static void reset_incoming(struct sctp_assoc *a, uint16_t id)
{
	sctp_reassembly_reset(&a->reassembly, id);
	tell(a, SCTP_EVENT_STREAM_RESET, id);
}

/* Performs a reset of these streams, of all that were used when none is named. */
static void perform(struct sctp_assoc *a, const uint16_t *ids, size_t count)
{
	for (size_t i = 0; i < count && !a->ended; i++)
		reset_incoming(a, ids[i]);
	uint16_t id;
	for (uint32_t from = 0; count == 0 && !a->ended &&
				sctp_stream_table_next(&a->reassembly.streams, from, &id);
		from = (uint32_t)id + 1)
		reset_incoming(a, id);
}

/* Keeps a request until its data has arrived. */
static enum err defer(struct sctp_assoc *a, const struct outgoing_request *q)
{
	struct sctp_reset *r = &a->reset;
	uint16_t *copy = malloc((q->count + 1) * sizeof *copy);
	if (!copy)
		return ERR_NOMEM;
	if (q->count > 0)
		memcpy(copy, q->ids, q->count * sizeof *copy);
	free(r->deferred);
	r->deferred = copy;
	r->deferred_count = q->count;
	r->deferred_tsn = q->last_tsn;
	r->deferred_request = q->number;
	r->is_deferred = r->may_repeat = true;
	return ERR_OK;
}

/* Whether it is the deferred request once more, under whatever number. A peer that is told "in
 * progress" may ask again under a new one, so it does so at most once after the request was
 * performed: then it has the answer, and the same is a new reset. */
static bool is_repeated(const struct sctp_reset *r, const struct outgoing_request *q)
{
	return r->may_repeat && r->deferred_tsn == q->last_tsn && r->deferred_count == q->count &&
	       (q->count == 0 || memcmp(r->deferred, q->ids, q->count * sizeof *q->ids) == 0);
}

/* `ids` has room for SCTP_PEER_RESET_STREAMS_MAX. ERR_MALFORMED, or ERR_NOT_FOUND for a stream that
 * does not exist or one too many. */
static enum err parse_outgoing(const struct sctp_assoc *a, struct bytes value, uint16_t *ids,
	struct outgoing_request *request)
{
	struct reader r = reader_of(value);
	request->number = read_u32(&r);
	read_skip(&r, 4); /* the number of our request, were it the answer to one */
	request->last_tsn = serial32_unwrap(a->tracker.cumulative, read_u32(&r));
	if (r.failed)
		return ERR_MALFORMED;
	request->ids = ids;
	request->count = 0;
	enum err err = ERR_OK;
	if (r.rest.size / 2 > SCTP_PEER_RESET_STREAMS_MAX)
		return ERR_NOT_FOUND;
	while (r.rest.size >= 2) {
		uint16_t id = read_u16(&r);
		if (id >= a->streams_in)
			err = ERR_NOT_FOUND;
		ids[request->count++] = id;
	}
	return err;
}

/* What becomes of a request that has not been performed yet. ERR_AGAIN: no answer now. */
static enum err evaluate(
	struct sctp_assoc *a, const struct outgoing_request *q, enum sctp_reset_result *ret_result)
{
	struct sctp_reset *r = &a->reset;
	if (is_repeated(r, q)) {
		r->deferred_request = q->number;
		*ret_result = r->is_deferred ? SCTP_RESET_IN_PROGRESS : SCTP_RESET_PERFORMED;
		r->may_repeat = r->is_deferred;
		return ERR_OK;
	}
	/* One waits for its data at a time. */
	if (r->is_deferred)
		return ERR_AGAIN;
	/* Each stream is told of, and no stream named means all. */
	size_t events = q->count > 0 ? q->count : a->reassembly.stream_count;
	if (a->inbox.events + events > SCTP_EVENTS_MAX)
		return ERR_AGAIN;
	if (a->tracker.cumulative < q->last_tsn) {
		if (defer(a, q))
			return ERR_AGAIN;
		*ret_result = SCTP_RESET_IN_PROGRESS;
		return ERR_OK;
	}
	r->is_deferred = r->may_repeat = false;
	perform(a, q->ids, q->count);
	*ret_result = SCTP_RESET_PERFORMED;
	return ERR_OK;
}

static bool is_before(uint32_t a, uint32_t b)
{
	return a != b && b - a < UINT32_C(0x80000000);
}

static bool is_ahead(const struct sctp_reset *r, uint32_t request)
{
	uint32_t ahead = request - r->peer_request;
	return ahead > 0 && ahead <= SCTP_RESET_REQUESTS_AHEAD;
}

/* Whether the request has the number that is due; answers those that have not. One that is a little
 * ahead gets no answer: pion would take an error for the end of the matter. */
static bool is_next(struct sctp_assoc *a, uint32_t request)
{
	struct sctp_reset *r = &a->reset;
	if (request == r->peer_request)
		return true;
	if (is_ahead(r, request))
		return false;
	if (request + 1 == r->peer_request)
		respond(a, request, (enum sctp_reset_result)r->last_result);
	else
		respond(a, request, SCTP_RESET_BAD_SEQUENCE);
	return false;
}

static void finish_peer_request(
	struct sctp_assoc *a, uint32_t request, enum sctp_reset_result result)
{
	a->reset.peer_request = request + 1;
	a->reset.last_result = (uint8_t)result;
	respond(a, request, result);
}

/* Keeps it for its turn, unless there is no room. */
static void keep(struct sctp_reset *r, const struct outgoing_request *q)
{
	struct sctp_reset_kept **at = &r->kept;
	while (*at && is_before((*at)->request.number, q->number))
		at = &(*at)->next;
	if ((*at && (*at)->request.number == q->number) ||
		q->count > SCTP_RESET_STREAMS_AHEAD_MAX - r->kept_streams)
		return;
	struct sctp_reset_kept *kept = malloc(sizeof *kept + q->count * sizeof *kept->ids);
	if (!kept)
		return;
	kept->request = *q;
	kept->request.ids = kept->ids;
	for (size_t i = 0; i < q->count; i++)
		kept->ids[i] = q->ids[i];
	insert_kept(r, at, kept);
}

/* What is kept and due now, and those that are then. */
static void take_kept(struct sctp_assoc *a)
{
	struct sctp_reset *r = &a->reset;
	while (!a->ended && r->kept && !is_ahead(r, r->kept->request.number)) {
		struct sctp_reset_kept *first = take_first_kept(r);
		/* If not, it was answered when it came again. */
		bool is_due = first->request.number == r->peer_request;
		enum sctp_reset_result result = SCTP_RESET_PERFORMED;
		if (is_due && evaluate(a, &first->request, &result)) {
			insert_kept(r, &r->kept, first);
			return;
		}
		if (is_due && !a->ended)
			finish_peer_request(a, first->request.number, result);
		free(first);
	}
}

void sctp_reset_on_received(struct sctp_assoc *a)
{
	struct sctp_reset *r = &a->reset;
	if (!r->is_deferred || a->tracker.cumulative < r->deferred_tsn)
		return;
	r->is_deferred = false;
	if (r->deferred_request + 1 == r->peer_request)
		r->last_result = SCTP_RESET_PERFORMED;
	respond(a, r->deferred_request, SCTP_RESET_PERFORMED);
	perform(a, r->deferred, r->deferred_count);
	take_kept(a);
}

static void receive_outgoing(struct sctp_assoc *a, struct bytes value)
{
	uint16_t ids[SCTP_PEER_RESET_STREAMS_MAX];
	struct outgoing_request request;
	enum err err = parse_outgoing(a, value, ids, &request);
	if (err == ERR_MALFORMED) {
		a->stats.dropped_malformed++;
		return;
	}
	if (!is_next(a, request.number)) {
		if (err == ERR_OK && is_ahead(&a->reset, request.number))
			keep(&a->reset, &request);
		return;
	}
	enum sctp_reset_result result = SCTP_RESET_WRONG_SSN;
	if (err == ERR_OK && evaluate(a, &request, &result))
		keep(&a->reset, &request);
	else if (!a->ended)
		finish_peer_request(a, request.number, result);
}

/* The peer asks us to reset our streams: as if our caller had. */
static void receive_incoming(struct sctp_assoc *a, struct bytes value)
{
	struct reader r = reader_of(value);
	uint32_t request = read_u32(&r);
	if (r.failed) {
		a->stats.dropped_malformed++;
		return;
	}
	if (!is_next(a, request))
		return;
	bool all = r.rest.size < 2;
	uint16_t id = 0;
	for (uint32_t from = 0; all && sctp_stream_table_next(&a->queue.streams, from, &id);
		from = (uint32_t)id + 1) {
		struct sctp_out_stream *stream = sctp_stream_table_get(&a->queue.streams, id);
		if (stream->state == SCTP_OUT_OPEN)
			sctp_queue_drain(&a->queue, stream);
	}
	while (r.rest.size >= 2) {
		struct sctp_out_stream *stream =
			sctp_stream_table_get(&a->queue.streams, read_u16(&r));
		if (stream && stream->state == SCTP_OUT_OPEN)
			sctp_queue_drain(&a->queue, stream);
	}
	finish_peer_request(a, request, SCTP_RESET_PERFORMED);
	sctp_reset_advance(a);
}

static void deny(struct sctp_assoc *a, struct bytes value)
{
	struct reader r = reader_of(value);
	uint32_t request = read_u32(&r);
	if (r.failed)
		a->stats.dropped_malformed++;
	else if (is_next(a, request))
		finish_peer_request(a, request, SCTP_RESET_DENIED);
}

void sctp_reset_receive(struct sctp_assoc *a, usec now, struct sctp_chunk chunk)
{
	struct reader r = reader_of(chunk.value);
	struct sctp_parameter p;
	/* RFC 6525 section 3.1: at most two parameters. */
	for (int i = 0; i < 2 && !a->ended && sctp_parameter_next(&r, &p); i++) {
		switch (p.type) {
		case SCTP_PARAMETER_OUTGOING_RESET:
			receive_outgoing(a, p.value);
			break;
		case SCTP_PARAMETER_INCOMING_RESET:
			receive_incoming(a, p.value);
			break;
		case SCTP_PARAMETER_RECONFIG_RESPONSE:
			receive_response(a, now, p.value);
			break;
		case SCTP_PARAMETER_TSN_RESET:
		case SCTP_PARAMETER_ADD_OUTGOING:
		case SCTP_PARAMETER_ADD_INCOMING:
			deny(a, p.value);
			break;
		default:
			a->stats.dropped_malformed++;
		}
	}
	take_kept(a);
	if (r.failed)
		a->stats.dropped_malformed++;
}
