/* The channels of a peer, as its caller sees them. */
#include "peer/internal.h"

#include "base/text.h"

static enum channel_reliability reliability_of(enum dpc_reliability reliability)
{
	switch (reliability) {
	case DPC_RELIABLE:
		return CHANNEL_RELIABLE;
	case DPC_MAX_RETRANSMITS:
		return CHANNEL_MAX_RETRANSMITS;
	case DPC_MAX_LIFETIME:
		return CHANNEL_MAX_LIFETIME;
	}
	UNREACHABLE();
}

enum dpc_err dpc_peer_open_channel(struct dpc_peer *peer, int64_t now,
	const struct dpc_channel_config *config, uint16_t *ret_channel)
{
	peer->now = now;
	if (peer->state == DPC_CLOSING || peer->state == DPC_CLOSED)
		return DPC_ERR_STATE;
	const struct channel_config channel = {
		.label = bytes_of_text(config->label),
		.protocol = bytes_of_text(config->protocol ? config->protocol : ""),
		.unordered = config->unordered,
		.reliability = reliability_of(config->reliability),
		.limit = config->limit,
		.priority = config->priority,
		.negotiated = config->negotiated,
		.id = config->id,
	};
	return err_to_public(channels_open(peer->channels, now, &channel, ret_channel));
}

enum dpc_err dpc_peer_close_channel(struct dpc_peer *peer, int64_t now, uint16_t channel)
{
	peer->now = now;
	return err_to_public(channels_close(peer->channels, now, channel));
}

const char *dpc_peer_channel_label(const struct dpc_peer *peer, uint16_t channel)
{
	return channels_label(peer->channels, channel);
}

const char *dpc_peer_channel_protocol(const struct dpc_peer *peer, uint16_t channel)
{
	return channels_protocol(peer->channels, channel);
}

int32_t dpc_peer_channel_id(const struct dpc_peer *peer, uint16_t channel)
{
	return channels_id(peer->channels, channel);
}

enum dpc_err dpc_peer_send(struct dpc_peer *peer, int64_t now, uint16_t channel, bool binary,
	const void *data, size_t size)
{
	peer->now = now;
	if (peer->state == DPC_CLOSING || peer->state == DPC_CLOSED)
		return DPC_ERR_STATE;
	struct bytes bytes = bytes_of(data, size);
	enum err err = channels_send(peer->channels, now, channel, binary, bytes);
	peer->has_accepted |= !err;
	return err_to_public(err);
}

size_t dpc_peer_buffered(const struct dpc_peer *peer, uint16_t channel)
{
	return channels_buffered(peer->channels, channel);
}

void dpc_peer_set_buffered_low(struct dpc_peer *peer, uint16_t channel, size_t bytes)
{
	channels_set_buffered_low(peer->channels, channel, bytes);
}
