// SPDX-License-Identifier: Apache-2.0
/* tunnel_sync.c - the tunnel's peers and addresses, one difference at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tunnel/link_edit.h"
#include "tunnel/napi.h"
#include "tunnel/tunnel_private.h"
#include "tunnel/wg_edit.h"

void tunnel_want_done(struct tunnel_want *want)
{
	wg_device_done(&want->device);
	for (int t = 0; t < TUNNEL_TABLE_COUNT; t++)
		free(want->routes[t].at);
	free(want->advertised.at);
	*want = (struct tunnel_want){};
}

void tunnel_gone(struct tunnel *tunnel)
{
	wg_device_done(&tunnel->have);
	wg_plan_done(&tunnel->plan);
	tunnel_forget_routes(tunnel);
	tunnel->n_foreign_addresses = 0;
	tunnel->is_sure = tunnel->has_addresses = tunnel->has_other_key = false;
	tunnel->ifindex = 0;
}

void tunnel_done(struct tunnel *tunnel)
{
	tunnel_gone(tunnel);
	*tunnel = (struct tunnel){};
}

static int read_peers(struct tunnel *tunnel)
{
	struct wg_device device;
	int err = wg_device_read(tunnel->config.ifname, &device);

	if (err)
		return tunnel_fail(tunnel, err, NULL, "read the peers of %s",
				   tunnel->config.ifname);
	wg_device_done(&tunnel->have);
	tunnel->have = device;
	return tunnel_note_endpoints(tunnel, &device);
}

/* fe80::/10: the kernel gives such an address to a TUN device by itself. */
static bool is_link_local(const struct prefix *addr)
{
	return addr->family == PREFIX_IPV6 && addr->addr[0] == 0xfe &&
	       (addr->addr[1] & 0xc0) == 0x80;
}

int tunnel_read_addresses(struct tunnel *tunnel, size_t *ret_missing)
{
	const struct tunnel_record *record = &tunnel->record;
	auto_free struct link_addr *addrs = NULL;
	size_t n_addrs, n_missing = 0, n_foreign = 0;
	int err = link_addrs(&addrs, &n_addrs);

	if (err)
		return tunnel_fail(tunnel, err, NULL, "read the addresses of %s",
				   tunnel->config.ifname);
	for (size_t i = 0; i < n_addrs; i++)
		if (addrs[i].ifindex == tunnel->ifindex && !is_link_local(&addrs[i].addr) &&
		    !tunnel_record_has(record, &addrs[i].addr))
			n_foreign++;
	for (size_t r = 0; r < record->n_addresses; r++) {
		bool found = false;

		for (size_t i = 0; i < n_addrs && !found; i++)
			found = addrs[i].ifindex == tunnel->ifindex &&
				!prefix_compare(&addrs[i].addr, &record->addresses[r]);
		n_missing += !found;
	}
	tunnel->n_foreign_addresses = n_foreign;
	*ret_missing = n_missing;
	return 0;
}

static int read_all(struct tunnel *tunnel)
{
	size_t n_missing = 0;
	int err;

	err = read_peers(tunnel);
	if (!err)
		err = tunnel_read_routes(tunnel);
	if (!err)
		err = tunnel_read_addresses(tunnel, &n_missing);
	tunnel->is_sure = !err;
	tunnel->has_addresses = !err && !n_missing;
	return err;
}

static bool wants_address(const struct tunnel_want *want, const struct prefix *address)
{
	for (size_t i = 0; i < want->n_addresses; i++)
		if (!prefix_compare(&want->addresses[i], address))
			return true;
	return false;
}

/* Address first: what is in the record is at worst not there. */
static int remove_addresses(struct tunnel *tunnel, const struct tunnel_want *want)
{
	struct tunnel_record *record = &tunnel->record;
	char text[PREFIX_TEXT_MAX];
	size_t kept = 0, before = record->n_addresses;
	int err = 0;

	for (size_t i = 0; i < before; i++) {
		struct prefix address = record->addresses[i];

		if (!err && !wants_address(want, &address)) {
			err = link_addr_remove(tunnel->ifindex, &address);
			if (!err)
				continue;
			(void)tunnel_fail(tunnel, err, NULL, "take the address %s from %s",
					  prefix_format(&address, text), tunnel->config.ifname);
		}
		record->addresses[kept++] = address;
	}
	record->n_addresses = kept;
	if (kept != before) {
		int failed = tunnel_save_record(tunnel);

		err = err ?: failed;
	}
	return err;
}

static size_t count_new(const struct tunnel_record *record, const struct tunnel_want *want)
{
	size_t n = 0;

	for (size_t i = 0; i < want->n_addresses; i++)
		n += !tunnel_record_has(record, &want->addresses[i]);
	return n;
}

/* The record first: what is not in it would be somebody else's after a crash. */
static int add_addresses(struct tunnel *tunnel, const struct tunnel_want *want)
{
	struct tunnel_record *record = &tunnel->record;
	char text[PREFIX_TEXT_MAX];
	size_t before = record->n_addresses, n_missing;
	int err = 0;

	/* What changes that failed half way have left, one after the other. */
	if (before + count_new(record, want) > TUNNEL_RECORD_ADDRESSES_MAX)
		err = remove_addresses(tunnel, want);
	if (err)
		return err;
	before = record->n_addresses;
	for (size_t i = 0; i < want->n_addresses; i++)
		if (!tunnel_record_has(record, &want->addresses[i]))
			record->addresses[record->n_addresses++] = want->addresses[i];
	if (record->n_addresses == before && tunnel->has_addresses)
		return 0;
	if (record->n_addresses != before)
		err = tunnel_save_record(tunnel);
	if (err)
		record->n_addresses = before; /* else they would be missing on the interface */
	for (size_t i = 0; !err && i < want->n_addresses; i++) {
		err = link_addr_add(tunnel->ifindex, &want->addresses[i]);
		if (err)
			(void)tunnel_fail(tunnel, err, NULL, "give %s the address %s",
					  tunnel->config.ifname,
					  prefix_format(&want->addresses[i], text));
	}
	tunnel->has_addresses = !err;
	/* Ours with another prefix length was counted as somebody else's, and is gone. */
	return err ?: tunnel_read_addresses(tunnel, &n_missing);
}

/*
 * A thread for each peer exhausts the PIDs of a host with thousands of them. The switch only works
 * once there is a peer, and a kernel without it has no such threads.
 */
static int set_napi(struct tunnel *tunnel, size_t n_peers)
{
	enum tunnel_napi napi = tunnel->config.napi;
	int err;

	if (!tunnel->kernel || !n_peers ||
	    (napi == TUNNEL_NAPI_AUTO && n_peers <= TUNNEL_NAPI_AUTO_PEERS))
		return 0;
	err = napi_threaded_set(tunnel->config.ifname, tunnel->ifindex, napi == TUNNEL_NAPI_ON);
	if (!err || err == -ENOENT || err == -ENODEV || err == -EOPNOTSUPP)
		return 0;
	return tunnel_fail(tunnel, err, NULL, "set threaded NAPI of %s", tunnel->config.ifname);
}

/* The first one, then the switch, which the others' threads do not come to be for. */
static int add_peers(struct tunnel *tunnel, const struct tunnel_want *want)
{
	const char *ifname = tunnel->config.ifname;
	const struct wg_plan *plan = &tunnel->plan;
	size_t first = plan->n_additions && !tunnel->have.n_peers;
	int err;

	err = wg_edit_peers(ifname, plan->additions, first);
	if (!err) {
		int napi_err = set_napi(tunnel, want->device.n_peers);

		if (napi_err)
			return napi_err;
		err = wg_edit_peers(ifname, plan->additions + first, plan->n_additions - first);
	}
	return err ? tunnel_fail(tunnel, err, NULL, "add peers to %s", ifname) : 0;
}

int tunnel_add(struct tunnel *tunnel, const struct tunnel_want *want)
{
	int err = tunnel->is_sure ? 0 : read_all(tunnel);

	if (err)
		return err;
	wg_plan_done(&tunnel->plan);
	err = wg_plan_make(&tunnel->have, &want->device, &tunnel->plan);
	if (err)
		return tunnel_fail(tunnel, err, NULL, "plan the peers of %s",
				   tunnel->config.ifname);
	tunnel->is_sure = false;
	err = tunnel_prepare_rules(tunnel) ?: add_peers(tunnel, want);
	if (!err)
		err = add_addresses(tunnel, want);
	return err ?: tunnel_add_routes(tunnel, want);
}

static int believe(struct tunnel *tunnel, struct tunnel_want *want)
{
	if (tunnel_believe_routes(tunnel, want))
		return -EIO;
	wg_device_done(&tunnel->have);
	tunnel->have = want->device;
	want->device = (struct wg_device){};
	tunnel_want_done(want);
	tunnel->is_sure = true;
	return 0;
}

int tunnel_remove(struct tunnel *tunnel, struct tunnel_want *want)
{
	int err = remove_addresses(tunnel, want) ?: tunnel_remove_routes(tunnel, want);

	if (err)
		return err;
	err = wg_edit_peers(tunnel->config.ifname, tunnel->plan.removals, tunnel->plan.n_removals);
	wg_plan_done(&tunnel->plan);
	if (err)
		return tunnel_fail(tunnel, err, NULL, "remove peers from %s",
				   tunnel->config.ifname);
	/* Where it cannot be told what is there, the next one reads it. */
	if (believe(tunnel, want))
		tunnel_want_done(want);
	return 0;
}
