/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leak.h - on an adopted interface, whose routes and rules are its owner's: does what spokes send
 * to an address that no device has leave this host by another interface, in clear?
 */
#ifndef CHECK_LEAK_H
#define CHECK_LEAK_H

#include <net/if.h>
#include <stddef.h>

#include "base/prefix.h"

#define LEAKS_MAX 2 /* one of each family */
#define LEAK_REMEDY_MAX 256

struct leak {
	struct prefix example; /* an address that nobody has, near the tunnel's own */
	char by[IFNAMSIZ];     /* the interface by which it leaves */
};

/**
 * leaks_find() - look for addresses beside those of @ifname that are routed elsewhere.
 * @ret_n: how many of @ret are set.
 *
 * None in a family where a routing rule says where to go for what enters by @ifname: its owner has
 * thought of it.
 *
 * Return: 0 or negative errno.
 */
int leaks_find(const char *ifname, struct leak ret[static LEAKS_MAX], size_t *ret_n);

/** leak_remedy() - the two commands that end it. Return: @text. */
const char *leak_remedy(const struct leak *leak, const char *ifname,
			char text[static LEAK_REMEDY_MAX]);

#endif
