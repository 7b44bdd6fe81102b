/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_edit.h - change a WireGuard interface: its identity and its peers.
 *
 * The same two back ends as wg_device.h. Every message is small (WG_MESSAGE_BYTES), because the
 * kernel holds RTNL and the device's lock for the whole of one (wg_set_device() in
 * drivers/net/wireguard/netlink.c), and every one is waited for and its result looked at.
 */
#ifndef TUNNEL_WG_EDIT_H
#define TUNNEL_WG_EDIT_H

#include "tunnel/wg_plan.h"

#define WG_MESSAGE_BYTES 4096

/**
 * wg_edit_identity() - set private key and listen port.
 * @private_key: WG_KEY_BYTES, or NULL to leave the key alone. Copies are wiped.
 * @listen_port: 0 to leave the port alone.
 *
 * Setting the key makes the kernel compute a shared secret for each peer and ends all sessions:
 * only when it differs, and before there are peers. After -EADDRINUSE kernel WireGuard goes on as
 * before; wireguard-go hears nobody any more until it is given a port that is free.
 *
 * Return: 0; -EADDRINUSE when the port is another socket's; -ENODEV when no WireGuard has an
 *         interface of that name; -EPERM; another negative errno.
 */
int wg_edit_identity(const char *name, const uint8_t *private_key, uint16_t listen_port);

/**
 * wg_edit_peers() - carry out edits, in order.
 *
 * A peer's endpoint, preshared key and session are never touched, and AllowedIPs never replaced as
 * a whole (WGPEER_F_REPLACE_ALLOWEDIPS is not atomic). One AllowedIP leaves by
 * WGALLOWEDIP_F_REMOVE_ME (Linux 6.16); where that is not known, by moving it to a peer with a
 * random key that the same message removes (and then it leaves whoever has it by then). An edit of
 * a peer that is not there (any more) changes nothing, but for WG_PEER_SET, which makes it.
 *
 * Can be stopped anywhere: the next plan is made from what is there then.
 *
 * Return: 0; negative errno of the first message that failed, with those before it done.
 */
int wg_edit_peers(const char *name, const struct wg_edit *edits, size_t n);

/**
 * wg_edit_flush() - remove all peers at once (WGDEVICE_F_REPLACE_PEERS without any).
 *
 * An interface that is deleted with its peers takes an RCU grace period for each of them: minutes
 * for 10,000.
 *
 * Return: as wg_edit_identity().
 */
int wg_edit_flush(const char *name);

#endif
