#include <assert.h>

#include "base/text.h"
#include "crypto/node_id.h"
#include "node/store_query.h"
#include "node/store_search.h"

static_assert(STORE_PIN_MAX + 1 == NODE_PIN_TEXT_MAX, "a pin fits");
static_assert(STORE_NODE_ID_MAX < NODE_ID_MAX, "an id fits");

#define COLUMNS                                                                                    \
	"node_id, name, pin, addresses, hub_vouched, verified, blocked, keep_connected, policy, "  \
	"added"

/* All addresses, one a line. */
#define ADDRESSES_TEXT_MAX (STORE_ADDRESSES_MAX * (STORE_ADDRESS_MAX + 1) + 1)

static const char *const policies[] = {
	[STORE_POLICY_AUTO] = "auto",
	[STORE_POLICY_DIRECT_ONLY] = "direct-only",
	[STORE_POLICY_RELAY_ONLY] = "relay-only",
	[STORE_POLICY_LAN_ONLY] = "lan-only",
};

#define POLICY_COUNT (sizeof policies / sizeof *policies)

const char *store_policy_name(enum store_policy policy)
{
	CHECK(policy < POLICY_COUNT);
	return policies[policy];
}

bool store_policy_parse(const char *name, enum store_policy *ret_policy)
{
	for (unsigned i = 0; i < POLICY_COUNT; i++) {
		if (strcmp(policies[i], name) == 0) {
			*ret_policy = i;
			return true;
		}
	}
	return false;
}

bool store_name_is_valid(const char *name)
{
	struct bytes b = bytes_of_text(name);
	if (b.size == 0 || b.size > STORE_NAME_MAX || !utf8_is_valid(b))
		return false;
	if (b.data[0] == ' ' || b.data[b.size - 1] == ' ')
		return false;
	for (size_t i = 0; i < b.size; i++) {
		if (b.data[i] < 0x20 || b.data[i] == 0x7f || b.data[i] == '[' || b.data[i] == ']')
			return false;
	}
	return true;
}

static bool address_is_valid(const char *address)
{
	size_t size = strlen(address);
	if (size == 0 || size > STORE_ADDRESS_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (address[i] <= 0x20 || address[i] >= 0x7f)
			return false;
	}
	return true;
}

static enum err malformed(struct store *store, const char *what, const char *value)
{
	fault_set(&store->fault, "'%s' is no %s", value, what);
	return ERR_MALFORMED;
}

/* Everything a caller could get wrong; `name` is the one to store. */
static enum err check_contact(
	struct store *store, const struct store_contact *contact, const char *name)
{
	struct node_pin pin;
	if (!node_id_is_valid(contact->node_id))
		return malformed(store, "node id", contact->node_id);
	if (!store_name_is_valid(name) ||
		(node_id_is_valid(name) && strcmp(name, contact->node_id) != 0))
		return malformed(store, "name for a contact", name);
	if (contact->pin[0] && (!node_pin_parse(contact->pin, &pin) ||
				       !node_id_matches_pin(contact->node_id, &pin)))
		return malformed(store, "key of this node id", contact->pin);
	CHECK(contact->address_count <= STORE_ADDRESSES_MAX);
	for (size_t i = 0; i < contact->address_count; i++) {
		if (!address_is_valid(contact->addresses[i]))
			return malformed(store, "address", contact->addresses[i]);
	}
	CHECK(contact->policy < POLICY_COUNT);
	return ERR_OK;
}

static void join_addresses(const struct store_contact *contact, char *text)
{
	struct writer w = writer_of(text, ADDRESSES_TEXT_MAX - 1);
	for (size_t i = 0; i < contact->address_count; i++) {
		write_text(&w, contact->addresses[i]);
		write_u8(&w, '\n');
	}
	CHECK(!w.failed);
	text[w.size] = 0;
}

static bool split_addresses(const char *text, struct store_contact *contact)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		if (contact->address_count == STORE_ADDRESSES_MAX ||
			!text_copy_bytes(contact->addresses[contact->address_count++],
				STORE_ADDRESS_MAX + 1, bytes_of(text, (size_t)(end - text))))
			return false;
	}
	return true;
}

static void read_contact(struct query *query, struct store_contact *ret_contact)
{
	char addresses[ADDRESSES_TEXT_MAX] = "";
	struct store_contact c = {0};
	query_read_text(query, 0, c.node_id, sizeof c.node_id);
	query_read_text(query, 1, c.name, sizeof c.name);
	query_read_text(query, 2, c.pin, sizeof c.pin);
	query_read_text(query, 3, addresses, sizeof addresses);
	c.hub_vouched = query_integer(query, 4);
	c.verified = query_integer(query, 5);
	c.blocked = query_integer(query, 6);
	c.keep_connected = query_integer(query, 7);
	int64_t policy = query_integer(query, 8);
	c.added = query_integer(query, 9);
	if (policy < 0 || policy >= (int64_t)POLICY_COUNT || !split_addresses(addresses, &c)) {
		if (!query->err)
			query->err = store_failed(query->store, SQLITE_CORRUPT);
		return;
	}
	c.policy = (enum store_policy)policy;
	*ret_contact = c;
}

/* Binds what add and update have in common: everything but id and time. */
static void bind_contact(struct query *query, const struct store_contact *contact, const char *name,
	const char *addresses)
{
	query_bind_text(query, name);
	query_bind_text(query, contact->pin);
	query_bind_text(query, addresses);
	query_bind_integer(query, contact->hub_vouched);
	query_bind_integer(query, contact->verified);
	query_bind_integer(query, contact->blocked);
	query_bind_integer(query, contact->keep_connected);
	query_bind_integer(query, contact->policy);
}

static enum err taken(struct store *store, enum err err, const char *name)
{
	if (err == ERR_EXISTS)
		fault_set(&store->fault, "there is a contact '%s' already", name);
	return err;
}

static enum err insert_contact(
	struct store *store, const struct store_contact *contact, const char *name)
{
	char addresses[ADDRESSES_TEXT_MAX];
	size_t count = 0;
	enum err err = store_contact_count(store, &count);
	if (err)
		return err;
	if (count >= STORE_CONTACTS_MAX) {
		fault_set(&store->fault, "cannot add '%s': there are too many contacts", name);
		return ERR_LIMIT;
	}
	join_addresses(contact, addresses);
	/* In the order of binding; COLUMNS is that of reading. */
	struct query query = query_of(store,
		"INSERT INTO contacts (name, pin, addresses, hub_vouched, verified, blocked, "
		"keep_connected, policy, node_id, added) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	bind_contact(&query, contact, name, addresses);
	query_bind_text(&query, contact->node_id);
	query_bind_integer(&query, contact->added);
	return taken(store, query_run(&query, NULL), name);
}

enum err store_contact_add(struct store *store, const struct store_contact *contact)
{
	const char *name = contact->name[0] ? contact->name : contact->node_id;
	enum err err = check_contact(store, contact, name);
	if (!err)
		err = store_begin(store);
	return err ? err : store_end(store, insert_contact(store, contact, name));
}

static enum err unknown(struct store *store, const char *text)
{
	fault_set(&store->fault, "no contact '%s'; add one with 'dpc add'", text);
	return ERR_NOT_FOUND;
}

enum err store_contact_update(struct store *store, const struct store_contact *contact)
{
	const char *name = contact->name[0] ? contact->name : contact->node_id;
	char addresses[ADDRESSES_TEXT_MAX];
	size_t changes = 0;
	enum err err = check_contact(store, contact, name);
	if (err)
		return err;
	join_addresses(contact, addresses);
	struct query query = query_of(store,
		"UPDATE contacts SET name = ?1, pin = ?2, addresses = ?3, hub_vouched = ?4, "
		"verified = ?5 AND pin = ?2 AND pin <> '', blocked = ?6, keep_connected = ?7, "
		"policy = ?8 WHERE node_id = ?9");
	bind_contact(&query, contact, name, addresses);
	query_bind_text(&query, contact->node_id);
	err = taken(store, query_run(&query, &changes), name);
	if (!err && changes == 0)
		return unknown(store, contact->node_id);
	return err;
}

static enum err remove_contact(struct store *store, const char *node_id)
{
	size_t changes = 0;
	struct query query = query_of(store, "DELETE FROM contacts WHERE node_id = ?");
	query_bind_text(&query, node_id);
	enum err err = query_run(&query, &changes);
	if (err)
		return err;
	if (changes == 0)
		return unknown(store, node_id);
	err = store_search_remove_pending(store, node_id);
	if (err)
		return err;
	struct query queued = query_of(store, "DELETE FROM messages WHERE peer = ? AND state < 2");
	query_bind_text(&queued, node_id);
	return query_run(&queued, NULL);
}

enum err store_contact_remove(struct store *store, const char *node_id)
{
	enum err err = store_begin(store);
	return err ? err : store_end(store, remove_contact(store, node_id));
}

/* The only row, if there is one. ERR_MISMATCH: there are several. */
static enum err read_one(struct query *query, struct store_contact *ret_contact)
{
	struct store_contact contact;
	size_t count = 0;
	while (query_next(query)) {
		read_contact(query, &contact);
		count++;
	}
	enum err err = query_end(query);
	if (err)
		return err;
	if (count != 1)
		return count ? ERR_MISMATCH : ERR_NOT_FOUND;
	*ret_contact = contact;
	return ERR_OK;
}

enum err store_contact_get(
	struct store *store, const char *node_id, struct store_contact *ret_contact)
{
	struct query query = query_of(store, "SELECT " COLUMNS " FROM contacts WHERE node_id = ?");
	query_bind_text(&query, node_id);
	enum err err = read_one(&query, ret_contact);
	return err == ERR_NOT_FOUND ? unknown(store, node_id) : err;
}

enum err store_contact_find(
	struct store *store, const char *text, struct store_contact *ret_contact)
{
	/* From the exact to the vague; the first that fits at all decides. */
	static const char *const queries[] = {
		"SELECT " COLUMNS " FROM contacts WHERE node_id = ?1",
		"SELECT " COLUMNS " FROM contacts WHERE name = ?1",
		"SELECT " COLUMNS " FROM contacts WHERE substr(name, 1, length(?1)) = ?1"
		" OR substr(node_id, 1, length(?1)) = ?1"
		" OR substr(node_id, 10, length(?1)) = ?1 LIMIT 2",
	};
	enum err err = ERR_NOT_FOUND;
	if (!utf8_is_valid(bytes_of_text(text)))
		return malformed(store, "name for a contact", "?");
	for (size_t i = 0; *text && err == ERR_NOT_FOUND && i < 3; i++) {
		struct query query = query_of(store, queries[i]);
		query_bind_text(&query, text);
		err = read_one(&query, ret_contact);
	}
	if (err == ERR_NOT_FOUND)
		return unknown(store, text);
	if (err == ERR_MISMATCH)
		fault_set(&store->fault, "more than one contact fits '%s'; type more of it", text);
	return err;
}

enum err store_contact_list(struct store *store, const char *after_name,
	struct store_contact *contacts, size_t capacity, size_t *ret_count)
{
	struct query query = query_of(
		store, "SELECT " COLUMNS " FROM contacts WHERE name > ? ORDER BY name LIMIT ?");
	query_bind_text(&query, after_name);
	query_bind_integer(&query, (int64_t)capacity);
	size_t count = 0;
	while (count < capacity && query_next(&query))
		read_contact(&query, &contacts[count++]);
	enum err err = query_end(&query);
	if (!err)
		*ret_count = count;
	return err;
}

enum err store_contact_count(struct store *store, size_t *ret_count)
{
	int64_t count;
	struct query query = query_of(store, "SELECT count(*) FROM contacts");
	enum err err = query_run_integer(&query, &count);
	if (!err)
		*ret_count = (size_t)count;
	return err;
}

static enum err pin_contact(struct store *store, const char *node_id, const struct node_pin *pin)
{
	struct store_contact contact;
	struct node_pin known;
	enum err err = store_contact_get(store, node_id, &contact);
	if (err)
		return err;
	if (contact.pin[0]) {
		if (node_pin_parse(contact.pin, &known) && node_pin_equal(&known, pin))
			return ERR_OK;
		fault_set(&store->fault, "another key is pinned for '%s'", contact.name);
		return ERR_MISMATCH;
	}
	node_pin_text(pin, contact.pin);
	return store_contact_update(store, &contact);
}

enum err store_contact_pin(struct store *store, const char *node_id, const char *pin)
{
	struct node_pin parsed;
	if (!node_pin_parse(pin, &parsed))
		return malformed(store, "key", pin);
	enum err err = store_begin(store);
	return err ? err : store_end(store, pin_contact(store, node_id, &parsed));
}

enum err store_contact_keep(struct store *store, const char *node_id, bool keep)
{
	size_t changes = 0;
	struct query query =
		query_of(store, "UPDATE contacts SET keep_connected = ? WHERE node_id = ?");
	query_bind_integer(&query, keep);
	query_bind_text(&query, node_id);
	enum err err = keep ? query_run_unsynced(&query, &changes) : query_run(&query, &changes);
	return err || changes > 0 ? err : unknown(store, node_id);
}

static enum err put_address(struct store *store, const char *node_id, const char *address)
{
	struct store_contact contact;
	enum err err = store_contact_get(store, node_id, &contact);
	if (err)
		return err;
	struct store_contact changed = contact;
	changed.address_count = 1;
	CHECK(text_copy(changed.addresses[0], sizeof changed.addresses[0], address));
	for (size_t i = 0; i < contact.address_count; i++) {
		if (strcmp(contact.addresses[i], address) != 0 &&
			changed.address_count < STORE_ADDRESSES_MAX)
			memcpy(changed.addresses[changed.address_count++], contact.addresses[i],
				sizeof contact.addresses[i]);
	}
	return store_contact_update(store, &changed);
}

enum err store_contact_add_address(struct store *store, const char *node_id, const char *address)
{
	if (!address_is_valid(address))
		return malformed(store, "address", address);
	enum err err = store_begin(store);
	return err ? err : store_end(store, put_address(store, node_id, address));
}
