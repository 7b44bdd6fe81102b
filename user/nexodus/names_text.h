/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names_text.h - what resolv.conf(5) and hosts(5) say, and what a host name looks like.
 *
 * inet_pton(3), and nothing that asks the system: getaddrinfo(3) and its kin open files.
 */
#ifndef NEXODUS_NAMES_TEXT_H
#define NEXODUS_NAMES_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define NAME_SERVERS_MAX 3 /* as resolv.conf(5) has it */
#define HOST_NAME_ROOM 254 /* bytes of a name without the dot at its end, NUL included */

struct name_servers {
	struct sockaddr_storage at[NAME_SERVERS_MAX];
	size_t n;
	int timeout_s; /* of one question to one server */
	int attempts;  /* rounds through all servers */
};

/**
 * resolv_conf_parse() - `nameserver` lines and `options timeout: attempts:`.
 * @text: changed while it is read.
 *
 * A server that cannot be understood is passed over; without any: 127.0.0.1. The zone of a
 * link-local address may be the name of an interface.
 */
void resolv_conf_parse(char *text, struct name_servers *ret_servers);

/**
 * hosts_find() - the addresses of @host in the text of hosts(5), in its order.
 * @family: AF_INET or AF_INET6.
 *
 * Return: number of addresses written to @ret, at most @max.
 */
size_t hosts_find(const char *text, const char *host, int family, struct sockaddr_storage *ret,
		  size_t max);

/** address_parse() - an IPv4 or IPv6 address, without zone. Return: 0; -EINVAL. */
int address_parse(const char *text, struct sockaddr_storage *ret);

/**
 * host_name_normalize() - @host without brackets, and without the dot at its end.
 *
 * Return: 0; -EINVAL for what can be neither a name nor an address.
 */
int host_name_normalize(const char *host, char ret[static HOST_NAME_ROOM]);

#endif
