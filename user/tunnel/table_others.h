/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table_others.h - routes of a tunnel's own table that lead elsewhere than into the tunnel, beside
 * those of table_floor.h: by one of them spokes get where nobody has let them.
 */
#ifndef TUNNEL_TABLE_OTHERS_H
#define TUNNEL_TABLE_OTHERS_H

#include <stddef.h>
#include <stdint.h>

#include "tunnel/route_message.h"

#define TABLE_OTHERS_COMMAND_MAX (PREFIX_TEXT_MAX + 96)

struct table_others {
	size_t n;
	struct route_message first;
};

/**
 * table_others_look() - which of them did other programs make? Those with our protocol are deleted.
 * @ifindex: the tunnel.
 * @ret:     set on success only.
 *
 * Return: 0 or negative errno.
 */
int table_others_look(uint32_t table, uint32_t ifindex, struct table_others *ret);

/** table_others_command() - the command that deletes @route, and no other. Return: @text. */
const char *table_others_command(const struct route_message *route,
				 char text[static TABLE_OTHERS_COMMAND_MAX]);

#endif
