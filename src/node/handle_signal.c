/* signal: what would go through the hub, over the link that it is about. */
#include "base/log.h"
#include "message/signal.h"
#include "node/dispatch.h"
#include "node/internal.h"
#include "node/session.h"

void handle_signal(struct session *session, struct link *link, const struct message *message)
{
	struct signal signal = {0};
	const char *field = "";
	/* Only to be referred to. */
	json_t *payload = (json_t *)(uintptr_t)message->signal.payload;
	enum err err = signal_parse(payload, &signal, &field);
	if (err) {
		session->node->counters.malformed++;
		log_debug("a signal of '%s' cannot be read: '%s'", session->name, field);
		return;
	}
	link_rtc_signal(link, &signal, true);
	signal_deinit(&signal);
}
