// SPDX-License-Identifier: Apache-2.0
#include "nexodus/id_table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ROOM_LEAST 64

void id_table_init(struct id_table *table, size_t element_bytes)
{
	*table = (struct id_table){ .element_bytes = element_bytes };
	/* Not ready only while the host boots: then the key is one that can be guessed. */
	(void)getrandom(table->key, sizeof(table->key), GRND_NONBLOCK);
}

void id_table_clear(struct id_table *table)
{
	free(table->elements);
	free(table->slots);
	table->elements = NULL;
	table->slots = NULL;
	table->n = table->room = table->n_slots = 0;
}

void *id_table_at(const struct id_table *table, size_t i)
{
	return table->elements + i * table->element_bytes;
}

/* Where the search for @id begins. */
static size_t home_of(const struct id_table *table, const uint8_t *id)
{
	unsigned __int128 product;
	uint64_t low, high;

	memcpy(&low, id, sizeof(low));
	memcpy(&high, id + sizeof(low), sizeof(high));
	product = (unsigned __int128)(low ^ table->key[0]) * (high ^ table->key[1]);
	return ((uint64_t)product ^ (uint64_t)(product >> 64)) & (table->n_slots - 1);
}

static size_t next_slot(const struct id_table *table, size_t slot)
{
	return (slot + 1) & (table->n_slots - 1);
}

/* How far behind @from is @to? */
static size_t distance(const struct id_table *table, size_t from, size_t to)
{
	return (to - from) & (table->n_slots - 1);
}

void *id_table_find(const struct id_table *table, const uint8_t id[static ID_BYTES])
{
	if (!table->n)
		return NULL;
	for (size_t slot = home_of(table, id); table->slots[slot]; slot = next_slot(table, slot)) {
		void *element = id_table_at(table, table->slots[slot] - 1);

		if (!memcmp(element, id, ID_BYTES))
			return element;
	}
	return NULL;
}

static void enter(struct id_table *table, size_t i)
{
	size_t slot = home_of(table, id_table_at(table, i));

	while (table->slots[slot])
		slot = next_slot(table, slot);
	table->slots[slot] = i + 1;
}

/* Room for one more. Return: false without memory, with nothing changed. */
static bool make_room(struct id_table *table)
{
	size_t room = table->room ? table->room * 2 : ROOM_LEAST;
	uint32_t *slots;
	uint8_t *grown;

	if (table->n < table->room)
		return true;
	slots = calloc(2 * room, sizeof(*slots));
	grown = slots ? reallocarray(table->elements, room, table->element_bytes) : NULL;
	if (!grown) {
		free(slots);
		return false;
	}
	free(table->slots);
	table->elements = grown;
	table->room = room;
	table->slots = slots;
	table->n_slots = 2 * room;
	for (size_t i = 0; i < table->n; i++)
		enter(table, i);
	return true;
}

void *id_table_add(struct id_table *table, const uint8_t id[static ID_BYTES])
{
	uint8_t *element;

	if (!make_room(table))
		return NULL;
	element = id_table_at(table, table->n);
	memcpy(element, id, ID_BYTES);
	memset(element + ID_BYTES, 0, table->element_bytes - ID_BYTES);
	enter(table, table->n++);
	return element;
}

/* The slot of element number @i. */
static size_t slot_of(const struct id_table *table, size_t i)
{
	size_t slot = home_of(table, id_table_at(table, i));

	while (table->slots[slot] != i + 1)
		slot = next_slot(table, slot);
	return slot;
}

/* Empty @slot; what is behind it and would no longer be found moves up. */
static void vacate(struct id_table *table, size_t slot)
{
	for (size_t s = next_slot(table, slot); table->slots[s]; s = next_slot(table, s)) {
		size_t home = home_of(table, id_table_at(table, table->slots[s] - 1));

		if (distance(table, home, s) < distance(table, slot, s))
			continue;
		table->slots[slot] = table->slots[s];
		slot = s;
	}
	table->slots[slot] = 0;
}

void id_table_remove(struct id_table *table, void *element)
{
	size_t i = ((uint8_t *)element - table->elements) / table->element_bytes;
	size_t last = table->n - 1;

	vacate(table, slot_of(table, i));
	if (i != last) {
		table->slots[slot_of(table, last)] = i + 1;
		memcpy(element, id_table_at(table, last), table->element_bytes);
	}
	table->n = last;
}
