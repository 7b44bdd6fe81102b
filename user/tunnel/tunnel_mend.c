// SPDX-License-Identifier: Apache-2.0
/* tunnel_mend.c - notice what somebody has changed of the tunnel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tunnel/link_edit.h"
#include "tunnel/tunnel_private.h"
#include "tunnel/wg_edit.h"

/*
 * Key and port that are not ours. The key has to be read for that, from its file: when that holds
 * another one by now, ours is nowhere, and what the interface has stays, with peers and sessions.
 */
static int mend_identity(struct tunnel *tunnel, const struct link *link,
			 const struct wg_device *device, unsigned int *changed)
{
	struct private_key_error failed = {};
	uint8_t key[WG_KEY_BYTES] = {};
	bool other_key = memcmp(device->public_key, tunnel->public_key, WG_KEY_BYTES) != 0;
	bool other_port = device->listen_port != tunnel->config.listen_port;
	int err = other_key ? tunnel_load_key(tunnel, key, &failed) : 0;

	tunnel->has_other_key = err == -EKEYREJECTED;
	if (other_port || (other_key && !tunnel->has_other_key))
		*changed |= TUNNEL_IDENTITY;
	if (err && !tunnel->has_other_key)
		err = tunnel_fail_key(tunnel, err, &failed);
	else if (*changed & TUNNEL_IDENTITY)
		err = tunnel_configure(tunnel, link, device, err ? NULL : key);
	else
		err = 0;
	explicit_bzero(key, sizeof(key));
	return err;
}

static int mend_link(struct tunnel *tunnel, struct link *ret_link, unsigned int *changed)
{
	const char *ifname = tunnel->config.ifname;
	int err = link_get_index(tunnel->ifindex, ret_link);

	if (err == -ENODEV)
		return err;
	if (!err && strcmp(ret_link->name, ifname) != 0) {
		*changed |= TUNNEL_LINK | TUNNEL_ADDRESSES | TUNNEL_ROUTES;
		err = link_rename(ret_link, ifname);
		if (!err)
			err = link_get_index(tunnel->ifindex, ret_link);
	}
	if (err)
		return tunnel_fail(tunnel, err, NULL, "give %s its name back", ifname);
	if (!ret_link->up || ret_link->mtu != tunnel->config.mtu)
		*changed |= TUNNEL_LINK;
	/* An interface that was down has lost its IPv6 addresses, and its IPv4 routes, silently. */
	if (!ret_link->up)
		*changed |= TUNNEL_ADDRESSES | TUNNEL_ROUTES;
	return 0;
}

/* Whose keepalive was left open and who has an endpoint by now, of @device, which is right else. */
static int set_keepalives(struct tunnel *tunnel, const struct wg_device *device)
{
	struct wg_edit *edits;
	size_t n = 0;
	int err;

	if (!tunnel->have.n_peers || !tunnel->have.peers[0].any_keepalive)
		return 0;
	edits = calloc(device->n_peers + 1, sizeof(*edits));
	if (!edits)
		return -ENOMEM;
	for (size_t i = 0; i < device->n_peers; i++) {
		const struct wg_peer *peer = &device->peers[i];

		if (!peer->endpoint.family || peer->keepalive_s == TUNNEL_KEEPALIVE_S)
			continue;
		edits[n].kind = WG_PEER_SET;
		edits[n].keepalive_s = TUNNEL_KEEPALIVE_S;
		memcpy(edits[n++].public_key, peer->public_key, WG_KEY_BYTES);
	}
	err = wg_edit_peers(tunnel->config.ifname, edits, n);
	free(edits);
	return err ? tunnel_fail(tunnel, err, NULL, "set the keepalive of peers of %s",
				 tunnel->config.ifname)
		   : 0;
}

static int mend_peers(struct tunnel *tunnel, const struct link *link, unsigned int parts,
		      unsigned int *changed)
{
	AUTO(wg_device_done) struct wg_device device = {};
	AUTO(wg_plan_done) struct wg_plan plan = {};
	int err = wg_device_read(tunnel->config.ifname, &device);

	if (err)
		return tunnel_fail(tunnel, err, NULL, "read the peers of %s",
				   tunnel->config.ifname);
	err = tunnel_note_endpoints(tunnel, &device);
	if (err)
		return err;
	err = mend_identity(tunnel, link, &device, changed);
	if (!err && *changed & TUNNEL_LINK)
		err = tunnel_configure(tunnel, link, &device, NULL);
	if (err || !(parts & TUNNEL_PEERS) || !tunnel->is_sure)
		return err;
	err = wg_plan_make(&device, &tunnel->have, &plan);
	if (err)
		return tunnel_fail(tunnel, err, NULL, "compare the peers of %s",
				   tunnel->config.ifname);
	if (!plan.n_additions && !plan.n_removals)
		return set_keepalives(tunnel, &device);
	*changed |= TUNNEL_PEERS;
	wg_device_done(&tunnel->have);
	tunnel->have = device;
	device = (struct wg_device){};
	return 0;
}

int tunnel_mend(struct tunnel *tunnel, unsigned int parts, unsigned int *ret_changed)
{
	struct link link = {};
	size_t n_missing;
	int err;

	*ret_changed = 0;
	err = mend_link(tunnel, &link, ret_changed);
	/* Many links come and go on a host: that alone is no reason to read all peers. */
	parts = (parts & ~(unsigned int)TUNNEL_LINK) | *ret_changed;
	if (!err && parts & (TUNNEL_PEERS | TUNNEL_IDENTITY | TUNNEL_LINK))
		err = mend_peers(tunnel, &link, parts, ret_changed);
	if (!err && parts & TUNNEL_ADDRESSES) {
		err = tunnel_read_addresses(tunnel, &n_missing);
		if (!err && n_missing) {
			err = tunnel_enable_ipv6(tunnel);
			/* One that we could not add is nobody else's doing. */
			if (tunnel->has_addresses)
				*ret_changed |= TUNNEL_ADDRESSES;
			tunnel->has_addresses = false;
			parts |= TUNNEL_ROUTES; /* IPv4's go with its last address, silently */
		}
	}
	if (!err && parts & TUNNEL_ROUTES && tunnel->is_sure)
		err = tunnel_mend_routes(tunnel, ret_changed);
	if (!err && parts & TUNNEL_RULES)
		err = tunnel_mend_rules(tunnel, ret_changed);
	return err;
}
