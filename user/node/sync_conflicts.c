// SPDX-License-Identifier: Apache-2.0
/* sync_conflicts.c - prefixes that two devices claim: who has them now, and what `status` shows. */
#include <stdlib.h>
#include <string.h>

#include "node/sync.h"

const char *sync_conflict_reason(enum desired_why why)
{
	static const char *const texts[] = {
		[DESIRED_BY_ADDRESS] = "it is its tunnel address",
		[DESIRED_BY_REVISION] = "its revision is higher",
		[DESIRED_BY_HOLDING] = "it had it before",
		[DESIRED_BY_KEY] = "its key sorts first",
	};

	return texts[why];
}

void sync_note_conflicts(struct sync *sync, const struct desired *desired)
{
	sync->n_conflicts = desired->n_conflicts;
	for (size_t i = 0; i < desired->n_conflicts && i < SYNC_CONFLICTS_SHOWN; i++) {
		const struct desired_conflict *c = &desired->conflicts[i];
		struct sync_conflict *to = &sync->conflicts[i];

		*to = (struct sync_conflict){ .prefix = c->prefix, .why = c->why };
		if (c->winner != DESIRED_LOCAL)
			device_label(&desired->devices[c->winner], to->winner);
		if (c->loser != DESIRED_LOCAL)
			device_label(&desired->devices[c->loser], to->loser);
	}
}

static int compare_key_and_slot(const void *key, const void *slot)
{
	return memcmp(key, ((const struct table_slot *)slot)->value.public_key, NEX_KEY_LEN);
}

static bool is_owner(const struct tables *have, uint32_t scope, const struct prefix *prefix,
		     uint32_t slot)
{
	struct table_entry wanted = { .scope = scope, .prefix = *prefix }, *entry;

	entry = bsearch(&wanted, have->entries, have->n_entries, sizeof(wanted),
			table_entry_compare);
	return entry && !(entry->owner.flags & NEX_OWNER_LOCAL) && entry->owner.slot == slot;
}

bool sync_holds(const void *arg, const struct prefix *prefix, const uint8_t *key)
{
	const struct sync *sync = arg;
	const struct tables *have = &sync->have;
	const struct table_slot *slot;

	if (!have->n_slots || !have->n_entries)
		return false;
	slot = bsearch(key, have->slots, have->n_slots, sizeof(*slot), compare_key_and_slot);
	return slot && (is_owner(have, sync->ifindex, prefix, slot->slot) ||
			is_owner(have, have->entries[0].scope, prefix, slot->slot));
}
