/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_floor.h - the routes of a tunnel's own table that lead nowhere: what becomes of a
 * destination that no device has.
 *
 * `unreachable default` ends the look-up: the sender hears that nobody is there, and nothing leaves
 * by another interface. `throw` goes on to the host's own rules and tables.
 */
#ifndef TUNNEL_TABLE_FLOOR_H
#define TUNNEL_TABLE_FLOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix_list.h"

/* Which destinations, beside those of the device list, the kernel forwards for spokes. */
struct kernel_forwarding {
	bool all;              /* whatever no device has; else @to alone */
	struct prefix_list to; /* no default route */
};

/** kernel_forwarding_covers() - does the kernel forward to all of @prefix? */
bool kernel_forwarding_covers(const struct kernel_forwarding *forwarding,
			      const struct prefix *prefix);

/**
 * table_floor_read() - which forwarding does the floor of @table mean?
 * @ret: set on success only.
 *
 * Return: 0; -ENOENT when @table has no floor: no relay has made it; another negative errno.
 */
int table_floor_read(uint32_t table, struct kernel_forwarding *ret);

/**
 * table_floor_look() - does @table have exactly the floor that @forwarding means?
 * @ipv6:      the host has IPv6.
 * @ret_wrong: how many of its routes are missing, or are too many.
 *
 * Return: 0 or negative errno.
 */
int table_floor_look(uint32_t table, const struct kernel_forwarding *forwarding, bool ipv6,
		     size_t *ret_wrong);

/**
 * table_floor_set() - see that it has. A new default is there before the old one goes.
 *
 * Return: 0 or negative errno.
 */
int table_floor_set(uint32_t table, const struct kernel_forwarding *forwarding, bool ipv6);

/** table_flush() - delete every route of ours from @table, of any type. Return: 0 or errno. */
int table_flush(uint32_t table);

#endif
