// SPDX-License-Identifier: Apache-2.0
/* wg_collect.c - build a struct wg_device piece by piece, within limits. */
#include "tunnel/wg_collect.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"

int wg_collect_peer(struct wg_collect *collect, const uint8_t public_key[static WG_KEY_BYTES])
{
	struct wg_device *device = &collect->device;
	struct wg_peer *peer;

	if (device->n_peers >= WG_PEERS_MAX)
		return -E2BIG;
	if (array_room(&device->peers, device->n_peers, sizeof(*peer)))
		return -ENOMEM;
	peer = &device->peers[device->n_peers++];
	*peer = (struct wg_peer){};
	memcpy(peer->public_key, public_key, WG_KEY_BYTES);
	return 0;
}

int wg_collect_allowed(struct wg_collect *collect, const struct prefix *allowed)
{
	struct wg_device *device = &collect->device;
	struct prefix masked = *allowed;
	struct wg_peer *peer;

	prefix_mask(&masked);
	if (!device->n_peers || prefix_check(&masked))
		return -EPROTO;
	if (collect->n_allowed >= WG_ALLOWED_MAX)
		return -E2BIG;
	peer = &device->peers[device->n_peers - 1];
	if (array_room(&peer->allowed, peer->n_allowed, sizeof(masked)))
		return -ENOMEM;
	peer->allowed[peer->n_allowed++] = masked;
	collect->n_allowed++;
	return 0;
}

void wg_collect_done(struct wg_collect *collect)
{
	wg_device_done(&collect->device);
	collect->n_allowed = 0;
}
