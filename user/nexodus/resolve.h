/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolve.h - the addresses of a host, as getaddrinfo(3) has them, in the event loop.
 *
 * The C library asks whomever this host asks (nsswitch.conf, hosts, resolv.conf, nss modules), and
 * blocks while it does: in a thread, which is left behind when nobody waits for it any more.
 */
#ifndef NEXODUS_RESOLVE_H
#define NEXODUS_RESOLVE_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/loop.h"

#define RESOLVE_ADDRESSES_MAX 16
#define RESOLVE_AT_ONCE_MAX 8 /* threads, also those that were left behind */
#define RESOLVE_HOST_MAX 256

struct resolve;

/**
 * resolve_done - in the order in which getaddrinfo() would have them tried; port 0.
 * @err: 0; -ENOENT when there is no such name; -EAGAIN when nobody answers; -EIO.
 */
typedef void resolve_done(void *arg, int err, const struct sockaddr_storage *addresses, size_t n);

/**
 * resolve_start() - @done is called once, from the loop, unless it is cancelled before.
 *
 * Return: 0; -EINVAL for a name that is too long; -EBUSY when there are too many threads; -ENOMEM.
 */
int resolve_start(struct loop *loop, const char *host, resolve_done *done, void *arg,
		  struct resolve **ret_resolve);

/** resolve_cancel() - @done is not called. Safe on NULL. */
void resolve_cancel(struct resolve *resolve);

#endif
