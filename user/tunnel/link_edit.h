/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_edit.h - make, change and remove interfaces and their addresses, through rtnetlink.
 */
#ifndef TUNNEL_LINK_EDIT_H
#define TUNNEL_LINK_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prefix.h"
#include "tunnel/link.h"

/**
 * link_add_wireguard() - make an interface of kernel WireGuard, down.
 *
 * The kernel loads the module if it has one.
 *
 * Return: 0; -EOPNOTSUPP when the kernel does not know the type; -EEXIST; -EPERM; -EINVAL when
 *         @name cannot be one (the kernel takes a "%" for a pattern); another negative errno.
 */
int link_add_wireguard(const char *name);

/**
 * link_remove() - delete an interface.
 *
 * Return: 0; -ENODEV; -EOPNOTSUPP for hardware; another negative errno.
 */
int link_remove(uint32_t ifindex);

/**
 * link_set_up() - set an interface up.
 *
 * Return: 0; -EADDRINUSE when WireGuard's port is another socket's; -ENODEV; another negative
 * errno.
 */
int link_set_up(uint32_t ifindex);

/**
 * link_rename() - give an interface another name.
 *
 * Kernels before 6.2 refuse that while it is up: then it is down for a moment, which costs it its
 * IPv6 addresses and its routes.
 *
 * Return: 0; -EEXIST when another interface has that name; another negative errno.
 */
int link_rename(const struct link *link, const char *name);

/**
 * link_set_mtu() - @mtu in bytes; below 1280 an interface loses its IPv6, addresses and routes.
 *
 * Return: 0; -EINVAL when the device does not take it; -ENODEV; another negative errno.
 */
int link_set_mtu(uint32_t ifindex, uint32_t mtu);

/**
 * link_addr_add() - give an interface an address.
 * @addr: bits is the on-link prefix length; host bits are set.
 *
 * IPv6 without duplicate address detection: nobody else is on a tunnel, and the address is usable
 * at once.
 *
 * Where the interface has the same address with another prefix length, the wanted one replaces it.
 * IPv4 has both for a moment, since the kernel drops all IPv4 routes of an interface together with
 * its last address. IPv6 cannot have both: the old one goes and the new one comes within one
 * request, and routes do not mind. Removing an IPv4 address takes others of its network along, as
 * link_addr_remove() says.
 *
 * Return: 0, also when it is there already; -EACCES when IPv6 is off on the interface; -ENODEV;
 *         -EINVAL when @addr cannot be one, or the MTU is too small for IPv6; another negative
 *         errno (then what there was of that address is still there, or was put back).
 */
int link_addr_add(uint32_t ifindex, const struct prefix *addr);

/**
 * link_addr_remove() - take an address from an interface.
 * @addr: address and prefix length both count.
 *
 * IPv4 addresses of one network and prefix length depend on the first of them: the kernel removes
 * them all with it, unless net.ipv4.conf.<interface>.promote_secondaries is set.
 *
 * Return: 0, also when it is not there; -ENODEV; another negative errno.
 */
int link_addr_remove(uint32_t ifindex, const struct prefix *addr);

#endif
