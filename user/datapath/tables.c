// SPDX-License-Identifier: Apache-2.0
#include "datapath/tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "datapath/datapath_private.h"
#include "nex_abi.h"

/* Any of the four address keys, as bytes for bpf(2). */
union address_key {
	struct nex_addr4 addr4;
	struct nex_addr6 addr6;
	struct nex_cidr4 cidr4;
	struct nex_cidr6 cidr6;
};

/* The map that @entry belongs to, and its key there. */
static int entry_key(const struct datapath *dp, const struct table_entry *entry,
		     union address_key *ret_key)
{
	const struct prefix *p = &entry->prefix;
	const struct bpf_map *map;

	*ret_key = (union address_key){};
	if (p->family == PREFIX_IPV4 && prefix_is_host(p)) {
		map = dp->skel->maps.nex_addr4;
		ret_key->addr4.scope = entry->scope;
		memcpy(ret_key->addr4.addr, p->addr, sizeof(ret_key->addr4.addr));
	} else if (p->family == PREFIX_IPV4) {
		map = dp->skel->maps.nex_cidr4;
		ret_key->cidr4.prefix_bits = NEX_SCOPE_BITS + p->bits;
		ret_key->cidr4.scope = entry->scope;
		memcpy(ret_key->cidr4.addr, p->addr, sizeof(ret_key->cidr4.addr));
	} else if (prefix_is_host(p)) {
		map = dp->skel->maps.nex_addr6;
		ret_key->addr6.scope = entry->scope;
		memcpy(ret_key->addr6.addr, p->addr, sizeof(ret_key->addr6.addr));
	} else {
		map = dp->skel->maps.nex_cidr6;
		ret_key->cidr6.prefix_bits = NEX_SCOPE_BITS + p->bits;
		ret_key->cidr6.scope = entry->scope;
		memcpy(ret_key->cidr6.addr, p->addr, sizeof(ret_key->cidr6.addr));
	}
	return bpf_map__fd(map);
}

static struct table_entry addr4_entry(const union address_key *key)
{
	struct table_entry entry = { .scope = key->addr4.scope,
				     .prefix = { .family = PREFIX_IPV4, .bits = 32 } };

	memcpy(entry.prefix.addr, key->addr4.addr, sizeof(key->addr4.addr));
	return entry;
}

static struct table_entry addr6_entry(const union address_key *key)
{
	struct table_entry entry = { .scope = key->addr6.scope,
				     .prefix = { .family = PREFIX_IPV6, .bits = 128 } };

	memcpy(entry.prefix.addr, key->addr6.addr, sizeof(key->addr6.addr));
	return entry;
}

static struct table_entry cidr4_entry(const union address_key *key)
{
	struct table_entry entry = {
		.scope = key->cidr4.scope,
		.prefix = { .family = PREFIX_IPV4, .bits = key->cidr4.prefix_bits - NEX_SCOPE_BITS }
	};

	memcpy(entry.prefix.addr, key->cidr4.addr, sizeof(key->cidr4.addr));
	return entry;
}

static struct table_entry cidr6_entry(const union address_key *key)
{
	struct table_entry entry = {
		.scope = key->cidr6.scope,
		.prefix = { .family = PREFIX_IPV6, .bits = key->cidr6.prefix_bits - NEX_SCOPE_BITS }
	};

	memcpy(entry.prefix.addr, key->cidr6.addr, sizeof(key->cidr6.addr));
	return entry;
}

/* Return: 1 and the key after @from; 0 when there is none; negative errno. */
static int next_key(int fd, const void *from, void *ret_key)
{
	if (!bpf_map_get_next_key(fd, from, ret_key))
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

static int read_addresses(const struct bpf_map *map,
			  struct table_entry (*to_entry)(const union address_key *key),
			  struct tables *ret)
{
	int fd = bpf_map__fd(map), more;
	union address_key key = {}, next = {};
	void *from = NULL;

	/* Nobody else writes. What was not read would stay for ever. */
	while ((more = next_key(fd, from, &next)) > 0) {
		struct table_entry entry = to_entry(&next);

		key = next;
		from = &key;
		if (bpf_map_lookup_elem(fd, &key, &entry.owner))
			return -errno;
		if (array_room(&ret->entries, ret->n_entries, sizeof(entry)))
			return -ENOMEM;
		ret->entries[ret->n_entries++] = entry;
	}
	return more;
}

static int read_slots(const struct bpf_map *map, struct tables *ret)
{
	int fd = bpf_map__fd(map), more;
	uint32_t key, next, *from = NULL;

	while ((more = next_key(fd, from, &next)) > 0) {
		struct table_slot slot = { .slot = next };

		key = next;
		from = &key;
		if (bpf_map_lookup_elem(fd, &key, &slot.value))
			return -errno;
		if (array_room(&ret->slots, ret->n_slots, sizeof(slot)))
			return -ENOMEM;
		ret->slots[ret->n_slots++] = slot;
	}
	return more;
}

int tables_read(const struct datapath *dp, struct tables *ret)
{
	struct tables tables = {};
	int err;

	err = read_addresses(dp->skel->maps.nex_addr4, addr4_entry, &tables);
	if (!err)
		err = read_addresses(dp->skel->maps.nex_addr6, addr6_entry, &tables);
	if (!err)
		err = read_addresses(dp->skel->maps.nex_cidr4, cidr4_entry, &tables);
	if (!err)
		err = read_addresses(dp->skel->maps.nex_cidr6, cidr6_entry, &tables);
	if (!err)
		err = read_slots(dp->skel->maps.nex_slots, &tables);
	if (err) {
		tables_done(&tables);
		return err;
	}
	tables_sort(&tables);
	*ret = tables;
	return 0;
}

/* base += (with @add) or -= @stats, modulo 2^64. */
static void shift_base(struct nex_slot_stats *base, const struct nex_slot_stats *stats, bool add)
{
	uint64_t sign = add ? 1 : -1ULL;

	base->from_peer.packets += sign * stats->from_peer.packets;
	base->from_peer.bytes += sign * stats->from_peer.bytes;
	base->to_peer.packets += sign * stats->to_peer.packets;
	base->to_peer.bytes += sign * stats->to_peer.bytes;
}

/*
 * Base of a slot that is not yet based on the counters in use: plus what its holder had in the
 * table before, minus what others have left in the new one.
 */
static int rebase_slot(const struct datapath *dp, struct table_slot *slot)
{
	struct nex_slot value = slot->value;
	struct nex_slot_stats stats;
	int err;

	if (value.stats_map_id == dp->stats_id)
		return 0;
	if (dp->old_stats_fd >= 0 && value.stats_map_id == dp->old_stats_id) {
		err = counters_sum(dp->old_stats_fd, slot->slot, &stats);
		if (err)
			return err;
		shift_base(&value.base, &stats, true);
	}
	err = counters_sum(bpf_map__fd(dp->skel->maps.nex_slot_stats), slot->slot, &stats);
	if (err)
		return err;
	shift_base(&value.base, &stats, false);
	value.stats_map_id = dp->stats_id;
	slot->value = value;
	return 0;
}

static int set_slot(const struct datapath *dp, const struct table_slot *slot)
{
	int fd = bpf_map__fd(dp->skel->maps.nex_slots);

	return bpf_map_update_elem(fd, &slot->slot, &slot->value, BPF_ANY) ? -errno : 0;
}

int tables_rebase(struct datapath *dp, struct tables *tables)
{
	int err = 0;

	/* synchronize_rcu(): the program that counted in the old table runs nowhere any more. */
	if (dp->old_stats_fd >= 0)
		(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	for (size_t i = 0; !err && i < tables->n_slots; i++) {
		if (tables->slots[i].value.stats_map_id == dp->stats_id)
			continue;
		err = rebase_slot(dp, &tables->slots[i]);
		if (!err)
			err = set_slot(dp, &tables->slots[i]);
	}
	return err;
}

static int edit_slots(const struct datapath *dp, const struct plan *plan, enum plan_op op)
{
	int fd = bpf_map__fd(dp->skel->maps.nex_slots);

	for (size_t i = 0; i < plan->n_slots; i++) {
		const struct table_slot *slot = &plan->slots[i].slot;
		int err = 0;

		if (plan->slots[i].op != op)
			continue;
		if (op == PLAN_SET)
			err = set_slot(dp, slot);
		else if (bpf_map_delete_elem(fd, &slot->slot) && errno != ENOENT)
			err = -errno;
		if (err)
			return err;
	}
	return 0;
}

static int edit_entries(const struct datapath *dp, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry_edit *edit = &plan->entries[i];
		union address_key key;
		int fd = entry_key(dp, &edit->entry, &key);

		if (edit->op == PLAN_SET) {
			if (bpf_map_update_elem(fd, &key, &edit->entry.owner, BPF_ANY))
				return -errno;
		} else if (bpf_map_delete_elem(fd, &key) && errno != ENOENT) {
			return -errno;
		}
	}
	return 0;
}

/*
 * How many prefixes each scope of @tables has. The program looks into the tries only where the
 * count is not zero: before the edits it must not be too small, afterwards it must be right.
 */
static int set_scopes(const struct datapath *dp, const struct tables *tables)
{
	int fd = bpf_map__fd(dp->skel->maps.nex_scopes);
	size_t i = 0;

	while (i < tables->n_entries) {
		struct nex_scope counts = {};
		uint32_t scope = tables->entries[i].scope;

		for (; i < tables->n_entries && tables->entries[i].scope == scope; i++) {
			const struct prefix *prefix = &tables->entries[i].prefix;

			if (prefix_is_host(prefix))
				continue;
			counts.cidrs4 += prefix->family == PREFIX_IPV4;
			counts.cidrs6 += prefix->family == PREFIX_IPV6;
		}
		if (bpf_map_update_elem(fd, &scope, &counts, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Scopes that @tables does not have: of an interface that was re-created. */
static int drop_scopes(const struct datapath *dp, const struct tables *tables)
{
	int fd = bpf_map__fd(dp->skel->maps.nex_scopes);
	uint32_t gone[NEX_SCOPES_MAX], key, next, *from = NULL;
	size_t n = 0;
	int more = 0;

	while (n < NEX_SCOPES_MAX && (more = next_key(fd, from, &next)) > 0) {
		bool known = false;

		key = next;
		from = &key;
		for (size_t i = 0; !known && i < tables->n_entries; i++)
			known = tables->entries[i].scope == key;
		if (!known)
			gone[n++] = key;
	}
	if (more < 0)
		return more;
	while (n--)
		if (bpf_map_delete_elem(fd, &gone[n]) && errno != ENOENT)
			return -errno;
	return 0;
}

/* New slots have no base yet; the plan's copies of them get it as well. */
static int base_new_slots(const struct datapath *dp, const struct plan *plan, struct tables *want)
{
	for (size_t i = 0; i < want->n_slots; i++) {
		bool is_new = !want->slots[i].value.stats_map_id;
		int err = is_new ? rebase_slot(dp, &want->slots[i]) : 0;

		if (err)
			return err;
	}
	for (size_t i = 0; i < plan->n_slots; i++) {
		struct plan_slot_edit *edit = &plan->slots[i];
		bool is_new = edit->op == PLAN_SET && !edit->slot.value.stats_map_id;
		int err = is_new ? rebase_slot(dp, &edit->slot) : 0;

		if (err)
			return err;
	}
	return 0;
}

int tables_apply(const struct datapath *dp, const struct plan *plan, struct tables *want)
{
	int err;

	err = base_new_slots(dp, plan, want);
	if (!err)
		err = edit_slots(dp, plan, PLAN_SET);
	if (!err)
		err = set_scopes(dp, want);
	if (!err)
		err = edit_entries(dp, plan);
	if (!err)
		err = drop_scopes(dp, want);
	if (!err)
		err = edit_slots(dp, plan, PLAN_DELETE);
	return err;
}
