/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun_servers.h - the text of --stun-server: "host:port", with commas or blanks between.
 */
#ifndef CMD_STUN_SERVERS_H
#define CMD_STUN_SERVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "nexodus/stun_probe.h"

/**
 * stun_servers_parse() - the servers of a list: host names or IPv4 addresses with a port (STUN is
 * asked over IPv4), no two alike.
 * @ret:     room for the most there may be; also written on failure.
 * @ret_n:   how many, may be none.
 * @ret_why: a static text that says what is wrong; set on failure only.
 *
 * Return: 0; -EINVAL.
 */
int stun_servers_parse(const char *text, char ret[static STUN_SERVERS_MAX][STUN_SERVER_MAX],
		       size_t *ret_n, const char **ret_why);

#endif
