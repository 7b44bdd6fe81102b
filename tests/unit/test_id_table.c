// SPDX-License-Identifier: Apache-2.0
/* test_id_table.c - random additions and removals against a list, with ids that all collide, too.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nexodus/id_table.h"
#include "notation.h"

#define IDS 200

struct element {
	uint8_t id[ID_BYTES];
	uint32_t value;
};

static uint8_t ids[IDS][ID_BYTES];

/* @colliding: so many of them have their first place in common, as the hash is. */
static void make_ids(const struct id_table *table, size_t colliding)
{
	for (size_t i = 0; i < IDS; i++) {
		for (size_t b = 0; b < ID_BYTES; b++)
			ids[i][b] = random();
		ids[i][0] = i; /* no two are the same */
		ids[i][8] = i;
		if (i < colliding)
			memcpy(ids[i], &table->key[0], sizeof(table->key[0]));
	}
}

static void check_all(const struct id_table *table, const uint32_t *values)
{
	size_t n = 0;

	for (size_t i = 0; i < IDS; i++) {
		struct element *element = id_table_find(table, ids[i]);

		assert_int_equal(element ? element->value : 0, values[i]);
		n += !!element;
	}
	assert_int_equal(table->n, n);
	for (size_t i = 0; i < table->n; i++) {
		struct element *element = id_table_at(table, i);

		assert_ptr_equal(id_table_find(table, element->id), element);
	}
}

static void run(size_t colliding)
{
	uint32_t values[IDS] = {}; /* 0: not there */
	struct id_table table;

	id_table_init(&table, sizeof(struct element));
	make_ids(&table, colliding);
	for (int step = 0; step < 20000; step++) {
		/* Nearly empty and nearly full in turn. */
		bool add = random() % 100 < (step / 1000 % 2 ? 70 : 30);
		size_t i = random() % IDS;
		struct element *element = id_table_find(&table, ids[i]);

		if (add && !element) {
			element = id_table_add(&table, ids[i]);
			assert_non_null(element);
			assert_int_equal(element->value, 0);
			element->value = values[i] = step + 1;
		} else if (!add && element) {
			id_table_remove(&table, element);
			values[i] = 0;
		}
		if (step % 16 == 0)
			check_all(&table, values);
	}
	id_table_clear(&table);
	memset(values, 0, sizeof(values));
	check_all(&table, values);
	assert_non_null(id_table_add(&table, ids[0]));
	values[0] = 0;
	id_table_clear(&table);
}

static void test_model(void **state)
{
	static const size_t colliding[] = { 0, 20, IDS };

	(void)state;
	srandom(1);
	for (size_t i = 0; i < N(colliding); i++)
		run(colliding[i]);
}

/* What one server has found out of its table is of no use against another process. */
static void test_key(void **state)
{
	struct id_table a, b;

	(void)state;
	id_table_init(&a, sizeof(struct element));
	id_table_init(&b, sizeof(struct element));
	assert_true(a.key[0] && a.key[1]);
	assert_memory_not_equal(a.key, b.key, sizeof(a.key));
	id_table_clear(&a);
	id_table_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
