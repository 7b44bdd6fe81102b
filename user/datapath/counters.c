// SPDX-License-Identifier: Apache-2.0
#include "datapath/counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "datapath/datapath_private.h"
#include "datapath/pins.h"

static void add_count(struct nex_count *sum, const struct nex_count *count)
{
	sum->packets += count->packets;
	sum->bytes += count->bytes;
}

/* All CPUs' values of one entry of a per-CPU array; the caller frees. Return: 0 or -errno. */
static int lookup_cpus(int fd, uint32_t key, size_t value_size, void *ret_values, int *ret_n_cpus)
{
	int n_cpus = libbpf_num_possible_cpus();
	auto_free void *values = NULL;

	if (n_cpus < 1)
		return -EIO; /* of a file in /sys: its errno would say something else */
	values = calloc(n_cpus, value_size);
	if (!values)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &key, values))
		return -errno;
	*(void **)ret_values = values;
	values = NULL;
	*ret_n_cpus = n_cpus;
	return 0;
}

int counters_sum(int stats_fd, uint32_t slot, struct nex_slot_stats *ret)
{
	auto_free struct nex_slot_stats *values = NULL;
	int n_cpus = 0, err = lookup_cpus(stats_fd, slot, sizeof(*values), &values, &n_cpus);

	if (err)
		return err;
	*ret = (struct nex_slot_stats){};
	for (int i = 0; i < n_cpus; i++) {
		add_count(&ret->from_peer, &values[i].from_peer);
		add_count(&ret->to_peer, &values[i].to_peer);
	}
	return 0;
}

int counters_verdicts(const char *pin_dir, struct nex_verdict_stats ret[static NEX_V_COUNT])
{
	auto_close int fd = pins_open(pin_dir, "nex_verdicts");

	if (fd < 0)
		return fd;
	for (uint32_t v = 0; v < NEX_V_COUNT; v++) {
		auto_free struct nex_verdict_stats *values = NULL;
		int n_cpus = 0, err = lookup_cpus(fd, v, sizeof(*values), &values, &n_cpus);

		if (err)
			return err;
		ret[v] = (struct nex_verdict_stats){};
		for (int i = 0; i < n_cpus; i++) {
			add_count(&ret[v].ipv4, &values[i].ipv4);
			add_count(&ret[v].ipv6, &values[i].ipv6);
			add_count(&ret[v].other, &values[i].other);
		}
	}
	return 0;
}

static int compare_peers(const void *a, const void *b)
{
	const struct peer_counters *x = a, *y = b;
	int order = strncmp(x->who.name, y->who.name, NEX_NAME_LEN);

	return order ?: memcmp(x->who.public_key, y->who.public_key, NEX_KEY_LEN);
}

static int read_peers(int slots_fd, int stats_fd, struct peer_counters **ret_peers, size_t *ret_n)
{
	uint32_t key, next, *from = NULL;
	struct peer_counters *peers = NULL;
	size_t n = 0;

	while (n < NEX_SLOTS_MAX && !bpf_map_get_next_key(slots_fd, from, &next)) {
		struct peer_counters peer = { .slot = next };

		key = next;
		from = &key;
		if (bpf_map_lookup_elem(slots_fd, &key, &peer.who))
			continue; /* went between the two calls */
		peer.who.name[NEX_NAME_LEN - 1] = '\0';
		(void)counters_sum(stats_fd, next, &peer.total); /* zero when it cannot be read */
		add_count(&peer.total.from_peer, &peer.who.base.from_peer);
		add_count(&peer.total.to_peer, &peer.who.base.to_peer);
		if (array_room(&peers, n, sizeof(*peers))) {
			free(peers);
			return -ENOMEM;
		}
		peers[n++] = peer;
	}
	*ret_peers = peers;
	*ret_n = n;
	return 0;
}

/* Prefix lists of all peers, found by slot. */
struct prefix_reader {
	struct peer_counters **by_slot; /* NEX_SLOTS_MAX */
	int err;
};

static void add_prefix(struct prefix_reader *reader, const struct nex_owner *owner,
		       const struct prefix *prefix)
{
	struct peer_counters *peer;

	if (owner->flags & NEX_OWNER_LOCAL || owner->slot >= NEX_SLOTS_MAX)
		return;
	peer = reader->by_slot[owner->slot];
	if (!peer || reader->err)
		return;
	reader->err = array_room(&peer->prefixes, peer->n_prefixes, sizeof(*prefix));
	if (!reader->err)
		peer->prefixes[peer->n_prefixes++] = *prefix;
}

/* The address is the last bytes of each key; LPM keys begin with the prefix length. */
static void read_prefixes(struct prefix_reader *reader, const char *pin_dir, const char *map,
			  uint8_t family, bool lpm)
{
	auto_close int fd = pins_open(pin_dir, map);
	size_t addr_bytes = family == PREFIX_IPV4 ? 4 : 16;
	size_t addr_at = lpm ? 2 * sizeof(uint32_t) : sizeof(uint32_t);
	uint8_t key[sizeof(struct nex_cidr6)], next[sizeof(struct nex_cidr6)];
	uint32_t prefix_bits;
	void *from = NULL;

	if (fd < 0) {
		reader->err = reader->err ?: fd;
		return;
	}
	/* A walk starts over when its key was deleted meanwhile: bounded, whatever happens. */
	for (int i = 0; i < 2 * NEX_ADDRS_MAX && !bpf_map_get_next_key(fd, from, next); i++) {
		struct prefix prefix = { .family = family, .bits = addr_bytes * 8 };
		struct nex_owner owner;

		memcpy(key, next, sizeof(key));
		from = key;
		if (bpf_map_lookup_elem(fd, key, &owner))
			continue;
		memcpy(prefix.addr, key + addr_at, addr_bytes);
		memcpy(&prefix_bits, key, sizeof(prefix_bits));
		if (lpm)
			prefix.bits = prefix_bits - NEX_SCOPE_BITS;
		add_prefix(reader, &owner, &prefix);
	}
}

/* Addresses before CIDRs, IPv4 before IPv6. */
static int compare_prefixes(const void *a, const void *b)
{
	int order = prefix_is_host(b) - prefix_is_host(a);

	return order ?: prefix_compare(a, b);
}

static int add_prefixes(const char *pin_dir, struct peer_counters *peers, size_t n)
{
	struct prefix_reader reader = { .by_slot = calloc(NEX_SLOTS_MAX, sizeof(void *)) };

	if (!reader.by_slot)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (peers[i].slot < NEX_SLOTS_MAX)
			reader.by_slot[peers[i].slot] = &peers[i];
	read_prefixes(&reader, pin_dir, "nex_addr4", PREFIX_IPV4, false);
	read_prefixes(&reader, pin_dir, "nex_addr6", PREFIX_IPV6, false);
	read_prefixes(&reader, pin_dir, "nex_cidr4", PREFIX_IPV4, true);
	read_prefixes(&reader, pin_dir, "nex_cidr6", PREFIX_IPV6, true);
	free(reader.by_slot);
	for (size_t i = 0; i < n; i++)
		if (peers[i].n_prefixes)
			qsort(peers[i].prefixes, peers[i].n_prefixes, sizeof(struct prefix),
			      compare_prefixes);
	return reader.err;
}

int counters_peers(const char *pin_dir, struct peer_counters **ret_peers, size_t *ret_n)
{
	auto_close int slots_fd = pins_open(pin_dir, "nex_slots");
	auto_close int stats_fd = pins_open(pin_dir, "nex_slot_stats");
	struct peer_counters *peers = NULL;
	size_t n = 0;
	int err;

	if (slots_fd < 0 || stats_fd < 0)
		return slots_fd < 0 ? slots_fd : stats_fd;
	err = read_peers(slots_fd, stats_fd, &peers, &n);
	if (err)
		return err;
	if (n)
		qsort(peers, n, sizeof(*peers), compare_peers);
	err = add_prefixes(pin_dir, peers, n);
	if (err) {
		counters_peers_done(peers, n);
		return err;
	}
	*ret_peers = peers;
	*ret_n = n;
	return 0;
}

void counters_peers_done(struct peer_counters *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(peers[i].prefixes);
	free(peers);
}
