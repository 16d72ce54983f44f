#include "node/stun_names.h"

#include "base/check.h"
#include "node/attempt.h"

#define PER_FAMILY_MAX (STUN_NAME_ADDRS_MAX / 2)

void stun_names_init(struct stun_names *names, size_t count, struct rng *rng, usec now)
{
	CHECK(count <= CONFIG_STUN_MAX);
	*names = (struct stun_names){.count = count, .rng = rng};
	for (size_t i = 0; i < count; i++)
		names->names[i].due = now;
}

size_t stun_names_next(struct stun_names *names, usec now)
{
	for (size_t i = 0; i < names->count; i++) {
		struct stun_name *name = &names->names[i];
		if (name->asking || name->due > now)
			continue;
		name->asking = true;
		return i;
	}
	return STUN_NAMES_NONE;
}

usec stun_names_deadline(const struct stun_names *names)
{
	usec deadline = USEC_NEVER;
	for (size_t i = 0; i < names->count; i++) {
		if (!names->names[i].asking)
			deadline = usec_min(deadline, names->names[i].due);
	}
	return deadline;
}

static struct stun_name *answered(struct stun_names *names, size_t index)
{
	CHECK(index < names->count);
	struct stun_name *name = &names->names[index];
	CHECK(name->asking);
	name->asking = false;
	return name;
}

static bool has(const struct addr *addrs, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < count; i++) {
		if (addr_equal(&addrs[i], addr))
			return true;
	}
	return false;
}

static bool has_all(const struct addr *addrs, size_t count, const struct stun_name *name)
{
	for (size_t i = 0; i < name->count; i++) {
		if (!has(addrs, count, &name->addrs[i]))
			return false;
	}
	return true;
}

bool stun_names_found(
	struct stun_names *names, size_t index, const struct addr *addrs, size_t count, usec now)
{
	struct stun_name *name = answered(names, index);
	size_t of_family[2] = {0};
	name->failures = 0;
	name->due = now + NODE_STUN_REFRESH;
	/* A name server may tell them in another order each time. */
	if (name->count > 0 && has_all(addrs, count, name))
		return false;
	name->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (of_family[addrs[i].family == ADDR_IPV6]++ < PER_FAMILY_MAX)
			name->addrs[name->count++] = addrs[i];
	}
	return true;
}

bool stun_names_failed(struct stun_names *names, size_t index, usec now)
{
	struct stun_name *name = answered(names, index);
	name->due = now + attempt_backoff(++name->failures, NODE_STUN_BACKOFF_FIRST,
				  NODE_STUN_BACKOFF_MAX, names->rng);
	return name->failures == 1;
}

void stun_names_hurry(struct stun_names *names, usec now)
{
	for (size_t i = 0; i < names->count; i++) {
		struct stun_name *name = &names->names[i];
		if (name->failures > 0)
			name->due = usec_min(name->due, now);
	}
}

bool stun_names_is_asking(const struct stun_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		if (names->names[i].asking)
			return true;
	}
	return false;
}

size_t stun_names_addrs(const struct stun_names *names, struct addr *addrs, size_t max)
{
	size_t count = 0;
	for (size_t round = 0; round < STUN_NAME_ADDRS_MAX; round++) {
		for (size_t i = 0; i < names->count && count < max; i++) {
			const struct stun_name *name = &names->names[i];
			if (round < name->count && !has(addrs, count, &name->addrs[round]))
				addrs[count++] = name->addrs[round];
		}
	}
	return count;
}
