/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_plan.h - the edits that turn the peers WireGuard has into the peers it should have.
 *
 * Pure computation: no netlink, no logging. wg_edit.h carries the edits out.
 */
#ifndef TUNNEL_WG_PLAN_H
#define TUNNEL_WG_PLAN_H

#include "tunnel/wg_device.h"

enum wg_edit_kind {
	WG_PEER_SET,       /* make the peer if it is not there, and set its keepalive */
	WG_ALLOWED_ADD,    /* give the peer an AllowedIP; WireGuard takes it from who has it */
	WG_ALLOWED_REMOVE, /* take an AllowedIP from the peer, which has it */
	WG_PEER_REMOVE,    /* with all its AllowedIPs */
};

struct wg_edit {
	enum wg_edit_kind kind;
	uint16_t keepalive_s;  /* WG_PEER_SET */
	struct prefix allowed; /* WG_ALLOWED_ADD, WG_ALLOWED_REMOVE */
	uint8_t public_key[WG_KEY_BYTES];
};

/*
 * In between stand the edits of the maps and routes: what is new works in WireGuard before
 * anything points to it, what is given up goes when nothing does any more.
 */
struct wg_plan {
	struct wg_edit *additions; /* WG_PEER_SET and WG_ALLOWED_ADD; those of a peer adjoin */
	size_t n_additions;
	struct wg_edit *removals; /* WG_ALLOWED_REMOVE and WG_PEER_REMOVE; those of a peer adjoin */
	size_t n_removals;
};

/**
 * wg_plan_make() - compare by sorted merge.
 * @have: in any order, as wg_device_read() gives it.
 * @want: in any order; each key once, each prefix at one peer only, masked.
 * @ret:  set on success only; freed with wg_plan_done().
 *
 * A prefix that moves from one peer to another is one addition and no removal: WireGuard moves it
 * without a gap. A peer that stays is never removed and made again: its session goes on. What a
 * peer loses by being removed itself is not removed one by one.
 *
 * In @removals all of WG_ALLOWED_REMOVE come first: so most of them fit into few messages.
 *
 * Return: 0; -EINVAL when @want repeats a key or a prefix, or has a prefix with host bits; -ENOMEM.
 */
int wg_plan_make(const struct wg_device *have, const struct wg_device *want, struct wg_plan *ret);

/** wg_plan_done() - free what @plan owns and zero it; safe on a zeroed one. */
void wg_plan_done(struct wg_plan *plan);

#endif
