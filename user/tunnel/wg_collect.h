/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_collect.h - build a struct wg_device piece by piece, within limits. For the two back ends.
 */
#ifndef TUNNEL_WG_COLLECT_H
#define TUNNEL_WG_COLLECT_H

#include "tunnel/wg_device.h"

#define WG_PEERS_MAX (1 << 20)   /* the kernel's own limit (MAX_PEERS_PER_DEVICE) */
#define WG_ALLOWED_MAX (1 << 22) /* of all peers together */

struct wg_collect {
	struct wg_device device;
	size_t n_allowed; /* of all peers together */
};

/** wg_collect_peer() - begin a peer. Return: 0; -E2BIG; -ENOMEM. */
int wg_collect_peer(struct wg_collect *collect, const uint8_t public_key[static WG_KEY_BYTES]);

/**
 * wg_collect_allowed() - add an AllowedIP to the peer that was begun last; host bits are cleared.
 *
 * Return: 0; -EPROTO when there is no peer yet, or family or length are wrong; -E2BIG; -ENOMEM.
 */
int wg_collect_allowed(struct wg_collect *collect, const struct prefix *allowed);

/** wg_collect_done() - free what is there and begin from nothing. */
void wg_collect_done(struct wg_collect *collect);

#endif
