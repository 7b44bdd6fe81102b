/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id_table.h - elements of one size, by the UUID they begin with: a hash table over a flat array.
 *
 * Two allocations, whatever the number of elements, which grow by doubling. The hash has a key, so
 * that a server cannot choose ids that all fall on one place.
 */
#ifndef NEXODUS_ID_TABLE_H
#define NEXODUS_ID_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define ID_BYTES 16

struct id_table {
	size_t element_bytes;
	uint8_t *elements; /* without gaps; each begins with its id */
	size_t n, room;
	uint32_t *slots; /* index of an element + 1; 0: nothing is here */
	size_t n_slots;  /* a power of two, at least twice n; or 0 */
	uint64_t key[2];
};

/** id_table_init() - an empty table. @element_bytes: multiple of the alignment of what is in it. */
void id_table_init(struct id_table *table, size_t element_bytes);

/** id_table_clear() - remove all and free what the table owns; also the end of it. */
void id_table_clear(struct id_table *table);

/** id_table_find() - Return: the element, until the table is changed; NULL when it is not there. */
void *id_table_find(const struct id_table *table, const uint8_t id[static ID_BYTES]);

/** id_table_at() - the element number @i of table->n, in no order. */
void *id_table_at(const struct id_table *table, size_t i);

/**
 * id_table_add() - a new element, with @id and zeros behind. There must be none of that id.
 *
 * Return: the element, until the table is changed; NULL without memory.
 */
void *id_table_add(struct id_table *table, const uint8_t id[static ID_BYTES]);

/** id_table_remove() - @element leaves, and the last one takes its place. */
void id_table_remove(struct id_table *table, void *element);

#endif
