// SPDX-License-Identifier: Apache-2.0
/*
 * wg_genl_pack.c - edits of peers as nested attributes.
 *
 *	WGDEVICE_A_PEERS { peer { key, flags, keepalive, WGPEER_A_ALLOWEDIPS { allowed { ... } } } }
 *
 * The kernel carries out a message from its beginning to its end.
 */
#include "tunnel/wg_genl_pack.h"

#include <libmnl/libmnl.h>
#include <string.h>
#include <sys/socket.h>

#include "tunnel/wg_genl.h"

#define REMOVAL_BYTES (MNL_ATTR_HDRLEN + MNL_ATTR_HDRLEN + WG_KEY_BYTES + MNL_ATTR_HDRLEN + 4)

/* A message that is being written. */
struct packing {
	struct nlmsghdr *msg;
	size_t size;               /* of the message at most */
	const uint8_t *decoy;      /* key of the peer that AllowedIPs are moved to, or NULL */
	struct nlattr *peer;       /* the nest that is open, or NULL */
	struct nlattr *list;       /* its AllowedIPs, or NULL */
	const struct wg_edit *one; /* an edit of the peer that is open */
};

struct nlmsghdr *wg_genl_begin(const struct wg_genl_target *target, char *bytes)
{
	struct nlmsghdr *msg =
		wg_genl_request(bytes, target->family, WG_CMD_SET_DEVICE, WG_GENL_VERSION);

	mnl_attr_put_u32(msg, WGDEVICE_A_IFINDEX, target->ifindex);
	return msg;
}

static bool put(struct packing *packing, uint16_t type, const void *data, size_t len)
{
	return mnl_attr_put_check(packing->msg, packing->size, type, len, data);
}

static void end_peer(struct packing *packing)
{
	if (packing->list)
		mnl_attr_nest_end(packing->msg, packing->list);
	if (packing->peer)
		mnl_attr_nest_end(packing->msg, packing->peer);
	packing->peer = packing->list = NULL;
	packing->one = NULL;
}

static bool begin_peer(struct packing *packing, const uint8_t *key, uint32_t flags)
{
	end_peer(packing);
	packing->peer = mnl_attr_nest_start_check(packing->msg, packing->size, 0);
	return packing->peer && put(packing, WGPEER_A_PUBLIC_KEY, key, WG_KEY_BYTES) &&
	       (!flags || put(packing, WGPEER_A_FLAGS, &flags, sizeof(flags)));
}

static bool put_allowed(struct packing *packing, const struct prefix *allowed, uint32_t flags)
{
	bool ipv4 = allowed->family == PREFIX_IPV4;
	uint16_t family = ipv4 ? AF_INET : AF_INET6;
	struct nlattr *nest;

	if (!packing->list)
		packing->list =
			mnl_attr_nest_start_check(packing->msg, packing->size, WGPEER_A_ALLOWEDIPS);
	if (!packing->list)
		return false;
	nest = mnl_attr_nest_start_check(packing->msg, packing->size, 0);
	if (!nest || !put(packing, WGALLOWEDIP_A_FAMILY, &family, sizeof(family)) ||
	    !put(packing, WGALLOWEDIP_A_IPADDR, allowed->addr, ipv4 ? 4 : 16) ||
	    !put(packing, WGALLOWEDIP_A_CIDR_MASK, &allowed->bits, sizeof(allowed->bits)) ||
	    (flags && !put(packing, WGALLOWEDIP_A_FLAGS, &flags, sizeof(flags))))
		return false;
	mnl_attr_nest_end(packing->msg, nest);
	return true;
}

/* Does @edit go on with the peer that is open? */
static bool joins(const struct packing *packing, const struct wg_edit *edit)
{
	return packing->one && packing->one->kind != WG_PEER_REMOVE &&
	       !memcmp(packing->one->public_key, edit->public_key, WG_KEY_BYTES);
}

static bool put_edit(struct packing *packing, const struct wg_edit *edit)
{
	const uint8_t *key = edit->public_key;
	bool done = false;

	switch (edit->kind) {
	case WG_PEER_SET:
		done = begin_peer(packing, key, 0) &&
		       put(packing, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, &edit->keepalive_s,
			   sizeof(edit->keepalive_s));
		break;
	case WG_PEER_REMOVE:
		done = begin_peer(packing, key, WGPEER_F_REMOVE_ME);
		break;
	case WG_ALLOWED_ADD:
		done = (joins(packing, edit) || begin_peer(packing, key, WGPEER_F_UPDATE_ONLY)) &&
		       put_allowed(packing, &edit->allowed, 0);
		break;
	case WG_ALLOWED_REMOVE:
		if (packing->decoy)
			return (packing->peer || begin_peer(packing, packing->decoy, 0)) &&
			       put_allowed(packing, &edit->allowed, 0);
		done = (joins(packing, edit) || begin_peer(packing, key, WGPEER_F_UPDATE_ONLY)) &&
		       put_allowed(packing, &edit->allowed, WGALLOWEDIP_F_REMOVE_ME);
		break;
	}
	packing->one = edit;
	return done;
}

/* What does not fit leaves nothing behind. */
static bool try_edit(struct packing *packing, const struct wg_edit *edit)
{
	const struct packing before = *packing;
	uint32_t len = packing->msg->nlmsg_len;

	if (put_edit(packing, edit))
		return true;
	*packing = before;
	packing->msg->nlmsg_len = len;
	return false;
}

size_t wg_genl_pack(const struct wg_genl_target *target, const struct wg_edit *edits, size_t n,
		    char *bytes, size_t size)
{
	bool removes = edits->kind == WG_ALLOWED_REMOVE;
	struct packing packing = { .msg = wg_genl_begin(target, bytes), .size = size };
	struct nlattr *peers = mnl_attr_nest_start(packing.msg, WGDEVICE_A_PEERS);
	size_t packed = 0;

	if (removes && target->decoy) {
		packing.decoy = target->decoy;
		packing.size -= REMOVAL_BYTES;
	}
	while (packed < n && (edits[packed].kind == WG_ALLOWED_REMOVE) == removes &&
	       try_edit(&packing, &edits[packed]))
		packed++;
	if (packing.decoy) {
		packing.size = size;
		(void)begin_peer(&packing, packing.decoy, WGPEER_F_REMOVE_ME);
	}
	end_peer(&packing);
	mnl_attr_nest_end(packing.msg, peers);
	return packed;
}
