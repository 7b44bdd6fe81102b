/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - the edits that turn the tables we have into the tables we want.
 *
 * Pure computation: no bpf(2), no logging. user/datapath/tables.c carries the edits out.
 */
#ifndef PEERS_PLAN_H
#define PEERS_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "nex_abi.h"
#include "peers/desired.h"

/* One entry of nex_addr4, nex_addr6, nex_cidr4 or nex_cidr6. */
struct table_entry {
	uint32_t scope;
	struct prefix prefix; /* decides which of the four tables */
	struct nex_owner owner;
};

/* One entry of nex_slots. */
struct table_slot {
	uint32_t slot;
	struct nex_slot value;
};

/* Everything that user space writes, in memory. */
struct tables {
	struct table_entry *entries; /* sorted by table_entry_compare() */
	size_t n_entries;
	struct table_slot *slots; /* sorted by public key */
	size_t n_slots;
};

/** tables_done() - free what @tables owns and zero it; safe on a zeroed one. */
void tables_done(struct tables *tables);

/** tables_sort() - bring @tables into the order that plan_edits() needs. */
void tables_sort(struct tables *tables);

/**
 * plan_tables() - give every desired device a slot, and every desired entry its owner.
 * @desired: as desired_build() made it.
 * @scope:   ifindex.
 * @have:    what is there now: a key that has a slot keeps it, with its base.
 * @ret:     set on success only; freed with tables_done().
 *
 * A slot that is given up in this step is not given to another device in the same step, so that a
 * packet that is still under way cannot be counted for the wrong one; unless slots run out.
 * value.stats_map_id and value.base of a new slot are left zero: who carries the plan out sets
 * them.
 *
 * Return: 0; -ENOSPC with more devices, addresses or CIDRs than the maps take (NEX_SLOTS_MAX, and
 *         NEX_ADDRS_MAX and NEX_CIDRS_MAX for each family); -ENOMEM.
 */
int plan_tables(const struct desired *desired, uint32_t scope, const struct tables *have,
		struct tables *ret);

enum plan_op { PLAN_DELETE, PLAN_SET };

struct plan_entry_edit {
	enum plan_op op;
	struct table_entry entry;
};

struct plan_slot_edit {
	enum plan_op op;
	struct table_slot slot;
};

/*
 * Carried out in the order slots set, entries set, entries deleted, slots deleted; each state in
 * between is a sound one: a slot is there before an address points to it and until none does, and
 * an address whose prefix is replaced by another is covered all the time.
 */
struct plan {
	/*
	 * All PLAN_SET, then all PLAN_DELETE; the other way round where a table cannot hold what it
	 * has and what it gets at once.
	 */
	struct plan_entry_edit *entries;
	size_t n_entries;
	struct plan_slot_edit *slots; /* all PLAN_SET, then all PLAN_DELETE */
	size_t n_slots;
};

/**
 * plan_edits() - compare by sorted merge.
 * @ret: set on success only; freed with plan_done().
 *
 * Return: 0; -ENOMEM.
 */
int plan_edits(const struct tables *have, const struct tables *want, struct plan *ret);

/** plan_done() - free what @plan owns and zero it; safe on a zeroed one. */
void plan_done(struct plan *plan);

/** table_entry_compare() - order of struct tables.entries: scope, then prefix. As memcmp(). */
int table_entry_compare(const void *a, const void *b);

#endif
