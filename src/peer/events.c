/* What a peer tells its caller. Nothing is queued here: every event is found by looking at what has
 * changed since it was last told, or is pulled from the layer that has it. Messages stay in SCTP's
 * receive window until they are pulled, so a caller that does not pull slows the sender down. */
#include "peer/internal.h"

#include "peer/convert.h"

static bool candidate_event(struct dpc_peer *peer, struct dpc_event *event)
{
	if (!peer->described)
		return false;
	size_t count = ice_agent_local_count(peer->ice);
	while (peer->candidates_told < count) {
		const struct ice_candidate *c = ice_agent_local(peer->ice, peer->candidates_told++);
		if (!peer_tells(c))
			continue;
		ice_candidate_format(c, peer->candidate_text);
		*event = (struct dpc_event){
			.type = DPC_EVENT_CANDIDATE, .text = peer->candidate_text};
		return true;
	}
	for (size_t i = 0; peer->repeat_candidate && i < count; i++) {
		const struct ice_candidate *c = ice_agent_local(peer->ice, i);
		if (!peer_tells(c))
			continue;
		peer->repeat_candidate = false;
		ice_candidate_format(c, peer->candidate_text);
		*event = (struct dpc_event){
			.type = DPC_EVENT_CANDIDATE, .text = peer->candidate_text};
		return true;
	}
	if (peer->end_of_local && !peer->end_reported) {
		peer->end_reported = true;
		*event = (struct dpc_event){.type = DPC_EVENT_CANDIDATE, .text = ""};
		return true;
	}
	return false;
}

/* DPC_CLOSED is told last, by closed_event(). */
static bool state_event(struct dpc_peer *peer, struct dpc_event *event)
{
	if (peer->reported_state == peer->state || peer->state == DPC_CLOSED)
		return false;
	peer->reported_state = peer->state;
	*event = (struct dpc_event){.type = DPC_EVENT_STATE, .state = peer->state};
	return true;
}

static bool path_event(struct dpc_peer *peer, struct dpc_event *event)
{
	if (!peer->path_changed)
		return false;
	peer->path_changed = false;
	*event = (struct dpc_event){.type = DPC_EVENT_PATH};
	return true;
}

static bool sendable_event(struct dpc_peer *peer, struct dpc_event *event)
{
	if (!peer->sendable)
		return false;
	peer->sendable = false;
	*event = (struct dpc_event){.type = DPC_EVENT_SENDABLE};
	return true;
}

static void from_channel(const struct channel_event *from, struct dpc_event *event)
{
	*event = (struct dpc_event){
		.channel = from->handle,
		.by_remote = from->by_remote,
		.binary = from->binary,
		.data = from->data.data,
		.size = from->data.size,
	};
	switch (from->type) {
	case CHANNEL_EVENT_OPEN:
		event->type = DPC_EVENT_CHANNEL_OPEN;
		return;
	case CHANNEL_EVENT_MESSAGE:
		event->type = DPC_EVENT_MESSAGE;
		return;
	case CHANNEL_EVENT_BUFFERED_LOW:
		event->type = DPC_EVENT_BUFFERED_LOW;
		return;
	case CHANNEL_EVENT_CLOSED:
		event->type = DPC_EVENT_CHANNEL_CLOSED;
		return;
	}
	UNREACHABLE();
}

static const char *close_text(enum sctp_close_reason reason)
{
	switch (reason) {
	case SCTP_CLOSE_SHUTDOWN:
		return "closed";
	case SCTP_CLOSE_ABORTED:
		return "closed by us";
	case SCTP_CLOSE_PEER_ABORTED:
		return "closed by the peer";
	case SCTP_CLOSE_UNREACHABLE:
		return "the peer does not answer any more";
	case SCTP_CLOSE_PROTOCOL:
		return "the peer broke the protocol";
	}
	UNREACHABLE();
}

static void sctp_changed(struct dpc_peer *peer, const struct sctp_event *event)
{
	switch (event->type) {
	case SCTP_EVENT_CONNECTED:
		peer->sctp_connected = true;
		peer->setup_duration = peer->now - peer->created;
		if (peer->state == DPC_CONNECTING) {
			peer->state = DPC_CONNECTED;
			peer->guard = USEC_NEVER;
		}
		return;
	case SCTP_EVENT_SENDABLE:
		peer->sendable = true;
		return;
	case SCTP_EVENT_CLOSED:
		peer_set_closed(peer, close_text(event->reason));
		return;
	case SCTP_EVENT_RESET_DONE:
		/* A channel that waited for the stream can send now. */
		peer->sendable = true;
		return;
	case SCTP_EVENT_MESSAGE:
	case SCTP_EVENT_STREAM_RESET:
	case SCTP_EVENT_RESET_FAILED:
		return;
	}
}

/* Pulls the association until something comes of it that is to be told. */
static bool transport_event(struct dpc_peer *peer, struct dpc_event *event)
{
	struct channel_event channel_event;
	struct sctp_event sctp_event;
	for (;;) {
		if (state_event(peer, event) || sendable_event(peer, event))
			return true;
		if (channels_next_event(peer->channels, &channel_event))
			break;
		if (!peer->sctp || !sctp_next_event(peer->sctp, &sctp_event))
			return false;
		sctp_changed(peer, &sctp_event);
		if (channels_translate(peer->channels, peer->now, &sctp_event, &channel_event))
			break;
	}
	from_channel(&channel_event, event);
	return true;
}

static bool closed_event(struct dpc_peer *peer, struct dpc_event *event)
{
	if (peer->state != DPC_CLOSED || peer->close_reported)
		return false;
	if (peer->reported_state != DPC_CLOSED) {
		peer->reported_state = DPC_CLOSED;
		*event = (struct dpc_event){.type = DPC_EVENT_STATE, .state = DPC_CLOSED};
		return true;
	}
	peer->close_reported = true;
	*event = (struct dpc_event){.type = DPC_EVENT_CLOSED, .text = peer->close_reason};
	return true;
}

bool dpc_peer_next_event(struct dpc_peer *peer, struct dpc_event *ret_event)
{
	struct dpc_event event;
	bool found = !peer->close_reported &&
		     (candidate_event(peer, &event) || path_event(peer, &event) ||
			     transport_event(peer, &event));
	if (!found) {
		/* All that SCTP had received is told; now the goodbye of DTLS counts too. */
		if (peer->dtls && dtls_state(peer->dtls) == DTLS_CLOSED)
			peer_set_closed(peer, "closed by the peer");
		found = closed_event(peer, &event);
	}
	if (found)
		*ret_event = event;
	return found;
}
