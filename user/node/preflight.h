/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight.h - what must be true before a relay can run here; each failure says what to do.
 */
#ifndef NODE_PREFLIGHT_H
#define NODE_PREFLIGHT_H

#include "tunnel/link.h"
#include "tunnel/wg_device.h"

/**
 * preflight_host() - privileges and bpffs.
 *
 * Return: 0; negative errno. Logs what is missing, and the remedy.
 */
int preflight_host(void);

/**
 * preflight_interface() - the interface exists, is WireGuard's, and has an identity.
 * @ret_link, @ret_device: set on success only; @ret_device is freed with wg_device_done().
 *
 * Return: 0; negative errno. Logs what is wrong, and the remedy.
 */
int preflight_interface(const char *ifname, struct link *ret_link, struct wg_device *ret_device);

/**
 * preflight_drop_privileges() - keep only the capabilities that the node needs from now on.
 *
 * Return: 0; negative errno. Logs.
 */
int preflight_drop_privileges(void);

#endif
