/* The memory that several associations share (struct sctp_budget).
 *
 * Each is charged for what it holds: what it has received and not handed over, and what it was
 * given to send. While there is room, each tells its peer of a share of it. At the ceiling nothing
 * more is accepted, but for one: associations that all wait for the rest of a message would wait
 * for each other for ever. So one at a time has its turn: it goes on as if it were alone, until it
 * holds less unfinished than when its turn began. A peer that makes nothing of its turn is cut off,
 * since what it has begun would stay. So associations hold the ceiling at most, and what one alone
 * may hold. */
#include "sctp/internal.h"

/* Of one association, in either direction. What the allocator keeps in reserve comes on top. */
static size_t cost(const struct sctp_assoc *a)
{
	size_t items = a->reassembly.items + a->inbox.messages;
	return sctp_receive_queued(a) + items * SCTP_BUDGET_ITEM + a->queue.bytes;
}

/* What is left for all. */
static size_t room(const struct sctp_assoc *a)
{
	const struct sctp_budget *b = a->config.budget;
	return sat_sub(b->max, b->used - a->charged + cost(a));
}

static bool has_turn(const struct sctp_assoc *a)
{
	return a->config.budget->turn == a;
}

static void end_turn(struct sctp_assoc *a)
{
	if (has_turn(a))
		a->config.budget->turn = NULL;
}

void sctp_budget_settle(struct sctp_assoc *a)
{
	struct sctp_budget *b = a->config.budget;
	if (!b)
		return;
	size_t now = cost(a);
	b->used = b->used - a->charged + now;
	a->charged = now;
	bool done = a->stats.messages_in > a->turn_messages && a->inbox.messages == 0 &&
		    a->reassembly.bytes <= a->turn_bytes;
	if (a->ended || done || b->used <= b->max)
		end_turn(a);
}

void sctp_budget_leave(struct sctp_assoc *a)
{
	if (!a->config.budget)
		return;
	end_turn(a);
	a->config.budget->used -= a->charged;
	a->charged = 0;
	a->config.budget = NULL;
}

size_t sctp_budget_window(const struct sctp_assoc *a, size_t window)
{
	if (!a->config.budget || has_turn(a))
		return window;
	return min_size(window, room(a) / SCTP_BUDGET_SHARES);
}

/* Whether it would help, and who waits would wait for the peer and not for us to read. */
static bool take_turn(struct sctp_assoc *a, usec now)
{
	struct sctp_budget *b = a->config.budget;
	if (b->turn || a->inbox.messages > 0)
		return false;
	b->turn = a;
	a->turn_messages = a->stats.messages_in;
	a->turn_bytes = a->reassembly.bytes;
	a->turn_until = now + SCTP_BUDGET_TURN;
	sctp_timer_set(a, SCTP_TIMER_BUDGET, a->turn_until);
	return true;
}

bool sctp_budget_accepts(struct sctp_assoc *a, usec now, size_t size)
{
	if (!a->config.budget || size + SCTP_BUDGET_ITEM <= room(a))
		return true;
	if (has_turn(a))
		return a->inbox.bytes <= a->config.message_max + SCTP_WINDOW_SLACK;
	return take_turn(a, now);
}

bool sctp_budget_accepts_sending(const struct sctp_assoc *a, size_t size)
{
	return !a->config.budget || a->queue.bytes == 0 || size <= room(a);
}

bool sctp_budget_is_ample(const struct sctp_assoc *a)
{
	return !a->config.budget || a->config.budget->used < a->config.budget->max / 2;
}

void sctp_budget_watch(struct sctp_assoc *a, usec now)
{
	if (!a->config.budget || has_turn(a) || sctp_timer_is_set(a, SCTP_TIMER_BUDGET))
		return;
	if (sctp_receive_window(a) == 0 && !sctp_budget_is_ample(a))
		sctp_timer_set(a, SCTP_TIMER_BUDGET, now + SCTP_BUDGET_WATCH);
}

void sctp_budget_on_timer(struct sctp_assoc *a, usec now)
{
	if (has_turn(a)) {
		if (now < a->turn_until) {
			sctp_timer_set(a, SCTP_TIMER_BUDGET, a->turn_until);
			return;
		}
		bool stuck = a->inbox.messages == 0 && a->reassembly.bytes > a->turn_bytes;
		end_turn(a);
		if (stuck) {
			sctp_assoc_abort(a, SCTP_CLOSE_PROTOCOL, SCTP_CAUSE_OUT_OF_RESOURCE,
				"no memory for unfinished messages");
			return;
		}
	}
	/* What others gave back is told to a peer that waits for it. */
	if (sctp_assoc_can_receive_data(a) && a->advertised == 0 && sctp_receive_window(a) > 0)
		a->pending |= SCTP_PENDING_SACK;
	else
		sctp_budget_watch(a, now);
}
