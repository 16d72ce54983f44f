/* An intrusive doubly linked list. The head is a node too; an initialised head that points to
 * itself is the empty list. Elements are owned by whoever embeds the node. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

struct list {
	struct list *prev, *next;
};

/* The struct that embeds `member` at `node`. */
#define CONTAINER_OF(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#define LIST_FOREACH(node, head)                                                                   \
	for (struct list *node = (head)->next; node != (head); node = node->next)

/* As LIST_FOREACH, and the body may remove `node`. */
#define LIST_FOREACH_SAFE(node, head)                                                              \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);          \
		node = node##_next, node##_next = node->next)

static inline void list_init(struct list *head)
{
	head->prev = head->next = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

/* Whether a node that was zeroed or removed is in some list. */
static inline bool list_is_linked(const struct list *node)
{
	return node->next != NULL;
}

static inline void list_insert_before(struct list *where, struct list *node)
{
	CHECK(where->prev != NULL);
	node->prev = where->prev;
	node->next = where;
	where->prev->next = node;
	where->prev = node;
}

static inline void list_push_back(struct list *head, struct list *node)
{
	list_insert_before(head, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_insert_before(head->next, node);
}

static inline void list_remove(struct list *node)
{
	CHECK(node->next != NULL);
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->prev = node->next = NULL;
}

/* Removes and returns the first node, or NULL. */
static inline struct list *list_pop_front(struct list *head)
{
	struct list *node = head->next;
	if (node == head)
		return NULL;
	list_remove(node);
	return node;
}

#endif
