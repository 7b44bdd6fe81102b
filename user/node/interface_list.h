/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interface_list.h - the WireGuard interface itself as the source of the device list: its peers
 * and their AllowedIPs, for `--adopt` without a peer file.
 */
#ifndef NODE_INTERFACE_LIST_H
#define NODE_INTERFACE_LIST_H

#include <stdbool.h>

#include "peers/device.h"
#include "tunnel/wg_device.h"

/**
 * interface_list_make() - devices of @device: its own identity first, without addresses (those are
 * the host's), then its peers, which have no names. Of a peer's AllowedIPs the hosts come first, as
 * its tunnel addresses, then the networks.
 * @ret: empty; filled on success, freed with device_list_done().
 *
 * Return: 0; -E2BIG; -ENOMEM.
 */
int interface_list_make(const struct wg_device *device, struct device_list *ret);

/** interface_list_read() - read @ifname and make its list. Return: as wg_device_read(), or above.
 */
int interface_list_read(const char *ifname, struct device_list *ret);

/** interface_list_is_same() - have two lists the same devices with the same prefixes, in order? */
bool interface_list_is_same(const struct device_list *a, const struct device_list *b);

#endif
