// SPDX-License-Identifier: Apache-2.0
#include "peers/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int table_entry_compare(const void *a, const void *b)
{
	const struct table_entry *x = a, *y = b;

	if (x->scope != y->scope)
		return x->scope < y->scope ? -1 : 1;
	return prefix_compare(&x->prefix, &y->prefix);
}

static int compare_slots(const void *a, const void *b)
{
	const struct table_slot *x = a, *y = b;

	return memcmp(x->value.public_key, y->value.public_key, NEX_KEY_LEN);
}

void tables_sort(struct tables *tables)
{
	qsort(tables->entries, tables->n_entries, sizeof(*tables->entries), table_entry_compare);
	qsort(tables->slots, tables->n_slots, sizeof(*tables->slots), compare_slots);
}

void tables_done(struct tables *tables)
{
	free(tables->entries);
	free(tables->slots);
	*tables = (struct tables){};
}

void plan_done(struct plan *plan)
{
	free(plan->entries);
	free(plan->slots);
	*plan = (struct plan){};
}

/* Which slots are taken, and where to look for the next free one. */
struct slot_pool {
	uint8_t *taken; /* NEX_SLOTS_MAX */
	uint32_t next;
};

/* Return: a free slot, or NEX_SLOTS_MAX. */
static uint32_t take_slot(struct slot_pool *pool)
{
	while (pool->next < NEX_SLOTS_MAX && pool->taken[pool->next])
		pool->next++;
	return pool->next < NEX_SLOTS_MAX ? pool->next++ : NEX_SLOTS_MAX;
}

static void fill_slot(struct nex_slot *value, const struct device *device)
{
	memcpy(value->public_key, device->public_key, sizeof(value->public_key));
	memcpy(value->name, device->name, sizeof(value->name));
	value->flags = device->relay_only ? NEX_OWNER_RELAY_ONLY : 0;
}

_Static_assert(NEX_NAME_LEN == DEVICE_NAME_MAX, "names are copied whole");
_Static_assert(NEX_KEY_LEN == WG_KEY_BYTES, "keys are copied whole");

/* Devices and have->slots are both sorted by key: who is in both keeps the slot. */
static void keep_slots(const struct desired *desired, const struct tables *have,
		       struct tables *want, struct slot_pool *pool)
{
	size_t h = 0;

	for (size_t i = 0; i < have->n_slots; i++)
		if (have->slots[i].slot < NEX_SLOTS_MAX)
			pool->taken[have->slots[i].slot] = 1;
	for (size_t d = 0; d < desired->n_devices; d++) {
		const struct device *device = &desired->devices[d];
		struct table_slot *slot = &want->slots[d];
		int order = -1;

		slot->slot = NEX_SLOTS_MAX;
		while (h < have->n_slots && (order = memcmp(have->slots[h].value.public_key,
							    device->public_key, NEX_KEY_LEN)) < 0)
			h++;
		if (h < have->n_slots && !order && have->slots[h].slot < NEX_SLOTS_MAX)
			*slot = have->slots[h];
		fill_slot(&slot->value, device);
	}
}

/* Slots that nobody keeps become free again. */
static void release_slots(const struct tables *want, struct slot_pool *pool)
{
	memset(pool->taken, 0, NEX_SLOTS_MAX);
	for (size_t i = 0; i < want->n_slots; i++)
		if (want->slots[i].slot < NEX_SLOTS_MAX)
			pool->taken[want->slots[i].slot] = 1;
	pool->next = 0;
}

static int give_slots(struct tables *want, struct slot_pool *pool)
{
	bool released = false;

	for (size_t i = 0; i < want->n_slots; i++) {
		struct table_slot *slot = &want->slots[i];

		if (slot->slot < NEX_SLOTS_MAX)
			continue;
		slot->slot = take_slot(pool);
		if (slot->slot == NEX_SLOTS_MAX && !released) {
			release_slots(want, pool);
			released = true;
			slot->slot = take_slot(pool);
		}
		if (slot->slot == NEX_SLOTS_MAX)
			return -ENOSPC;
	}
	return 0;
}

static void fill_entries(const struct desired *desired, uint32_t scope, struct tables *want)
{
	for (size_t i = 0; i < desired->n_entries; i++) {
		const struct desired_entry *from = &desired->entries[i];
		struct table_entry *to = &want->entries[i];

		to->scope = scope;
		to->prefix = from->prefix;
		if (from->device == DESIRED_LOCAL) {
			to->owner.flags = NEX_OWNER_LOCAL;
			continue;
		}
		to->owner.slot = want->slots[from->device].slot;
		to->owner.flags = want->slots[from->device].value.flags;
	}
}

/* Each family has a table of addresses and one of CIDRs. */
struct fill {
	size_t addrs4, addrs6, cidrs4, cidrs6;
};

static void fill_one(struct fill *fill, const struct prefix *prefix)
{
	bool host = prefix_is_host(prefix);

	if (prefix->family == PREFIX_IPV4)
		*(host ? &fill->addrs4 : &fill->cidrs4) += 1;
	else
		*(host ? &fill->addrs6 : &fill->cidrs6) += 1;
}

static bool is_overfull(const struct fill *fill)
{
	return fill->addrs4 > NEX_ADDRS_MAX || fill->addrs6 > NEX_ADDRS_MAX ||
	       fill->cidrs4 > NEX_CIDRS_MAX || fill->cidrs6 > NEX_CIDRS_MAX;
}

static bool is_too_much(const struct desired *desired)
{
	struct fill fill = {};

	for (size_t i = 0; i < desired->n_entries; i++)
		fill_one(&fill, &desired->entries[i].prefix);
	return is_overfull(&fill);
}

/* Would the tables hold what @have has, and what @want adds to it, at the same time? */
static bool hold_both(const struct tables *have, const struct plan *plan)
{
	struct fill fill = {};

	for (size_t i = 0; i < have->n_entries; i++)
		fill_one(&fill, &have->entries[i].prefix);
	/* Changes of what is there are counted as well: then deletions come first once too often.
	 */
	for (size_t i = 0; i < plan->n_entries; i++)
		if (plan->entries[i].op == PLAN_SET)
			fill_one(&fill, &plan->entries[i].entry.prefix);
	return !is_overfull(&fill);
}

int plan_tables(const struct desired *desired, uint32_t scope, const struct tables *have,
		struct tables *ret)
{
	struct slot_pool pool = { .taken = calloc(NEX_SLOTS_MAX, 1) };
	struct tables want = {
		.entries = calloc(desired->n_entries + 1, sizeof(*want.entries)),
		.n_entries = desired->n_entries,
		.slots = calloc(desired->n_devices + 1, sizeof(*want.slots)),
		.n_slots = desired->n_devices,
	};
	int err = -ENOMEM;

	if (is_too_much(desired)) {
		err = -ENOSPC;
	} else if (pool.taken && want.entries && want.slots) {
		keep_slots(desired, have, &want, &pool);
		err = give_slots(&want, &pool);
	}
	free(pool.taken);
	if (err) {
		tables_done(&want);
		return err;
	}
	fill_entries(desired, scope, &want);
	*ret = want;
	return 0;
}

static void edit_entry(struct plan *plan, enum plan_op op, const struct table_entry *entry)
{
	plan->entries[plan->n_entries++] = (struct plan_entry_edit){ op, *entry };
}

static void edit_slot(struct plan *plan, enum plan_op op, const struct table_slot *slot)
{
	plan->slots[plan->n_slots++] = (struct plan_slot_edit){ op, *slot };
}

/* One merge serves both passes: first what must come or change, then what must go. */
static void merge_entries(const struct tables *have, const struct tables *want, enum plan_op op,
			  struct plan *plan)
{
	size_t h = 0, w = 0;

	while (h < have->n_entries || w < want->n_entries) {
		const struct table_entry *old = &have->entries[h], *new = &want->entries[w];
		int order;

		if (h == have->n_entries)
			order = 1;
		else if (w == want->n_entries)
			order = -1;
		else
			order = table_entry_compare(old, new);
		if (order < 0 && op == PLAN_DELETE)
			edit_entry(plan, PLAN_DELETE, old);
		if (op == PLAN_SET &&
		    (order > 0 || (!order && memcmp(&old->owner, &new->owner, sizeof(old->owner)))))
			edit_entry(plan, PLAN_SET, new);
		h += order <= 0;
		w += order >= 0;
	}
}

/* Member by member: struct table_slot has padding. */
static bool is_slot_changed(const struct table_slot *old, const struct table_slot *new)
{
	return old->slot != new->slot || memcmp(&old->value, &new->value, sizeof(old->value));
}

static void merge_slots(const struct tables *have, const struct tables *want, enum plan_op op,
			struct plan *plan)
{
	size_t h = 0, w = 0;

	while (h < have->n_slots || w < want->n_slots) {
		const struct table_slot *old = &have->slots[h], *new = &want->slots[w];
		int order;

		if (h == have->n_slots)
			order = 1;
		else if (w == want->n_slots)
			order = -1;
		else
			order = compare_slots(old, new);
		if (op == PLAN_DELETE && (order < 0 || (!order && old->slot != new->slot)))
			edit_slot(plan, PLAN_DELETE, old);
		if (op == PLAN_SET && (order > 0 || (!order && is_slot_changed(old, new))))
			edit_slot(plan, PLAN_SET, new);
		h += order <= 0;
		w += order >= 0;
	}
}

/*
 * A slot may be given up by one key and taken by another in the same step: then the new holder's
 * entry has taken the old one's place, and there is nothing to delete.
 */
static void keep_taken_slots(struct plan *plan, const struct tables *want, uint8_t *taken)
{
	size_t kept = 0;

	for (size_t i = 0; i < want->n_slots; i++)
		if (want->slots[i].slot < NEX_SLOTS_MAX)
			taken[want->slots[i].slot] = 1;
	for (size_t i = 0; i < plan->n_slots; i++) {
		const struct plan_slot_edit *edit = &plan->slots[i];
		bool is_taken = edit->slot.slot < NEX_SLOTS_MAX && taken[edit->slot.slot];

		if (edit->op == PLAN_SET || !is_taken)
			plan->slots[kept++] = *edit;
	}
	plan->n_slots = kept;
}

int plan_edits(const struct tables *have, const struct tables *want, struct plan *ret)
{
	/* Room for the worst; not zeroed, so that what is not written is no memory either. */
	struct plan plan = {
		.entries = reallocarray(NULL, have->n_entries + want->n_entries + 1,
					sizeof(*plan.entries)),
		.slots = reallocarray(NULL, have->n_slots + want->n_slots + 1, sizeof(*plan.slots)),
	};
	uint8_t *taken = calloc(NEX_SLOTS_MAX, 1);

	if (!plan.entries || !plan.slots || !taken) {
		plan_done(&plan);
		free(taken);
		return -ENOMEM;
	}
	merge_entries(have, want, PLAN_SET, &plan);
	if (hold_both(have, &plan)) {
		merge_entries(have, want, PLAN_DELETE, &plan);
	} else {
		plan.n_entries = 0;
		merge_entries(have, want, PLAN_DELETE, &plan);
		merge_entries(have, want, PLAN_SET, &plan);
	}
	merge_slots(have, want, PLAN_SET, &plan);
	merge_slots(have, want, PLAN_DELETE, &plan);
	keep_taken_slots(&plan, want, taken);
	free(taken);
	*ret = plan;
	return 0;
}
