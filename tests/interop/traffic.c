#include "traffic.h"

#include <stdio.h>
#include <string.h>

/* Two, three and four bytes a character: a text is bytes to us, but not to the other side. */
#define CHARACTERS "ü€😀"

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352dU;
	x = (x ^ x >> 15) * 0x846ca68bU;
	return x ^ x >> 16;
}

/* As many small as large; the first is the smallest, the second the largest. */
static size_t size_of(const struct traffic *t, uint32_t index)
{
	size_t least = t->tagged ? TRAFFIC_TAG + 1 : 1, size;
	if (t->size_max == 0)
		return 0;
	if (index == 0 || index >= t->count)
		return least;
	if (index == 1)
		return t->size_max;
	size = least + mix(index + 7777) % ((size_t)1 << mix(index) % 19);
	return size < t->size_max ? size : t->size_max;
}

size_t traffic_make(const struct traffic *t, uint32_t index, char *data, bool *ret_binary)
{
	size_t size = size_of(t, index), at = 0;
	*ret_binary = index % 2;
	if (t->tagged)
		at = (size_t)snprintf(data, TRAFFIC_TAG + 1, "%0*u", TRAFFIC_TAG, index);
	if (size >= at + strlen(CHARACTERS)) {
		memcpy(data + at, CHARACTERS, strlen(CHARACTERS));
		at += strlen(CHARACTERS);
	}
	for (; at < size; at++) {
		uint32_t value = mix((uint32_t)(index * 31 + at));
		data[at] = (char)(*ret_binary ? value & 0xff : 'a' + value % 26);
	}
	return size;
}

/* The number of a tagged message, or UINT32_MAX. */
static uint32_t number_of(const char *data, size_t size)
{
	uint32_t number = 0;
	if (size <= TRAFFIC_TAG)
		return UINT32_MAX;
	for (int i = 0; i < TRAFFIC_TAG; i++) {
		if (data[i] < '0' || data[i] > '9')
			return UINT32_MAX;
		number = number * 10 + (uint32_t)(data[i] - '0');
	}
	return number;
}

static const char *kind(bool binary)
{
	return binary ? "binary" : "text";
}

const char *traffic_check(struct traffic *t, bool binary, const void *data, size_t size)
{
	static char expected[DPC_MESSAGE_MAX_DEFAULT], wrong[128];
	bool expected_binary;
	uint32_t number = t->tagged ? number_of(data, size) : t->next;
	if (number >= t->sent)
		return "a message came back that was not sent";
	if (t->tagged && t->seen[number])
		return "a message came back twice";
	if (t->ordered && number < t->next)
		return "a message came back out of order";
	size_t expected_size = traffic_make(t, number, expected, &expected_binary);
	if (binary != expected_binary || size != expected_size ||
		(size > 0 && memcmp(data, expected, size) != 0)) {
		snprintf(wrong, sizeof wrong, "message %u, %s of %zu bytes, came back as %s of %zu",
			number, kind(expected_binary), expected_size, kind(binary), size);
		return wrong;
	}
	t->seen[number] = 1;
	t->next = number + 1;
	if (number < t->count) {
		t->back++;
		t->bytes += size;
	}
	if (t->partial ? number >= t->count : t->back == t->count)
		t->done = true; /* and stays so when an older one comes after it */
	return NULL;
}
