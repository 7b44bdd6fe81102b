/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_view.h - what this host has to reach outside of the tunnel: its gateways and its name
 * servers. No device of a list gets a route for one of their addresses.
 */
#ifndef NODE_HOST_VIEW_H
#define NODE_HOST_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/prefix.h"

#define HOST_VIEW_MAX 128 /* more gateways and name servers than that are not looked at */

#define HOST_VIEW_FILES 2

struct host_view {
	struct prefix at[HOST_VIEW_MAX]; /* hosts: gateways, then name servers */
	size_t n, n_gateways;
	struct timespec changed[HOST_VIEW_FILES]; /* when each file was; 0: it was not there */
};

/**
 * host_view_read() - gateways of all default routes, and the name servers of /etc/resolv.conf and
 * of systemd-resolved.
 *
 * A file that is not there, or cannot be read, names none.
 *
 * Return: 0; negative errno when the routes could not be read, with the name servers in @ret.
 */
int host_view_read(struct host_view *ret);

/** host_view_is_stale() - has one of the files changed since? */
bool host_view_is_stale(const struct host_view *view);

/** host_view_parse() - append the `nameserver` lines of a resolv.conf(5) text. */
void host_view_parse(const char *text, struct host_view *view);

#endif
