/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_device.h - read a WireGuard interface: its identity, peers and AllowedIPs.
 *
 * Two back ends behind one call: generic netlink for kernel WireGuard (linux/wireguard.h), and the
 * cross-platform text protocol on /var/run/wireguard/<name>.sock for userspace implementations
 * (https://www.wireguard.com/xplatform/). Private and preshared keys that come along are skipped
 * and wiped.
 */
#ifndef TUNNEL_WG_DEVICE_H
#define TUNNEL_WG_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "base/wg_key.h"

struct wg_peer {
	uint8_t public_key[WG_KEY_BYTES];
	uint16_t keepalive_s;   /* persistent keepalive; 0: off */
	bool any_keepalive;     /* of one that is wanted: as it is; a new one gets keepalive_s */
	struct prefix endpoint; /* of one that is there, without its port; family 0: none */
	struct prefix *allowed; /* masked, as WireGuard holds them */
	size_t n_allowed;
};

struct wg_device {
	uint8_t public_key[WG_KEY_BYTES]; /* all zero when the interface has no private key */
	uint16_t listen_port;
	bool kernel; /* kernel WireGuard, else a userspace implementation */
	struct wg_peer *peers;
	size_t n_peers;
	struct prefix *pool; /* all AllowedIPs; NULL: those of each peer are an allocation */
};

/**
 * wg_device_read() - read @name.
 * @ret_device: set on success only; the caller frees it with wg_device_done().
 *
 * Peers that the kernel splits over several messages come out whole.
 * Userspace: the socket's public key is derived from the private key that the protocol returns.
 *
 * Return: 0; -ENODEV when no WireGuard, kernel or userspace, has an interface of that name;
 *         -EPERM; another negative errno; -EPROTO when the answer makes no sense.
 */
int wg_device_read(const char *name, struct wg_device *ret_device);

/** wg_device_done() - free what @device owns; safe on a zeroed one. */
void wg_device_done(struct wg_device *device);

#endif
