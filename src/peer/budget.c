#include <stdlib.h>

#include "peer/internal.h"

struct dpc_peer_budget *dpc_peer_budget_create(size_t max)
{
	struct dpc_peer_budget *budget = malloc(sizeof *budget);
	if (budget)
		*budget = (struct dpc_peer_budget){.sctp = {.max = max}};
	return budget;
}

void dpc_peer_budget_destroy(struct dpc_peer_budget *budget)
{
	free(budget);
}

size_t dpc_peer_budget_used(const struct dpc_peer_budget *budget)
{
	return budget->sctp.used;
}
