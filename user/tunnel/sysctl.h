/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl.h - single numbers below /proc/sys, of the network namespace of the caller.
 */
#ifndef TUNNEL_SYSCTL_H
#define TUNNEL_SYSCTL_H

/**
 * sysctl_read() - read one number.
 * @path: below /proc/sys, with slashes: "net/ipv4/ip_forward".
 *
 * Return: 0; -ENOENT when the kernel or the interface has none; -EPROTO when it is no number;
 *         another negative errno.
 */
int sysctl_read(const char *path, int *ret_value);

/** sysctl_check() - could it be written? Nothing is. Return: as sysctl_write(). */
int sysctl_check(const char *path);

/** sysctl_write() - write one number. Return: 0; -ENOENT, -EROFS, -EACCES, ... */
int sysctl_write(const char *path, int value);

#endif
