// SPDX-License-Identifier: Apache-2.0
#include "node/tunnel_want.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prefix_class.h"

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

static const struct prefix_list *ranges_of(const struct tunnel_limits *limits)
{
	static const struct prefix_list private = { { { PREFIX_IPV4, 8, { 10 } },
						      { PREFIX_IPV4, 12, { 172, 16 } },
						      { PREFIX_IPV4, 16, { 192, 168 } },
						      { PREFIX_IPV4, 10, { 100, 64 } },
						      { PREFIX_IPV6, 7, { 0xfc } },
						      { PREFIX_IPV6, 7, { 2 } } },
						    6 };

	return limits->ranges.n ? &limits->ranges : &private;
}

static bool is_taken(const struct tunnel_limits *limits, const struct prefix *host)
{
	for (size_t i = 0; i < limits->n_taken; i++)
		if (!prefix_compare(&limits->taken[i], host))
			return true;
	return false;
}

static int compare(const void *a, const void *b)
{
	return prefix_compare(a, b);
}

static bool is_endpoint(const struct tunnel_limits *limits, const struct prefix *host)
{
	const struct prefix_set *endpoints = &limits->endpoints;

	return endpoints->n && bsearch(host, endpoints->at, endpoints->n, sizeof(*host), compare);
}

/* The address as a host, whatever prefix length it has on its interface. */
static struct prefix host_of(const struct prefix *addr)
{
	struct prefix host = *addr;

	host.bits = host.family == PREFIX_IPV4 ? 32 : 128;
	return host;
}

/* Does another interface have this very address? */
static bool is_local(const struct tunnel_limits *limits, const struct prefix *host)
{
	for (size_t i = 0; i < limits->n_addrs; i++) {
		struct prefix theirs = host_of(&limits->addrs[i].addr);

		if (limits->addrs[i].ifindex != limits->ifindex && !prefix_compare(&theirs, host))
			return true;
	}
	return false;
}

static enum tunnel_left why_not(const struct tunnel_limits *limits, const struct prefix *address)
{
	if (prefix_is_special(address))
		return TUNNEL_LEFT_SPECIAL;
	if (!prefix_list_covers(ranges_of(limits), address))
		return TUNNEL_LEFT_RANGE;
	if (is_taken(limits, address))
		return TUNNEL_LEFT_TAKEN;
	return TUNNEL_LEFT_NONE;
}

static void leave_out(struct tunnel_left_out *left, const struct prefix *prefix,
		      enum tunnel_left why, const struct prefix *covers)
{
	if (left->n++ && (!covers || left->why == TUNNEL_LEFT_COVERS))
		return;
	left->first = *prefix;
	left->why = why;
	if (covers)
		left->covers = *covers;
}

static int make_addresses(const struct desired *desired, const struct tunnel_limits *limits,
			  struct tunnel_want *want)
{
	for (size_t i = 0; i < desired->n_self_addresses; i++) {
		const struct prefix *address = &desired->self_addresses[i];
		enum tunnel_left why = why_not(limits, address);

		if (why != TUNNEL_LEFT_NONE) {
			leave_out(&want->left_own, address, why, NULL);
			continue;
		}
		if (want->n_addresses == TUNNEL_ADDRESSES_MAX)
			return -E2BIG;
		want->addresses[want->n_addresses++] = *address;
	}
	return 0;
}

/* An address of ours that lies in the subnet of @addr. */
static const struct prefix *own_address_in(const struct tunnel_want *want,
					   const struct prefix *addr)
{
	for (size_t i = 0; i < want->n_addresses; i++)
		if (prefix_covers(addr, &want->addresses[i]))
			return &want->addresses[i];
	return NULL;
}

/* Is @route a part of what another interface reaches directly? */
static bool is_theirs(const struct tunnel_want *want, const struct tunnel_limits *limits,
		      const struct prefix *route)
{
	const struct link_addr *addrs = limits->addrs;

	for (size_t i = 0; i < limits->n_addrs; i++)
		if (addrs[i].ifindex != limits->ifindex && !prefix_is_host(&addrs[i].addr) &&
		    prefix_covers(&addrs[i].addr, route) && !own_address_in(want, &addrs[i].addr))
			return true;
	return false;
}

/* Does another interface reach @host by a subnet that is more exact than @net? */
static bool is_nearer(const struct tunnel_limits *limits, const struct prefix *net,
		      const struct prefix *host)
{
	const struct link_addr *addrs = limits->addrs;

	for (size_t i = 0; i < limits->n_addrs; i++)
		if (addrs[i].ifindex != limits->ifindex && addrs[i].addr.bits > net->bits &&
		    prefix_covers(&addrs[i].addr, host))
			return true;
	return false;
}

/* A name server or the api-server, which a route to @net would move into the tunnel; or NULL. */
static const struct prefix *moved_by(const struct tunnel_limits *limits, const struct prefix *net)
{
	for (size_t i = limits->n_gateways; i < limits->n_taken; i++)
		if (prefix_covers(net, &limits->taken[i]) &&
		    !is_nearer(limits, net, &limits->taken[i]))
			return &limits->taken[i];
	return NULL;
}

/* Why the host's own routing does not get a route to what a device has. */
static enum tunnel_left why_no_host_route(const struct tunnel_want *want,
					  const struct tunnel_limits *limits,
					  const struct desired_entry *entry,
					  const struct prefix **ret_covers)
{
	enum tunnel_left why = TUNNEL_LEFT_NONE;

	if (entry->is_address)
		why = why_not(limits, &entry->prefix);
	else if (prefix_is_special(&entry->prefix))
		why = TUNNEL_LEFT_SPECIAL;
	else if (is_taken(limits, &entry->prefix))
		why = TUNNEL_LEFT_TAKEN;
	if (why == TUNNEL_LEFT_NONE && is_local(limits, &entry->prefix))
		why = TUNNEL_LEFT_TAKEN;
	if (why == TUNNEL_LEFT_NONE && is_endpoint(limits, &entry->prefix))
		why = TUNNEL_LEFT_ENDPOINT;
	if (why == TUNNEL_LEFT_NONE && is_theirs(want, limits, &entry->prefix))
		why = TUNNEL_LEFT_SUBNET;
	*ret_covers = why == TUNNEL_LEFT_NONE ? moved_by(limits, &entry->prefix) : NULL;
	return *ret_covers ? TUNNEL_LEFT_COVERS : why;
}

/* What somebody advertises is the host's business only where the operator has named it. */
static bool is_for_host(const struct tunnel_limits *limits, const struct desired_entry *entry)
{
	return entry->is_address ||
	       (entry->prefix.bits && prefix_list_covers(&limits->host_routes, &entry->prefix));
}

static int reserve(struct prefix_set *set, size_t n)
{
	set->at = reallocarray(NULL, n + 1, sizeof(*set->at));
	return set->at ? 0 : -ENOMEM;
}

static int make_routes(const struct desired *desired, const struct tunnel_limits *limits,
		       struct tunnel_want *want)
{
	struct prefix_set *own = &want->routes[TUNNEL_OWN], *host = &want->routes[TUNNEL_HOST];
	struct prefix_set *advertised = &want->advertised;

	if (reserve(own, desired->n_entries) || reserve(host, desired->n_entries) ||
	    reserve(advertised, desired->n_entries))
		return -ENOMEM;
	for (size_t i = 0; i < desired->n_entries; i++) {
		const struct desired_entry *entry = &desired->entries[i];
		const struct prefix *covers;
		enum tunnel_left why;
		struct wg_peer *peer;

		if (entry->device == DESIRED_LOCAL)
			continue;
		peer = &want->device.peers[entry->device];
		peer->allowed[peer->n_allowed++] = entry->prefix;
		own->at[own->n++] = entry->prefix;
		if (!is_for_host(limits, entry)) {
			advertised->at[advertised->n++] = entry->prefix;
			continue;
		}
		why = why_no_host_route(want, limits, entry, &covers);
		if (why == TUNNEL_LEFT_NONE)
			host->at[host->n++] = entry->prefix;
		else
			leave_out(&want->left_routes, &entry->prefix, why, covers);
	}
	return 0;
}

int tunnel_want_make(const struct desired *desired, const struct tunnel_limits *limits,
		     struct tunnel_want *ret)
{
	struct tunnel_want want = {};
	int err = make_peers(desired, &want.device);

	if (!err)
		err = make_addresses(desired, limits, &want);
	if (!err)
		err = make_routes(desired, limits, &want);
	if (err)
		tunnel_want_done(&want);
	else
		*ret = want;
	return err;
}

const struct link_addr *tunnel_want_conflict(const struct tunnel_want *want,
					     const struct tunnel_limits *limits,
					     const struct prefix **ret_address)
{
	for (size_t i = 0; i < limits->n_addrs; i++) {
		const struct prefix *ours = own_address_in(want, &limits->addrs[i].addr);

		if (limits->addrs[i].ifindex == limits->ifindex || !ours)
			continue;
		*ret_address = ours;
		return &limits->addrs[i];
	}
	return NULL;
}

static const char *reason(enum tunnel_left why)
{
	switch (why) {
	case TUNNEL_LEFT_NONE:
		break;
	case TUNNEL_LEFT_SPECIAL:
		return "it is special (loopback, link-local, multicast, ...)";
	case TUNNEL_LEFT_RANGE:
		return "it lies outside of the tunnel ranges: add its range to tunnel-ranges if it "
		       "is right";
	case TUNNEL_LEFT_TAKEN:
		return "this host, its gateway, a name server or the api-server has it";
	case TUNNEL_LEFT_SUBNET:
		return "it lies in the subnet of another interface";
	case TUNNEL_LEFT_ENDPOINT:
		return "WireGuard reaches a peer there, outside of the tunnel";
	case TUNNEL_LEFT_COVERS:
		return "a name server or the api-server of this host";
	}
	return "";
}

const char *tunnel_left_text(const struct tunnel_left_out *left, char text[static TUNNEL_ERROR_MAX])
{
	bool is_host = prefix_is_host(&left->first), covers = left->why == TUNNEL_LEFT_COVERS;
	char first[PREFIX_TEXT_MAX], host[PREFIX_TEXT_MAX];

	if (is_host)
		prefix_format_addr(&left->first, first);
	else
		prefix_format(&left->first, first);
	snprintf(text, TUNNEL_ERROR_MAX, "%s: %s%s%s%s", first, covers ? "it covers " : "",
		 covers ? prefix_format_addr(&left->covers, host) : "", covers ? ", " : "",
		 reason(left->why));
	return text;
}
