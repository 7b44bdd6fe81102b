/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_userspace.h - start a userspace WireGuard (wireguard-go) for an interface.
 */
#ifndef TUNNEL_WG_USERSPACE_H
#define TUNNEL_WG_USERSPACE_H

#include <limits.h>
#include <stdbool.h>

/**
 * wg_userspace_find() - is there a program that wg_userspace_start() would run?
 * @path: set when there is.
 */
bool wg_userspace_find(char path[static PATH_MAX]);

/**
 * wg_userspace_start() - run `wireguard-go NAME` and wait until it answers on its socket.
 *
 * It makes the interface, goes into the background and outlives us, in a session of its own;
 * deleting the interface ends it. It gets nothing of ours: no descriptor, no environment, no
 * blocked or ignored signal, and what it prints is lost. Makes /dev/net/tun if that is missing, as
 * nexd does. `nexd-wireguard-go` is tried when there is no `wireguard-go`. Programs are looked for
 * in the system's own folders alone: whoever runs with privileges does not trust PATH.
 *
 * Blocks for up to 10 s. On failure the program that was started is gone.
 *
 * Return: 0; -ENOENT when there is no such program; -EEXIST when there is an interface of that
 *         name, or the socket of that name is served already, maybe in another network namespace
 *         (they share it); -EINVAL when @name cannot be an interface's; -ECHILD when the program
 *         failed or its interface is not there; -ETIMEDOUT; another negative errno.
 */
int wg_userspace_start(const char *name);

/**
 * wg_userspace_await_end() - the interface was deleted: wait until nobody serves its socket any
 * more.
 *
 * Return: 0; -EBUSY when somebody still does after 2 s: a stopped process, or one whose interface
 * is in another network namespace.
 */
int wg_userspace_await_end(const char *name);

#endif
