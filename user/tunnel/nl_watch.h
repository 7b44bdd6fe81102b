/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nl_watch.h - hear of changes that the kernel tells its multicast groups of.
 */
#ifndef TUNNEL_NL_WATCH_H
#define TUNNEL_NL_WATCH_H

#include <linux/netlink.h>
#include <stdint.h>

/**
 * nl_watch_open() - a non-blocking, close-on-exec rtnetlink socket in some groups.
 * @groups: bits of RTMGRP_*.
 * @receive_bytes: size of the receive buffer, as far as it may be had; 0 for the system's default.
 *
 * Return: descriptor, to be closed with close(); negative errno.
 */
int nl_watch_open(uint32_t groups, int receive_bytes);

/** nl_watch_take - look at one message; @msg is only valid during the call. */
typedef void (*nl_watch_take)(const struct nlmsghdr *msg, void *data);

/**
 * nl_watch_read() - take what is pending, in a bounded number of reads: a storm of changes must not
 * keep the caller from its other work.
 *
 * Messages of other processes, which may send to anybody's socket, are left out.
 *
 * Return: 0; 1 when messages were lost (no room, or one that was cut off), after all others;
 *         negative errno.
 */
int nl_watch_read(int fd, nl_watch_take take, void *data);

#endif
