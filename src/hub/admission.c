#include "hub/admission.h"

#include <stdlib.h>

#include "base/text.h"
#include "hub/limits.h"
#include "message/json.h"

#define PREFIX "dpc-node-"

static const struct refusal malformed = {400, "malformed",
	"the body is not {\"strangers\":true|false,\"contacts\":{NODE_ID:\"allow\"|\"block\"}}"};
static const struct refusal too_many = {
	422, "bad_contacts", "at most 2000 contacts; each is a node id with 'allow' or 'block'"};
static const struct refusal no_memory = {500, "internal", "the hub is out of memory"};

/* ---- Ids ---- */

struct contact_id contact_id_of(const char *node_id)
{
	struct contact_id id = {0};
	const char *digits = node_id + sizeof PREFIX - 1;
	CHECK(node_id_is_valid(node_id));
	id.size = (uint8_t)(strlen(digits) / 2);
	CHECK(hex_decode(digits, id.bytes, id.size));
	return id;
}

void contact_id_text(const struct contact_id *id, char *node_id)
{
	CHECK(text_copy(node_id, NODE_ID_MAX, PREFIX));
	hex_encode(bytes_of(id->bytes, id->size), node_id + sizeof PREFIX - 1);
}

static int compare_ids(const struct contact_id *a, const struct contact_id *b)
{
	return a->size != b->size ? a->size - b->size : memcmp(a->bytes, b->bytes, a->size);
}

bool contact_id_equal(const struct contact_id *a, const struct contact_id *b)
{
	return compare_ids(a, b) == 0;
}

static int compare_contacts(const void *a, const void *b)
{
	const struct admission_contact *first = a, *second = b;
	return compare_ids(&first->id, &second->id);
}

/* ---- Reading and writing ---- */

static const struct refusal *take_contacts(struct admission *admission, json_t *object)
{
	const char *node_id;
	json_t *value;
	size_t count = json_object_size(object);
	if (count > ADMISSION_CONTACTS_MAX)
		return &too_many;
	if (count == 0)
		return NULL;
	admission->contacts = calloc(count, sizeof admission->contacts[0]);
	if (!admission->contacts)
		return &no_memory;
	json_object_foreach(object, node_id, value)
	{
		const char *verdict = json_string_value(value);
		bool is_blocked = verdict && strcmp(verdict, "block") == 0;
		if (!node_id_is_valid(node_id) || !verdict ||
			(!is_blocked && strcmp(verdict, "allow") != 0))
			return &too_many;
		admission->contacts[admission->count++] = (struct admission_contact){
			.id = contact_id_of(node_id), .is_blocked = is_blocked};
	}
	qsort(admission->contacts, admission->count, sizeof admission->contacts[0],
		compare_contacts);
	return NULL;
}

const struct refusal *admission_parse(struct bytes text, struct admission *ret_admission)
{
	struct admission admission = {0};
	json_t *body, *contacts = NULL;
	bool strangers = true;
	enum err err = json_parse_object(text, ADMISSION_BODY_MAX, &body);
	if (err != ERR_OK)
		return err == ERR_NOMEM ? &no_memory : &malformed;
	const struct refusal *refusal = NULL;
	if (json_get_bool_if(body, "strangers", &strangers) != ERR_OK ||
		json_get_object_if(body, "contacts", &contacts) != ERR_OK)
		refusal = &malformed;
	if (!refusal)
		refusal = take_contacts(&admission, contacts);
	json_decref(body);
	if (refusal) {
		admission_deinit(&admission);
		return refusal;
	}
	admission.no_strangers = !strangers;
	*ret_admission = admission;
	return NULL;
}

void admission_deinit(struct admission *admission)
{
	free(admission->contacts);
	*admission = (struct admission){0};
}

json_t *admission_describe(const struct admission *admission)
{
	char node_id[NODE_ID_MAX];
	json_t *contacts = json_object();
	bool is_whole = contacts != NULL;
	for (size_t i = 0; is_whole && i < admission->count; i++) {
		const struct admission_contact *contact = &admission->contacts[i];
		contact_id_text(&contact->id, node_id);
		is_whole = json_object_set_new(contacts, node_id,
				   json_string(contact->is_blocked ? "block" : "allow")) == 0;
	}
	if (!is_whole) {
		json_decref(contacts);
		return NULL;
	}
	return json_pack("{s:b, s:o}", "strangers", !admission->no_strangers, "contacts", contacts);
}

/* ---- Asking ---- */

static const struct admission_contact *find(
	const struct admission *admission, const struct contact_id *id)
{
	struct admission_contact key = {.id = *id};
	if (admission->count == 0)
		return NULL;
	return bsearch(&key, admission->contacts, admission->count, sizeof admission->contacts[0],
		compare_contacts);
}

bool admission_allows(const struct admission *admission, const struct contact_id *sender)
{
	const struct admission_contact *contact = find(admission, sender);
	return contact ? !contact->is_blocked : !admission->no_strangers;
}

bool admission_names(const struct admission *admission, const struct contact_id *other)
{
	const struct admission_contact *contact = find(admission, other);
	return contact && !contact->is_blocked;
}
