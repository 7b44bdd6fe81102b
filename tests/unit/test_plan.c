// SPDX-License-Identifier: Apache-2.0
/*
 * test_plan.c - which edits lead from the tables there are to the tables there should be.
 *
 * Tables are written "a3!:10.0.0.1,200::1 *:192.0.2.1": key, slot, "!" when relay-only, prefixes;
 * "*" for the relay's own. Edits are written in the order in which they are carried out:
 * "+a3 +10.0.0.1/32=3 -10.0.0.2/32 -b4".
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

#define SCOPE 7

/* clang-format off */
static const struct {
	const char *name, *have, *want, *edits;
} edit_cases[] = {
	{ "nothing to do",            "", "", "" },
	{ "no change, no edit",       "a1!:10.0.0.1,200::1 *:192.0.2.1", "a1!:10.0.0.1,200::1 *:192.0.2.1", "" },
	{ "first list",               "", "a1:10.0.0.1,200::1 b2", "+a1 +b2 +10.0.0.1/32=1 +200::1/128=1" },
	{ "everybody goes",           "a1:10.0.0.1,200::1 b2", "", "-10.0.0.1/32 -200::1/128 -a1 -b2" },
	{ "one comes",                "a1:10.0.0.1", "a1:10.0.0.1 b2:200::2", "+b2 +200::2/128=2" },
	{ "one goes",                 "a1:10.0.0.1 b2:200::2", "a1:10.0.0.1", "-200::2/128 -b2" },
	{ "one comes, one goes",      "a1:10.0.0.1", "b2:200::2", "+b2 +200::2/128=2 -10.0.0.1/32 -a1" },
	{ "address moves: one edit, never absent", "a1:10.0.0.1,200::1 b2", "a1 b2:10.0.0.1,200::1",
	  "+10.0.0.1/32=2 +200::1/128=2" },
	{ "address moves to a new one", "a1:10.0.0.1", "b2:10.0.0.1", "+b2 +10.0.0.1/32=2 -a1" },
	{ "network is split: halves before the whole goes", "a1:10.0.0.0/8,200::/64", "a1:10.0.0.0/9,10.128.0.0/9,200::/65",
	  "+10.0.0.0/9=1 +10.128.0.0/9=1 +200::/65=1 -10.0.0.0/8 -200::/64" },
	{ "flag comes: slot and addresses", "a1:10.0.0.1,200::1", "a1!:10.0.0.1,200::1",
	  "+a1! +10.0.0.1/32=1! +200::1/128=1!" },
	{ "flag goes",                "a1!:10.0.0.1", "a1:10.0.0.1", "+a1 +10.0.0.1/32=1" },
	{ "flag alone is one edit",   "a1", "a1!", "+a1!" },
	{ "slot of the same key changes", "a1:10.0.0.1", "a2:10.0.0.1", "+a2 +10.0.0.1/32=2 -a1" },
	{ "two change slots",         "a1 b2", "a2 b1", "+a2 +b1" },
	{ "slot goes to another key", "a1", "b1", "+b1" },
	{ "local becomes a peer's",   "a1 *:10.0.0.1,200::1", "a1:10.0.0.1,200::1", "+10.0.0.1/32=1 +200::1/128=1" },
	{ "peer's becomes local",     "a1:10.0.0.1,200::1", "a1 *:10.0.0.1,200::1", "+10.0.0.1/32=* +200::1/128=*" },
	{ "families are apart",       "a1:0.0.0.0/0", "a1:::/0", "+::/0=1 -0.0.0.0/0" },
	{ "lengths are apart",        "a1:10.0.0.0/8", "a1:10.0.0.0/32", "+10.0.0.0/32=1 -10.0.0.0/8" },
};

/* Slots that plan_tables() gives: "a3" kept, "a+" one that nobody had, "a!" somebody else's. */
static const struct {
	const char *name, *list, *have, *slots, *entries;
} slot_cases[] = {
	{ "first list",               "s b:10.0.0.2 a:200::1", "", "a+ b+", "10.0.0.2/32=b 200::1/128=a" },
	{ "same key keeps its slot",  "s a:10.0.0.1 b c", "a5 b0 c131071", "a5 b0 c131071", "10.0.0.1/32=a" },
	{ "between others too",       "s a b c d e", "b2 d4", "a+ b2 c+ d4 e+", "" },
	{ "freed slot is not given away", "s c d", "a0 b1", "c+ d+", "" },
	{ "freed slot between kept ones", "s a c e", "a0 b1 d2 e3", "a0 c+ e3", "" },
	{ "everybody goes",           "s", "a0 b1", "", "" },
	{ "own addresses",            "s:10.0.0.9,200::9 a", "a3", "a3", "10.0.0.9/32=* 200::9/128=*" },
	{ "flag goes with the address", "s a!:10.0.0.1 b:200::2", "a1 b2!", "a1 b2", "10.0.0.1/32=a! 200::2/128=b" },
	{ "slot out of range is given up", "s a b", "a131072 b1", "a+ b1", "" },
};
/* clang-format on */

static void add_entries(struct tables *tables, char *prefixes, struct nex_owner owner)
{
	for (char *word; (word = strsep(&prefixes, ","));)
		tables->entries[tables->n_entries++] =
			(struct table_entry){ SCOPE, notation_prefix(word), owner };
}

static struct tables make_tables(const char *text)
{
	struct tables tables = { .entries = calloc(64, sizeof(*tables.entries)),
				 .slots = calloc(64, sizeof(*tables.slots)) };
	char copy[NOTATION_TEXT_MAX], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word; (word = strsep(&rest, " "));) {
		char *colon = strchr(word, ':'), *flag = strchr(word, '!');
		struct nex_owner owner = { .slot = strtoul(*word ? word + 1 : "", NULL, 10) };
		struct table_slot *slot = &tables.slots[tables.n_slots];

		if (*word == '*')
			owner = (struct nex_owner){ .flags = NEX_OWNER_LOCAL };
		else if (flag && (!colon || flag < colon))
			owner.flags = NEX_OWNER_RELAY_ONLY;
		if (*word && *word != '*') {
			slot->slot = owner.slot;
			slot->value.flags = owner.flags;
			slot->value.name[0] = *word;
			memset(slot->value.public_key, *word, NEX_KEY_LEN);
			tables.n_slots++;
		}
		if (colon)
			add_entries(&tables, colon + 1, owner);
	}
	tables_sort(&tables);
	return tables;
}

static struct desired make_desired(const char *text)
{
	struct device_list list = notation_list(text);
	uint8_t self[WG_KEY_BYTES];
	struct desired_input input = { .list = &list, .self_key = self, .ipv6 = true };
	struct desired desired = {};

	memset(self, 's', sizeof(self));
	assert_int_equal(desired_build(&input, &desired), 0);
	device_list_done(&list);
	return desired;
}

static size_t show_slot_edits(const struct plan *plan, enum plan_op op, char *text, size_t n)
{
	for (size_t i = 0; i < plan->n_slots; i++) {
		const struct table_slot *slot = &plan->slots[i].slot;

		if (plan->slots[i].op == op)
			n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s%c%c%u%s", n ? " " : "",
				      op == PLAN_SET ? '+' : '-', slot->value.public_key[0],
				      slot->slot, op == PLAN_SET && slot->value.flags ? "!" : "");
	}
	return n;
}

static size_t show_entry_edits(const struct plan *plan, enum plan_op op, char *text, size_t n)
{
	char prefix[PREFIX_TEXT_MAX], owner[16] = "";

	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct table_entry *entry = &plan->entries[i].entry;

		if (plan->entries[i].op != op)
			continue;
		if (op == PLAN_SET && entry->owner.flags & NEX_OWNER_LOCAL)
			snprintf(owner, sizeof(owner), "=*");
		else if (op == PLAN_SET)
			snprintf(owner, sizeof(owner), "=%u%s", entry->owner.slot,
				 entry->owner.flags ? "!" : "");
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s%c%s%s", n ? " " : "",
			      op == PLAN_SET ? '+' : '-', prefix_format(&entry->prefix, prefix),
			      owner);
	}
	return n;
}

static void test_edits(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(edit_cases); i++) {
		struct tables have = make_tables(edit_cases[i].have);
		struct tables want = make_tables(edit_cases[i].want);
		char text[NOTATION_TEXT_MAX] = "";
		struct plan plan = {};
		size_t n;

		assert_int_equal(plan_edits(&have, &want, &plan), 0);
		n = show_slot_edits(&plan, PLAN_SET, text, 0);
		n = show_entry_edits(&plan, PLAN_SET, text, n);
		n = show_entry_edits(&plan, PLAN_DELETE, text, n);
		show_slot_edits(&plan, PLAN_DELETE, text, n);
		if (strcmp(text, edit_cases[i].edits) != 0)
			fail_msg("%s: %s", edit_cases[i].name, text);
		for (size_t e = 1; e < plan.n_entries; e++)
			assert_true(plan.entries[e - 1].op >= plan.entries[e].op);
		for (size_t s = 1; s < plan.n_slots; s++)
			assert_true(plan.slots[s - 1].op >= plan.slots[s].op);
		plan_done(&plan);
		tables_done(&have);
		tables_done(&want);
	}
}

/* Another ifindex: all entries come anew, then the old ones go; slots stay. */
static void test_scope_changes(void **state)
{
	struct tables have = make_tables("a1:10.0.0.1,200::1"),
		      want = make_tables("a1:10.0.0.1,200::1");
	struct plan plan = {};

	(void)state;
	for (size_t i = 0; i < want.n_entries; i++)
		want.entries[i].scope = SCOPE + 1;
	assert_int_equal(plan_edits(&have, &want, &plan), 0);
	assert_int_equal(plan.n_slots, 0);
	assert_int_equal(plan.n_entries, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(plan.entries[i].op, i < 2 ? PLAN_SET : PLAN_DELETE);
		assert_int_equal(plan.entries[i].entry.scope, i < 2 ? SCOPE + 1 : SCOPE);
	}
	plan_done(&plan);
	tables_done(&have);
	tables_done(&want);
}

/* A new name or base is one edit; bytes between the members are none. */
static void test_what_is_a_change(void **state)
{
	struct tables have = make_tables("a1 b2"), want = make_tables("a1 b2");
	struct plan plan = {};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct table_slot copy = have.slots[i];

		memset(&have.slots[i], 0xa5, sizeof(copy));
		have.slots[i].slot = copy.slot;
		have.slots[i].value = copy.value;
	}
	assert_int_equal(plan_edits(&have, &want, &plan), 0);
	assert_int_equal(plan.n_slots, 0);
	plan_done(&plan);
	want.slots[1].value.name[DEVICE_NAME_MAX - 2] = 'x';
	want.slots[0].value.base.to_peer.bytes = 1;
	assert_int_equal(plan_edits(&have, &want, &plan), 0);
	assert_int_equal(plan.n_slots, 2);
	plan_done(&plan);
	tables_done(&have);
	tables_done(&want);
}

static char owner_key(const struct tables *tables, uint32_t slot)
{
	for (size_t i = 0; i < tables->n_slots; i++)
		if (tables->slots[i].slot == slot)
			return tables->slots[i].value.public_key[0];
	return '?';
}

static void show_slots(const struct tables *have, const struct tables *want, char *text)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < want->n_slots; i++) {
		uint32_t slot = want->slots[i].slot;
		char key = want->slots[i].value.public_key[0], had = owner_key(have, slot);

		n += sprintf(text + n, "%s%c", n ? " " : "", key);
		if (slot < NEX_SLOTS_MAX && had == key)
			n += sprintf(text + n, "%u", slot);
		else
			n += sprintf(text + n, slot < NEX_SLOTS_MAX && had == '?' ? "+" : "!");
	}
}

static void show_entries(const struct tables *want, char *text)
{
	char prefix[PREFIX_TEXT_MAX];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < want->n_entries; i++) {
		const struct table_entry *entry = &want->entries[i];
		bool local = entry->owner.flags & NEX_OWNER_LOCAL;

		assert_int_equal(entry->scope, SCOPE);
		n += sprintf(text + n, "%s%s=%c%s", n ? " " : "",
			     prefix_format(&entry->prefix, prefix),
			     local ? '*' : owner_key(want, entry->owner.slot),
			     entry->owner.flags & NEX_OWNER_RELAY_ONLY ? "!" : "");
	}
}

static void test_slots(void **state)
{
	char slots[NOTATION_TEXT_MAX], entries[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(slot_cases); i++) {
		struct desired desired = make_desired(slot_cases[i].list);
		struct tables have = make_tables(slot_cases[i].have), want = {};

		assert_int_equal(plan_tables(&desired, SCOPE, &have, &want), 0);
		show_slots(&have, &want, slots);
		show_entries(&want, entries);
		if (strcmp(slots, slot_cases[i].slots) != 0)
			fail_msg("%s: slots %s", slot_cases[i].name, slots);
		if (strcmp(entries, slot_cases[i].entries) != 0)
			fail_msg("%s: entries %s", slot_cases[i].name, entries);
		desired_done(&desired);
		tables_done(&have);
		tables_done(&want);
	}
}

/* Who keeps a slot keeps its base, and gets the new name; a new slot has none yet. */
static void test_base_is_kept(void **state)
{
	struct desired desired = make_desired("s a b! c");
	struct tables have = make_tables("b4 c131072"), want = {};

	(void)state;
	for (size_t i = 0; i < have.n_slots; i++) {
		have.slots[i].value.stats_map_id = 77;
		have.slots[i].value.base.from_peer.packets = 1234;
		memset(have.slots[i].value.name, 'x', NEX_NAME_LEN - 1);
	}
	assert_int_equal(plan_tables(&desired, SCOPE, &have, &want), 0);
	for (size_t i = 0; i < want.n_slots; i++) {
		const struct nex_slot *value = &want.slots[i].value;
		char name[NEX_NAME_LEN] = { 'a' + i };
		bool kept = i == 1; /* c's was out of range */

		assert_memory_equal(value->name, name, sizeof(name));
		assert_int_equal(value->stats_map_id, kept ? 77 : 0);
		assert_int_equal(value->base.from_peer.packets, kept ? 1234 : 0);
		assert_int_equal(value->flags, kept ? NEX_OWNER_RELAY_ONLY : 0);
	}
	desired_done(&desired);
	tables_done(&have);
	tables_done(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_scope_changes),
		cmocka_unit_test(test_what_is_a_change),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_base_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
