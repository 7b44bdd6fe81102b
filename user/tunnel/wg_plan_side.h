/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_plan_side.h - what WireGuard has and what it should have, side by side and in order.
 *
 * Of peers that have what they should have, which are mostly nearly all of them, the AllowedIPs are
 * only looked at, not sorted.
 */
#ifndef TUNNEL_WG_PLAN_SIDE_H
#define TUNNEL_WG_PLAN_SIDE_H

#include "tunnel/wg_device.h"

/* An AllowedIP and the peer that has it. */
struct wg_holding {
	const struct prefix *prefix;
	const struct wg_peer *peer;
};

/* One side of the comparison. */
struct wg_side {
	const struct wg_peer *peers; /* by key */
	struct wg_peer *copy;        /* of the caller's, unless those are in order, each key once */
	size_t n_peers;
	bool *is_settled; /* of each peer: the other side has it with the same AllowedIPs */
	struct wg_holding *holdings; /* of those that are not, by prefix */
	size_t n_holdings;
};

/**
 * wg_sides_make() - both sides; the devices are borrowed.
 * @have: each prefix once in its holdings, whatever it says itself.
 *
 * Return: 0; -EINVAL when @want repeats a key or a prefix, or has a prefix with host bits; -ENOMEM.
 *         Both are to be freed with wg_side_done() in any case.
 */
int wg_sides_make(const struct wg_device *have, const struct wg_device *want,
		  struct wg_side *ret_have, struct wg_side *ret_want);

/** wg_side_is_second() - has the peer before @i the same key? WireGuard has each key once; who says
 * otherwise is taken at its first word. */
bool wg_side_is_second(const struct wg_side *side, size_t i);

/** wg_side_compare_peers() - order of peers: by key. As memcmp(). */
int wg_side_compare_peers(const void *a, const void *b);

/** wg_side_done() - free what @side owns; safe on a zeroed one. */
void wg_side_done(struct wg_side *side);

#endif
