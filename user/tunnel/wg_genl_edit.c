// SPDX-License-Identifier: Apache-2.0
/*
 * wg_genl_edit.c - send edits to kernel WireGuard, a message at a time.
 *
 * Each message is a question of its own to nl_ask(): a socket for each costs some 10 us, which is
 * little beside what the kernel does with the message.
 */
#include "tunnel/wg_genl_edit.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdalign.h>
#include <string.h>
#include <sys/random.h>

#include "tunnel/nl.h"
#include "tunnel/wg_edit.h"
#include "tunnel/wg_genl.h"
#include "tunnel/wg_genl_pack.h"

/* Kernels before 6.16 refuse WGALLOWEDIP_A_FLAGS; that one did is remembered. */
static bool flags_unknown;

static int ask(struct nlmsghdr *msg)
{
	return nl_ask(NETLINK_GENERIC, msg, NULL, NULL);
}

/* AllowedIPs leave by way of a decoy. Return: 0 or negative errno. */
static int remove_by_decoy(const struct wg_genl_target *target, const struct wg_edit *edits,
			   size_t n, size_t *ret_packed)
{
	alignas(struct nlmsghdr) char bytes[WG_MESSAGE_BYTES];
	struct wg_genl_target by_decoy = *target;
	uint8_t key[WG_KEY_BYTES];

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return -EIO;
	by_decoy.decoy = key;
	*ret_packed = wg_genl_pack(&by_decoy, edits, n, bytes, sizeof(bytes));
	return ask((struct nlmsghdr *)bytes);
}

static int send_some(const struct wg_genl_target *target, const struct wg_edit *edits, size_t n,
		     size_t *ret_packed)
{
	alignas(struct nlmsghdr) char bytes[WG_MESSAGE_BYTES];
	bool removes = edits->kind == WG_ALLOWED_REMOVE;
	int err = -EINVAL;

	if (!removes || !flags_unknown) {
		*ret_packed = wg_genl_pack(target, edits, n, bytes, sizeof(bytes));
		err = ask((struct nlmsghdr *)bytes);
	}
	if (!removes || err != -EINVAL)
		return err;
	/* EINVAL may have had another cause: only what goes well this way teaches us anything. */
	err = remove_by_decoy(target, edits, n, ret_packed);
	if (!err)
		flags_unknown = true;
	return err;
}

int wg_genl_edit_peers(uint32_t ifindex, const struct wg_edit *edits, size_t n)
{
	struct wg_genl_target target = { .ifindex = ifindex };
	size_t done = 0, packed = 0;
	int err;

	err = wg_genl_family(&target.family);
	while (!err && done < n) {
		err = send_some(&target, edits + done, n - done, &packed);
		done += packed;
	}
	return err;
}

int wg_genl_edit_identity(uint32_t ifindex, const uint8_t *private_key, uint16_t listen_port)
{
	alignas(struct nlmsghdr) char bytes[NL_REQUEST_BYTES];
	struct wg_genl_target target = { .ifindex = ifindex };
	struct nlmsghdr *msg;
	int err;

	err = wg_genl_family(&target.family);
	if (err)
		return err;
	msg = wg_genl_begin(&target, bytes);
	if (listen_port)
		mnl_attr_put_u16(msg, WGDEVICE_A_LISTEN_PORT, listen_port);
	if (private_key)
		mnl_attr_put(msg, WGDEVICE_A_PRIVATE_KEY, WG_KEY_BYTES, private_key);
	err = ask(msg);
	explicit_bzero(bytes, sizeof(bytes));
	return err;
}

int wg_genl_edit_flush(uint32_t ifindex)
{
	alignas(struct nlmsghdr) char bytes[NL_REQUEST_BYTES];
	struct wg_genl_target target = { .ifindex = ifindex };
	struct nlmsghdr *msg;
	int err;

	err = wg_genl_family(&target.family);
	if (err)
		return err;
	msg = wg_genl_begin(&target, bytes);
	mnl_attr_put_u32(msg, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
	return ask(msg);
}
