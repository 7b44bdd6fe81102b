/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_genl.h - kernel WireGuard through generic netlink (linux/wireguard.h).
 */
#ifndef TUNNEL_WG_GENL_H
#define TUNNEL_WG_GENL_H

#include <linux/netlink.h>
#include <stdint.h>

#include "tunnel/wg_collect.h"

/**
 * wg_genl_family() - number of the generic netlink family; makes the kernel load the module.
 *
 * Return: 0; -ENOENT when the kernel has no WireGuard; another negative errno.
 */
int wg_genl_family(uint16_t *ret_family);

/**
 * wg_genl_request() - begin a message of generic netlink.
 * @bytes: room for it, aligned for a struct nlmsghdr.
 * @type:  number of the family.
 *
 * Return: the message, in @bytes.
 */
struct nlmsghdr *wg_genl_request(char *bytes, uint16_t type, uint8_t command, uint8_t version);

/**
 * wg_genl_read() - read @name from the kernel.
 * @collect: zeroed; on failure what came so far is in it.
 *
 * Return: 0; -ENODEV; -ENOENT as wg_genl_family(); -EOPNOTSUPP when @name is no WireGuard
 *         interface; -EPERM; -EPROTO; -E2BIG; another negative errno.
 */
int wg_genl_read(const char *name, struct wg_collect *collect);

/**
 * wg_genl_take() - take one message of the answer: the parser of wg_genl_read(), on its own so
 * that it can be tested where the kernel has no WireGuard.
 * @collect: struct wg_collect *.
 *
 * Return: 0; -EPROTO; -E2BIG; -ENOMEM.
 */
int wg_genl_take(const struct nlmsghdr *msg, void *collect);

#endif
