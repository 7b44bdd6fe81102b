// SPDX-License-Identifier: Apache-2.0
/* wg_collect.c - build a struct wg_device piece by piece, within limits. */
#include "tunnel/wg_collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Arrays have room for the next power of two, so that growing is cheap and needs no capacity. */
static int make_room(void **array, size_t n, size_t size)
{
	void *more;

	if (n & (n - 1))
		return 0;
	more = reallocarray(*array, n ? n * 2 : 1, size);
	if (!more)
		return -ENOMEM;
	*array = more;
	return 0;
}

int wg_collect_peer(struct wg_collect *collect, const uint8_t public_key[static WG_KEY_BYTES])
{
	struct wg_device *device = &collect->device;
	void *peers = device->peers;
	struct wg_peer *peer;

	if (device->n_peers >= WG_PEERS_MAX)
		return -E2BIG;
	if (make_room(&peers, device->n_peers, sizeof(*peer)))
		return -ENOMEM;
	device->peers = peers;
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
	void *array;

	prefix_mask(&masked);
	if (!device->n_peers || prefix_check(&masked))
		return -EPROTO;
	if (collect->n_allowed >= WG_ALLOWED_MAX)
		return -E2BIG;
	peer = &device->peers[device->n_peers - 1];
	array = peer->allowed;
	if (make_room(&array, peer->n_allowed, sizeof(masked)))
		return -ENOMEM;
	peer->allowed = array;
	peer->allowed[peer->n_allowed++] = masked;
	collect->n_allowed++;
	return 0;
}

void wg_collect_done(struct wg_collect *collect)
{
	wg_device_done(&collect->device);
	collect->n_allowed = 0;
}
