/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_genl_pack.h - edits of peers as messages for kernel WireGuard. Knows of no socket.
 */
#ifndef TUNNEL_WG_GENL_PACK_H
#define TUNNEL_WG_GENL_PACK_H

#include <linux/netlink.h>
#include <linux/wireguard.h>

#include "tunnel/wg_plan.h"

/* From Linux 6.16 on; the headers of older systems have neither. */
#ifndef WGALLOWEDIP_F_REMOVE_ME
#define WGALLOWEDIP_A_FLAGS 4 /* u32 */
#define WGALLOWEDIP_F_REMOVE_ME (1U << 0)
#endif

struct wg_genl_target {
	uint16_t family;  /* number of WireGuard's generic netlink family */
	uint32_t ifindex; /* not the name: that may be another interface's by the next message */
	/*
	 * NULL: AllowedIPs leave by WGALLOWEDIP_F_REMOVE_ME. Else a key that no peer has: they
	 * move to a peer of that key, which the same message removes.
	 */
	const uint8_t *decoy;
};

/**
 * wg_genl_begin() - begin a message of WG_CMD_SET_DEVICE for that interface.
 * @bytes: at least 64, aligned for a struct nlmsghdr; attributes can be added.
 *
 * Return: the message, in @bytes.
 */
struct nlmsghdr *wg_genl_begin(const struct wg_genl_target *target, char *bytes);

/**
 * wg_genl_pack() - write as many edits into one message as there is room for, in their order.
 * @n:     at least 1.
 * @bytes: the message, aligned for a struct nlmsghdr.
 * @size:  of the message at most; at least 512.
 *
 * Adjoining edits of a peer share its key. A message has WG_ALLOWED_REMOVE alone or everything
 * else, so that one kind can be sent again in the other form. All but WG_PEER_SET leave a peer
 * alone that is not there (any more).
 *
 * Return: number of edits that are in the message, at least 1.
 */
size_t wg_genl_pack(const struct wg_genl_target *target, const struct wg_edit *edits, size_t n,
		    char *bytes, size_t size);

#endif
