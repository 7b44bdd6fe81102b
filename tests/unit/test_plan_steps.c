// SPDX-License-Identifier: Apache-2.0
/*
 * test_plan_steps.c - a plan is carried out on a model of the tables: every state on the way is a
 * sound one, and the last is what was wanted.
 *
 * Random lists follow one another; now and then a plan is interrupted, and the next one starts from
 * what is there. The generator has a fixed seed: a failure names its round and comes again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/plan.h"

#define ROUNDS 3000
#define MODEL_MAX 256

/* The tables as the kernel has them: entries by scope and prefix, slots by number. */
struct model {
	struct table_entry entries[MODEL_MAX];
	size_t n_entries;
	struct table_slot slots[MODEL_MAX];
	size_t n_slots;
};

static uint32_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static struct table_entry *find_entry(struct table_entry *entries, size_t n,
				      const struct table_entry *like)
{
	for (size_t i = 0; i < n; i++)
		if (!table_entry_compare(&entries[i], like))
			return &entries[i];
	return NULL;
}

static struct table_slot *find_slot(struct table_slot *slots, size_t n, uint32_t number)
{
	for (size_t i = 0; i < n; i++)
		if (slots[i].slot == number)
			return &slots[i];
	return NULL;
}

static void edit_entry(struct model *model, const struct plan_entry_edit *edit)
{
	struct table_entry *there = find_entry(model->entries, model->n_entries, &edit->entry);

	assert_true(there || edit->op == PLAN_SET); /* what is not there is not deleted */
	if (edit->op == PLAN_DELETE)
		*there = model->entries[--model->n_entries];
	else
		*(there ?: &model->entries[model->n_entries++]) = edit->entry;
	assert_in_range(model->n_entries, 0, MODEL_MAX - 1);
}

static void edit_slot(struct model *model, const struct plan_slot_edit *edit)
{
	struct table_slot *there = find_slot(model->slots, model->n_slots, edit->slot.slot);

	assert_true(there || edit->op == PLAN_SET);
	if (edit->op == PLAN_DELETE)
		*there = model->slots[--model->n_slots];
	else
		*(there ?: &model->slots[model->n_slots++]) = edit->slot;
	assert_in_range(model->n_slots, 0, MODEL_MAX - 1);
}

static bool is_owner_of(struct tables *tables, const struct table_entry *entry,
			const struct table_slot *holder)
{
	const struct table_entry *like = find_entry(tables->entries, tables->n_entries, entry);
	const struct table_slot *slot;

	if (!like || memcmp(&like->owner, &entry->owner, sizeof(like->owner)) != 0)
		return false;
	slot = find_slot(tables->slots, tables->n_slots, entry->owner.slot);
	return slot && !memcmp(slot->value.public_key, holder->value.public_key, NEX_KEY_LEN);
}

/* What plan.h says of each state in between. */
static void check_sound(struct model *model, struct tables *have, struct tables *want,
			const char *where)
{
	for (size_t i = 0; i < model->n_entries; i++) {
		const struct table_entry *entry = &model->entries[i];
		const struct table_slot *holder;

		if (entry->owner.flags & NEX_OWNER_LOCAL)
			continue;
		holder = find_slot(model->slots, model->n_slots, entry->owner.slot);
		if (!holder)
			fail_msg("%s: an address without a slot", where);
		else if (!is_owner_of(have, entry, holder) && !is_owner_of(want, entry, holder))
			fail_msg("%s: an address of somebody else", where);
	}
	for (size_t i = 0; i < want->n_entries; i++)
		if (find_entry(have->entries, have->n_entries, &want->entries[i]) &&
		    !find_entry(model->entries, model->n_entries, &want->entries[i]))
			fail_msg("%s: an address that stays is absent", where);
}

/* Slots set, entries set, entries deleted, slots deleted. Return: whether it came to the end. */
static bool carry_out(const struct plan *plan, struct model *model, struct tables *have,
		      struct tables *want, size_t stop_after, const char *where)
{
	size_t n = plan->n_slots + plan->n_entries, done = 0;

	for (int pass = 0; pass < 4; pass++) {
		enum plan_op op = pass < 2 ? PLAN_SET : PLAN_DELETE;
		bool slots = pass == 0 || pass == 3;

		for (size_t i = 0; i < (slots ? plan->n_slots : plan->n_entries); i++) {
			if ((slots ? plan->slots[i].op : plan->entries[i].op) != op)
				continue;
			if (done++ == stop_after)
				return false;
			if (slots)
				edit_slot(model, &plan->slots[i]);
			else
				edit_entry(model, &plan->entries[i]);
			check_sound(model, have, want, where);
		}
	}
	assert_int_equal(done, n);
	return true;
}

static struct tables copy_model(const struct model *model)
{
	struct tables tables = {
		.entries = calloc(MODEL_MAX, sizeof(*tables.entries)),
		.n_entries = model->n_entries,
		.slots = calloc(MODEL_MAX, sizeof(*tables.slots)),
		.n_slots = model->n_slots,
	};

	memcpy(tables.entries, model->entries, model->n_entries * sizeof(*tables.entries));
	memcpy(tables.slots, model->slots, model->n_slots * sizeof(*tables.slots));
	tables_sort(&tables);
	return tables;
}

static void check_same(const struct model *model, const struct tables *want, const char *where)
{
	struct tables got = copy_model(model);

	if (got.n_entries != want->n_entries || got.n_slots != want->n_slots)
		fail_msg("%s: %zu entries, %zu slots", where, got.n_entries, got.n_slots);
	for (size_t i = 0; i < got.n_entries; i++)
		if (table_entry_compare(&got.entries[i], &want->entries[i]) != 0 ||
		    memcmp(&got.entries[i].owner, &want->entries[i].owner,
			   sizeof(struct nex_owner)) != 0)
			fail_msg("%s: entry %zu is another one", where, i);
	for (size_t i = 0; i < got.n_slots; i++)
		if (got.slots[i].slot != want->slots[i].slot ||
		    memcmp(&got.slots[i].value, &want->slots[i].value, sizeof(struct nex_slot)) !=
			    0)
			fail_msg("%s: slot %zu is another one", where, i);
	tables_done(&got);
}

static struct desired random_desired(void)
{
	static const char *const prefixes[] = {
		"10.0.0.1", "10.0.0.2",   "10.0.0.3",   "10.0.0.0/8", "10.0.0.0/9", "0.0.0.0/0",
		"200::1",   "200::2",     "200::3",     "200::/64",   "200::/65",   "::/0",
		"fd00::/8", "172.16.0.1", "172.16.0.2", "fd00::1",    "fd00::2",    "10.64.0.0/10",
	};
	char text[NOTATION_TEXT_MAX];
	size_t n = snprintf(text, sizeof(text), "s:192.0.2.1");
	struct desired_input input = { .ipv6 = random_below(10) > 0 };
	uint8_t self[WG_KEY_BYTES];
	struct desired desired = {};
	struct device_list list;

	for (uint32_t i = random_below(9); i; i--) {
		n += snprintf(text + n, sizeof(text) - n, " %c%s", 'a' + random_below(12),
			      random_below(4) ? "" : "!");
		for (uint32_t p = random_below(5), first = p; p; p--)
			n += snprintf(text + n, sizeof(text) - n, "%c%s", p == first ? ':' : ',',
				      prefixes[random_below(N(prefixes))]);
	}
	memset(self, random_below(20) ? 's' : 'a', sizeof(self));
	list = notation_list(text);
	input.list = &list;
	input.self_key = self;
	if (desired_build(&input, &desired)) {
		memset(self, 's', sizeof(self)); /* no 'a' in this list */
		assert_int_equal(desired_build(&input, &desired), 0);
	}
	device_list_done(&list);
	return desired;
}

static void check_no_slot_is_reused(struct tables *have, const struct tables *want,
				    const char *where)
{
	for (size_t i = 0; i < want->n_slots; i++) {
		const struct table_slot *slot = &want->slots[i];
		const struct table_slot *had = find_slot(have->slots, have->n_slots, slot->slot);

		if (had && memcmp(had->value.public_key, slot->value.public_key, NEX_KEY_LEN) != 0)
			fail_msg("%s: slot %u is given away at once", where, slot->slot);
		for (size_t j = 0; j < i; j++)
			if (want->slots[j].slot == slot->slot)
				fail_msg("%s: slot %u is given twice", where, slot->slot);
	}
}

static void test_random_lists(void **state)
{
	static struct model model;
	size_t finished = 0;

	(void)state;
	seed = 20240722;
	for (int round = 0; round < ROUNDS; round++) {
		struct desired desired = random_desired();
		struct tables have = copy_model(&model), want = {};
		struct plan plan = {};
		char where[32];
		size_t stop_after = SIZE_MAX;

		snprintf(where, sizeof(where), "round %d", round);
		assert_int_equal(plan_tables(&desired, 7 + !random_below(30), &have, &want), 0);
		check_no_slot_is_reused(&have, &want, where);
		assert_int_equal(plan_edits(&have, &want, &plan), 0);
		if (!random_below(4))
			stop_after = random_below(plan.n_entries + plan.n_slots + 1);
		if (carry_out(&plan, &model, &have, &want, stop_after, where)) {
			check_same(&model, &want, where);
			finished++;
		}
		plan_done(&plan);
		tables_done(&have);
		tables_done(&want);
		desired_done(&desired);
	}
	assert_in_range(finished, ROUNDS / 2, ROUNDS - 1);
}

/* @n devices, with keys counted from @first, in the order of their keys. */
static struct desired many_devices(uint32_t first, uint32_t n)
{
	struct desired desired = { .devices = calloc(n, sizeof(*desired.devices)), .n_devices = n };

	assert_non_null(desired.devices);
	for (uint32_t i = 0; i < n; i++)
		for (int byte = 0; byte < 4; byte++)
			desired.devices[i].public_key[byte] = (first + i) >> (24 - 8 * byte);
	return desired;
}

/* Slots set, then slots deleted, by number: what the kernel's table holds in the end. */
static size_t carry_out_slots(const struct plan *plan, const struct tables *have,
			      struct nex_slot *table, uint8_t *used)
{
	size_t n = 0;

	for (size_t i = 0; i < have->n_slots; i++)
		used[have->slots[i].slot] = 1;
	for (int op = PLAN_SET; op >= PLAN_DELETE; op--) {
		for (size_t i = 0; i < plan->n_slots; i++) {
			const struct table_slot *slot = &plan->slots[i].slot;

			if ((int)plan->slots[i].op != op)
				continue;
			used[slot->slot] = op == PLAN_SET;
			table[slot->slot] = slot->value;
		}
	}
	for (size_t i = 0; i < NEX_SLOTS_MAX; i++)
		n += used[i];
	return n;
}

/* All slots are in use, and every device is replaced but the last: then, and only then, slots are
 * used again in the same step, each once, and nobody's is lost. */
static void test_slots_run_out(void **state)
{
	struct desired first = many_devices(0, NEX_SLOTS_MAX);
	struct desired second = many_devices(NEX_SLOTS_MAX - 1, NEX_SLOTS_MAX);
	struct nex_slot *table = calloc(NEX_SLOTS_MAX, sizeof(*table));
	uint8_t *used = calloc(NEX_SLOTS_MAX, 1);
	struct tables none = {}, have = {}, want = {};
	struct plan plan = {};

	(void)state;
	assert_int_equal(plan_tables(&first, 7, &none, &have), 0);
	for (size_t i = 0; i < have.n_slots; i++)
		have.slots[i].value.stats_map_id = 77;
	assert_int_equal(plan_tables(&second, 7, &have, &want), 0);
	assert_int_equal(want.slots[0].slot, have.slots[NEX_SLOTS_MAX - 1].slot);
	assert_int_equal(want.slots[0].value.stats_map_id, 77);
	assert_int_equal(want.slots[1].value.stats_map_id, 0);
	assert_int_equal(plan_edits(&have, &want, &plan), 0);
	assert_int_equal(carry_out_slots(&plan, &have, table, used), NEX_SLOTS_MAX);
	for (size_t i = 1; i < want.n_slots; i++)
		if (memcmp(&table[want.slots[i].slot], &want.slots[i].value, sizeof(*table)) != 0)
			fail_msg("slot %u is somebody else's", want.slots[i].slot);
	plan_done(&plan);
	tables_done(&have);
	tables_done(&want);
	desired_done(&first);
	desired_done(&second);
	free(table);
	free(used);
}

static void test_more_devices_than_slots(void **state)
{
	struct desired desired = many_devices(0, NEX_SLOTS_MAX + 1);
	struct tables none = {}, want, before;

	(void)state;
	memset(&want, 0xa5, sizeof(want));
	before = want;
	assert_int_equal(plan_tables(&desired, 7, &none, &want), -ENOSPC);
	assert_memory_equal(&want, &before, sizeof(want));
	desired_done(&desired);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_lists),
		cmocka_unit_test(test_slots_run_out),
		cmocka_unit_test(test_more_devices_than_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
