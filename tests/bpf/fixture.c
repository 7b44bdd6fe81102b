// SPDX-License-Identifier: Apache-2.0
/*
 * fixture.c - the programs, loaded with one choice of settings, and maps with a small VPC in them.
 *
 * The second interface serves another VPC with the same addresses and other slots, and without
 * prefixes.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define RODATA_BYTES_MAX 64

/* clang-format off */
static const char *const everywhere[] = {
	ORD1_V4 "=0",  ORD1_V6 "=0",  ORD1B_V4 "=0", ORD1B_V6 "=0",
	ORD2_V4 "=1",  ORD2_V6 "=1",
	REL1_V4 "=2r", REL1_V6 "=2r", REL2_V4 "=3r", REL2_V6 "=3r",
	NET1_V4 "=4",  NET1_V6 "=4",  NET2_V4 "=5",  NET2_V6 "=5",
	OWN_V4 "=7l",  OWN_V6 "=7l",
	LOST_V4 "=16", LOST_V6 "=16",
};

static const char *const first_only[] = {
	HERE_V4 "=4", HERE_V6 "=4",
	"10.20.0.0/16=4",  "2001:db8:20::/48=4",
	"10.20.30.0/24=5", "2001:db8:20:30::/64=5",
};
/* clang-format on */
_Static_assert(ORD1 == 0 && ORD2 == 1 && REL1 == 2 && REL2 == 3 && NET1 == 4 && NET2 == 5,
	       "slots as written above");
_Static_assert(SLOT_COUNT == 16, "slot of LOST as written above");

/* One entry of a table, as both key types have it. */
struct entry {
	int family; /* AF_INET, AF_INET6 */
	uint32_t prefix_bits;
	uint8_t addr[16];
};

/* The constants of the programs, all of them of one byte. */
static int set_bool(struct bpf_object *object, const char *name, bool value)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	int section = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_var_secinfo *info;
	uint8_t data[RODATA_BYTES_MAX];
	const void *initial;
	size_t size;

	initial = rodata ? bpf_map__initial_value(rodata, &size) : NULL;
	if (!initial || section < 0 || size > sizeof(data))
		return -ENOENT;
	memcpy(data, initial, size);
	info = btf_var_secinfos(btf__type_by_id(btf, section));
	for (int i = 0; i < btf_vlen(btf__type_by_id(btf, section)); i++, info++) {
		const struct btf_type *variable = btf__type_by_id(btf, info->type);

		if (strcmp(btf__name_by_offset(btf, variable->name_off), name))
			continue;
		if (info->size != 1 || info->offset >= size)
			return -EPROTO;
		data[info->offset] = value;
		return bpf_map__set_initial_value(rodata, data, size);
	}
	return -ENOENT;
}

static int find_descriptors(struct fixture *fixture)
{
	const struct {
		const char *name;
		int *fd;
	} maps[] = {
		{ "nex_addr4", &fixture->addr4 },       { "nex_addr6", &fixture->addr6 },
		{ "nex_cidr4", &fixture->cidr4 },       { "nex_cidr6", &fixture->cidr6 },
		{ "nex_scopes", &fixture->scopes },     { "nex_slot_stats", &fixture->slot_stats },
		{ "nex_verdicts", &fixture->verdicts },
	};
	static const char *const programs[HOOK_COUNT] = { "nex_wg_tc", "nex_wg_xdp" };

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		*maps[i].fd = bpf_object__find_map_fd_by_name(fixture->object, maps[i].name);
		if (*maps[i].fd < 0)
			return -ENOENT;
	}
	for (int hook = 0; hook < HOOK_COUNT; hook++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(fixture->object, programs[hook]);

		if (!program)
			return -ENOENT;
		fixture->program[hook] = bpf_program__fd(program);
	}
	return 0;
}

int fixture_load(const char *path, unsigned int settings, struct fixture *ret_fixture)
{
	struct fixture fixture = {};
	struct bpf_map *stats;
	int err;

	fixture.object = bpf_object__open_file(path, NULL);
	if (!fixture.object)
		return -errno;
	stats = bpf_object__find_map_by_name(fixture.object, "nex_slot_stats");
	err = stats ? bpf_map__set_max_entries(stats, SLOT_COUNT) : -ENOENT;
	if (!err)
		err = set_bool(fixture.object, "cfg_relay_only", settings & RELAY_ONLY);
	if (!err)
		err = set_bool(fixture.object, "cfg_strict", settings & STRICT);
	if (!err)
		err = bpf_object__load(fixture.object);
	if (!err)
		err = find_descriptors(&fixture);
	if (err) {
		fixture_done(&fixture);
		return err;
	}
	*ret_fixture = fixture;
	return 0;
}

void fixture_done(struct fixture *fixture)
{
	bpf_object__close(fixture->object);
	fixture->object = NULL;
}

static int parse_entry(char *text, struct entry *ret_entry)
{
	char *bits = strchr(text, '/');
	struct entry entry = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	entry.prefix_bits = entry.family == AF_INET ? 32 : 128;
	if (bits) {
		*bits++ = '\0';
		entry.prefix_bits = strtoul(bits, NULL, 10);
	}
	if (inet_pton(entry.family, text, entry.addr) != 1)
		return -EINVAL;
	*ret_entry = entry;
	return bits != NULL;
}

/* Write or, with @owner NULL, delete. */
static int put(int map, const void *key, const struct nex_owner *owner)
{
	return owner ? bpf_map_update_elem(map, key, owner, BPF_ANY)
		     : bpf_map_delete_elem(map, key);
}

static int put_host(const struct fixture *fixture, uint32_t scope, const struct entry *entry,
		    const struct nex_owner *owner)
{
	struct nex_addr4 addr4 = { .scope = scope };
	struct nex_addr6 addr6 = { .scope = scope };

	memcpy(addr4.addr, entry->addr, sizeof(addr4.addr));
	memcpy(addr6.addr, entry->addr, sizeof(addr6.addr));
	return entry->family == AF_INET ? put(fixture->addr4, &addr4, owner)
					: put(fixture->addr6, &addr6, owner);
}

static int put_prefix(const struct fixture *fixture, uint32_t scope, const struct entry *entry,
		      const struct nex_owner *owner)
{
	uint32_t bits = NEX_SCOPE_BITS + entry->prefix_bits;
	struct nex_cidr4 cidr4 = { .prefix_bits = bits, .scope = scope };
	struct nex_cidr6 cidr6 = { .prefix_bits = bits, .scope = scope };
	struct nex_scope counts = {};
	int err;

	memcpy(cidr4.addr, entry->addr, sizeof(cidr4.addr));
	memcpy(cidr6.addr, entry->addr, sizeof(cidr6.addr));
	err = entry->family == AF_INET ? put(fixture->cidr4, &cidr4, owner)
				       : put(fixture->cidr6, &cidr6, owner);
	if (err)
		return err;
	(void)bpf_map_lookup_elem(fixture->scopes, &scope, &counts); /* none yet: zeroes */
	*(entry->family == AF_INET ? &counts.cidrs4 : &counts.cidrs6) += owner ? 1 : -1;
	return bpf_map_update_elem(fixture->scopes, &scope, &counts, BPF_ANY);
}

static int set_counts(const struct fixture *fixture, uint32_t scope, const char *word)
{
	struct nex_scope counts = {};
	int err = bpf_map_lookup_elem(fixture->scopes, &scope, &counts);

	if (err)
		return err;
	if (sscanf(word, "cidrs4=%u", &counts.cidrs4) != 1 &&
	    sscanf(word, "cidrs6=%u", &counts.cidrs6) != 1)
		return -EINVAL;
	return bpf_map_update_elem(fixture->scopes, &scope, &counts, BPF_ANY);
}

static int change_word(const struct fixture *fixture, uint32_t scope, char *word,
		       uint32_t first_slot)
{
	struct nex_owner owner = {}, *put_owner = &owner;
	char *slot = strchr(word, '='), *flag;
	struct entry entry;
	int prefix;

	if (!strncmp(word, "cidrs", strlen("cidrs")))
		return set_counts(fixture, scope, word);
	if (*word == '-') {
		put_owner = NULL;
		word++;
	} else if (slot) {
		*slot++ = '\0';
		owner.slot = first_slot + strtoul(slot, &flag, 10);
		owner.flags = *flag == 'r'   ? NEX_OWNER_RELAY_ONLY
			      : *flag == 'l' ? NEX_OWNER_LOCAL
					     : 0;
	} else {
		return -EINVAL;
	}
	prefix = parse_entry(word, &entry);
	if (prefix < 0)
		return prefix;
	return prefix ? put_prefix(fixture, scope, &entry, put_owner)
		      : put_host(fixture, scope, &entry, put_owner);
}

static int change(const struct fixture *fixture, uint32_t scope, const char *text,
		  uint32_t first_slot)
{
	char words[256], *next = words, *word;
	int err = 0;

	if (strlen(text) >= sizeof(words))
		return -E2BIG;
	strcpy(words, text);
	while (!err && (word = strsep(&next, " ")))
		err = change_word(fixture, scope, word, first_slot);
	return err;
}

int fixture_change(const struct fixture *fixture, uint32_t scope, const char *text)
{
	return change(fixture, scope, text, 0);
}

/* Keys of all these maps are at most as long as that of nex_cidr6. */
static int empty(int map)
{
	uint8_t key[sizeof(struct nex_cidr6)];
	int err = 0;

	while (!err && !bpf_map_get_next_key(map, NULL, key))
		err = bpf_map_delete_elem(map, key);
	return err;
}

static int fill_place(const struct fixture *fixture, uint32_t scope, enum place place)
{
	uint32_t first_slot = place * SLOTS_PER_PLACE;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
		err = change(fixture, scope, everywhere[i], first_slot);
	for (size_t i = 0; !err && i < sizeof(first_only) / sizeof(first_only[0]); i++)
		if (place == FIRST)
			err = change(fixture, scope, first_only[i], first_slot);
	return err;
}

int fixture_fill(const struct fixture *fixture, const struct devices *devices)
{
	const int maps[] = { fixture->addr4, fixture->addr6, fixture->cidr4, fixture->cidr6,
			     fixture->scopes };
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(maps) / sizeof(maps[0]); i++)
		err = empty(maps[i]);
	for (int hook = 0; hook < HOOK_COUNT; hook++)
		for (int place = 0; !err && place < PLACE_COUNT; place++)
			err = fill_place(fixture, devices->device[hook][place].ifindex, place);
	return err;
}
