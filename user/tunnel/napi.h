/* SPDX-License-Identifier: Apache-2.0 */
/*
 * napi.h - threaded NAPI of an interface (/sys/class/net/NAME/threaded).
 *
 * Kernels that turn it on for WireGuard make a kernel thread for each peer (seen on 6.18 and 7.3).
 */
#ifndef TUNNEL_NAPI_H
#define TUNNEL_NAPI_H

#include <stdbool.h>
#include <stdint.h>

/**
 * napi_threaded_set() - switch it on or off, unless it is so already.
 * @name, @ifindex: both, because /sys may show another network namespace's interfaces.
 *
 * Return: 0; -ENOENT when the kernel has no such switch (before 5.12); -ENODEV when /sys shows
 * other interfaces than ours; -EOPNOTSUPP when the interface has no NAPI context: WireGuard without
 * peers, or userspace WireGuard; another negative errno.
 */
int napi_threaded_set(const char *name, uint32_t ifindex, bool on);

#endif
