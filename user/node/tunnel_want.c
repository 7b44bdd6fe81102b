// SPDX-License-Identifier: Apache-2.0
#include "node/tunnel_want.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for each peer's AllowedIPs, which are counted first. */
static int make_peers(const struct desired *desired, struct wg_device *device)
{
	struct wg_peer *peers = calloc(desired->n_devices + 1, sizeof(*peers));
	bool many = desired->n_devices > TUNNEL_KEEPALIVE_PEERS;
	struct prefix *next = reallocarray(NULL, desired->n_entries + 1, sizeof(*next));

	device->peers = peers;
	device->pool = next;
	if (!peers || !next)
		return -ENOMEM;
	device->n_peers = desired->n_devices;
	for (size_t i = 0; i < desired->n_entries; i++)
		if (desired->entries[i].device != DESIRED_LOCAL)
			peers[desired->entries[i].device].n_allowed++;
	for (size_t i = 0; i < desired->n_devices; i++) {
		memcpy(peers[i].public_key, desired->devices[i].public_key, WG_KEY_BYTES);
		peers[i].keepalive_s = many ? 0 : TUNNEL_KEEPALIVE_S;
		peers[i].any_keepalive = many;
		peers[i].allowed = next;
		next += peers[i].n_allowed;
		peers[i].n_allowed = 0; /* counted again as they are filled in */
	}
	return 0;
}

/* 0.0.0.0/1 and 128.0.0.0/1 are a default route that beats the host's own. */
static bool is_routable(const struct prefix *prefix)
{
	static const struct prefix never[] = {
		{ PREFIX_IPV4, 8, { 0 } },
		{ PREFIX_IPV4, 8, { 127 } },
		{ PREFIX_IPV4, 16, { 169, 254 } },
		{ PREFIX_IPV4, 4, { 224 } },
		{ PREFIX_IPV4, 32, { 255, 255, 255, 255 } },
		{ PREFIX_IPV6, 128, { 0 } },
		{ PREFIX_IPV6, 128, { [15] = 1 } },
		{ PREFIX_IPV6, 96, { [10] = 0xff, 0xff } }, /* ::ffff:0:0/96, IPv4-mapped */
		{ PREFIX_IPV6, 10, { 0xfe, 0x80 } },
		{ PREFIX_IPV6, 8, { 0xff } },
	};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (prefix_covers(&never[i], prefix))
			return false;
	return prefix->bits > 1;
}

static int make_routes(const struct desired *desired, struct tunnel_want *want)
{
	want->routes = reallocarray(NULL, desired->n_entries + 1, sizeof(*want->routes));
	if (!want->routes)
		return -ENOMEM;
	for (size_t i = 0; i < desired->n_entries; i++) {
		const struct desired_entry *entry = &desired->entries[i];
		struct wg_peer *peer;

		if (entry->device == DESIRED_LOCAL)
			continue;
		peer = &want->device.peers[entry->device];
		peer->allowed[peer->n_allowed++] = entry->prefix;
		if (is_routable(&entry->prefix))
			want->routes[want->n_routes++] = entry->prefix;
	}
	return 0;
}

static int make_addresses(const struct desired *desired, struct tunnel_want *want)
{
	for (size_t i = 0; i < desired->n_self_addresses; i++) {
		struct prefix address = desired->self_addresses[i];

		if (want->n_addresses == TUNNEL_RECORD_ADDRESSES_MAX)
			return -E2BIG;
		if (address.family == PREFIX_IPV6)
			address.bits = desired->self_ipv6_bits ?: TUNNEL_WANT_IPV6_BITS;
		want->addresses[want->n_addresses++] = address;
	}
	return 0;
}

int tunnel_want_make(const struct desired *desired, struct tunnel_want *ret)
{
	struct tunnel_want want = {};
	int err = make_peers(desired, &want.device);

	if (!err)
		err = make_routes(desired, &want);
	if (!err)
		err = make_addresses(desired, &want);
	if (err)
		tunnel_want_done(&want);
	else
		*ret = want;
	return err;
}

/* An address of ours that lies in the subnet of @addr. */
static const struct prefix *own_address_in(const struct tunnel_want *want,
					   const struct prefix *addr)
{
	for (size_t i = 0; i < want->n_addresses; i++) {
		struct prefix host = want->addresses[i];

		host.bits = host.family == PREFIX_IPV4 ? 32 : 128;
		if (prefix_covers(addr, &host))
			return &want->addresses[i];
	}
	return NULL;
}

/* Is @route a part of what another interface reaches directly? */
static bool is_theirs(const struct tunnel_want *want, const struct prefix *route,
		      const struct link_addr *addrs, size_t n, uint32_t ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (addrs[i].ifindex != ifindex && !prefix_is_host(&addrs[i].addr) &&
		    prefix_covers(&addrs[i].addr, route) && !own_address_in(want, &addrs[i].addr))
			return true;
	return false;
}

void tunnel_want_spare(struct tunnel_want *want, const struct link_addr *addrs, size_t n,
		       uint32_t ifindex)
{
	size_t kept = 0;

	for (size_t i = 0; i < want->n_routes; i++) {
		if (!is_theirs(want, &want->routes[i], addrs, n, ifindex))
			want->routes[kept++] = want->routes[i];
		else if (!want->n_spared++)
			want->spared = want->routes[i];
	}
	want->n_routes = kept;
}

const struct link_addr *tunnel_want_conflict(const struct tunnel_want *want,
					     const struct link_addr *addrs, size_t n,
					     uint32_t ifindex, const struct prefix **ret_address)
{
	for (size_t i = 0; i < n; i++) {
		const struct prefix *ours = own_address_in(want, &addrs[i].addr);

		if (addrs[i].ifindex == ifindex || !ours)
			continue;
		*ret_address = ours;
		return &addrs[i];
	}
	return NULL;
}
