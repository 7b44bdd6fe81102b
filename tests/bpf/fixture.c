// SPDX-License-Identifier: Apache-2.0
/*
 * fixture.c - maps with a small VPC in them, and changes to it.
 *
 * The second interface serves another VPC with the same addresses and other slots, and without
 * prefixes.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

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
	err = bpf_map_lookup_elem(fixture->scopes, &scope, &counts);
	if (err)
		return err;
	*(entry->family == AF_INET ? &counts.cidrs4 : &counts.cidrs6) += owner ? 1 : -1;
	return bpf_map_update_elem(fixture->scopes, &scope, &counts, BPF_ANY);
}

static int set_counts(const struct fixture *fixture, uint32_t scope, const char *word)
{
	struct nex_scope counts = {};
	int err = bpf_map_lookup_elem(fixture->scopes, &scope, &counts);

	if (err)
		return err;
	if (!strncmp(word, "cidrs4=", strlen("cidrs4=")))
		counts.cidrs4 = strtoul(word + strlen("cidrs4="), NULL, 10);
	else if (!strncmp(word, "cidrs6=", strlen("cidrs6=")))
		counts.cidrs6 = strtoul(word + strlen("cidrs6="), NULL, 10);
	else
		return -EINVAL;
	return bpf_map_update_elem(fixture->scopes, &scope, &counts, BPF_ANY);
}

/* Return: 1 for a prefix, 0 for a host; negative errno.
 */
static int parse_word(char *word, uint32_t first_slot, struct entry *ret_entry,
		      struct nex_owner *ret_owner, bool *ret_delete)
{
	char *slot = strchr(word, '='), *flag;

	*ret_delete = *word == '-';
	if (*ret_delete)
		return parse_entry(word + 1, ret_entry);
	if (!slot)
		return -EINVAL;
	*slot++ = '\0';
	ret_owner->slot = first_slot + strtoul(slot, &flag, 10);
	ret_owner->flags = *flag == 'r' ? NEX_OWNER_RELAY_ONLY : *flag == 'l' ? NEX_OWNER_LOCAL : 0;
	return parse_entry(word, ret_entry);
}

static bool is_count(const char *word)
{
	return !strncmp(word, "cidrs", strlen("cidrs"));
}

static int change_word(const struct fixture *fixture, uint32_t scope, char *word,
		       uint32_t first_slot)
{
	struct nex_owner owner;
	struct entry entry;
	bool delete;
	int prefix;

	if (is_count(word))
		return set_counts(fixture, scope, word);
	prefix = parse_word(word, first_slot, &entry, &owner, &delete);
	if (prefix < 0)
		return prefix;
	return prefix ? put_prefix(fixture, scope, &entry, delete ? NULL : &owner)
		      : put_host(fixture, scope, &entry, delete ? NULL : &owner);
}

/* Whatever the word has done to an entry: it is gone. */
static int remove_word(const struct fixture *fixture, uint32_t scope, char *word,
		       uint32_t first_slot)
{
	struct nex_owner owner;
	struct entry entry;
	bool delete;
	int prefix, err;

	if (is_count(word))
		return 0;
	prefix = parse_word(word, first_slot, &entry, &owner, &delete);
	if (prefix < 0)
		return prefix;
	err = prefix ? put_prefix(fixture, scope, &entry, NULL)
		     : put_host(fixture, scope, &entry, NULL);
	return err == -ENOENT ? 0 : err;
}

static int for_each_word(const struct fixture *fixture, uint32_t scope, const char *text,
			 uint32_t first_slot,
			 int (*call)(const struct fixture *, uint32_t, char *, uint32_t))
{
	char words[256], *next = words, *word;
	int err = 0;

	if (strlen(text) >= sizeof(words))
		return -E2BIG;
	memcpy(words, text, strlen(text) + 1);
	while (!err && (word = strsep(&next, " ")))
		err = call(fixture, scope, word, first_slot);
	return err;
}

int fixture_change(const struct fixture *fixture, uint32_t scope, const char *text)
{
	return for_each_word(fixture, scope, text, 0, change_word);
}

static int fill_place(const struct fixture *fixture, uint32_t scope, enum place place)
{
	uint32_t slot = place * SLOTS_PER_PLACE;
	struct nex_scope none = {};
	int err = bpf_map_update_elem(fixture->scopes, &scope, &none, BPF_ANY);

	for (size_t i = 0; !err && i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
		err = for_each_word(fixture, scope, everywhere[i], slot, change_word);
	for (size_t i = 0; !err && i < sizeof(first_only) / sizeof(first_only[0]); i++)
		if (place == FIRST)
			err = for_each_word(fixture, scope, first_only[i], slot, change_word);
	return err;
}

int fixture_restore(const struct fixture *fixture, uint32_t scope, enum place place,
		    const char *text)
{
	int err = for_each_word(fixture, scope, text, 0, remove_word);

	return err ? err : fill_place(fixture, scope, place);
}

int fixture_fill(const struct fixture *fixture, const struct devices *devices)
{
	int err = 0;

	for (int hook = 0; hook < HOOK_COUNT; hook++)
		for (int place = 0; !err && place < PLACE_COUNT; place++)
			err = fill_place(fixture, devices->device[hook][place].ifindex, place);
	return err;
}
