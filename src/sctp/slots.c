#include "sctp/slots.h"

#include <stdlib.h>

#define CAPACITY_MIN 16

static size_t place(const struct sctp_slots *slots, uint64_t number)
{
	return (size_t)number & (slots->capacity - 1);
}

static bool covers(const struct sctp_slots *slots, uint64_t number)
{
	return number >= slots->first && number - slots->first < slots->capacity;
}

void sctp_slots_deinit(struct sctp_slots *slots)
{
	free(slots->items);
	*slots = (struct sctp_slots){0};
}

void *sctp_slots_get(const struct sctp_slots *slots, uint64_t number)
{
	return covers(slots, number) ? slots->items[place(slots, number)] : NULL;
}

static enum err grow(struct sctp_slots *slots, uint64_t number)
{
	struct sctp_slots wider = *slots;
	wider.capacity = slots->capacity ? slots->capacity : CAPACITY_MIN;
	while (!covers(&wider, number))
		wider.capacity *= 2;
	wider.items = calloc(wider.capacity, sizeof *wider.items);
	if (!wider.items)
		return ERR_NOMEM;
	for (size_t i = 0; i < slots->capacity; i++)
		wider.items[place(&wider, slots->first + i)] =
			slots->items[place(slots, slots->first + i)];
	free(slots->items);
	*slots = wider;
	return ERR_OK;
}

enum err sctp_slots_put(
	struct sctp_slots *slots, uint64_t base, size_t span_max, uint64_t number, void *item)
{
	CHECK(item != NULL);
	CHECK(base >= slots->first);
	CHECK(number >= base);
	if (number - base >= span_max)
		return ERR_LIMIT;
	slots->first = base;
	if (!covers(slots, number)) {
		enum err err = grow(slots, number);
		if (err)
			return err;
	}
	CHECK(slots->items[place(slots, number)] == NULL);
	slots->items[place(slots, number)] = item;
	slots->count++;
	return ERR_OK;
}

void *sctp_slots_take(struct sctp_slots *slots, uint64_t number)
{
	void *item = sctp_slots_get(slots, number);
	if (!item)
		return NULL;
	slots->items[place(slots, number)] = NULL;
	if (--slots->count == 0) {
		uint64_t first = slots->first;
		sctp_slots_deinit(slots);
		slots->first = first;
	}
	return item;
}

void *sctp_slots_take_any(struct sctp_slots *slots)
{
	for (size_t i = 0; i < slots->capacity; i++) {
		void *item = sctp_slots_take(slots, slots->first + i);
		if (item)
			return item;
	}
	return NULL;
}
