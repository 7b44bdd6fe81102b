// SPDX-License-Identifier: Apache-2.0
#include "cmd/stun_servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS ", \t"
#define LABEL_MAX 63 /* RFC 1035, 2.3.4 */
#define HOST_MAX 253
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_port(const char *text)
{
	size_t len = strspn(text, DIGITS);
	unsigned long port;

	if (!len || len > 5 || text[len])
		return false;
	port = strtoul(text, NULL, 10);
	return port >= 1 && port <= UINT16_MAX;
}

/* Labels of letters, digits, hyphens and underscores, with a dot between each two. */
static bool is_host_name(const char *host)
{
	if (strlen(host) > HOST_MAX)
		return false;
	for (;;) {
		size_t len = strspn(host, LETTERS DIGITS "-_");

		if (!len || len > LABEL_MAX || host[0] == '-' || host[len - 1] == '-')
			return false;
		if (!host[len])
			return true;
		if (host[len] != '.')
			return false;
		host += len + 1;
	}
}

/* What is made of digits and dots alone is an address, or it is nothing. */
static bool is_host(const char *host)
{
	struct in_addr addr;

	if (host[strspn(host, DIGITS ".")])
		return is_host_name(host);
	return inet_pton(AF_INET, host, &addr) == 1 && addr.s_addr != INADDR_ANY;
}

static bool is_server(const char *server)
{
	char host[STUN_SERVER_MAX] = "";
	const char *colon = strchr(server, ':');

	if (!colon || !is_port(colon + 1))
		return false;
	memcpy(host, server, colon - server);
	return is_host(host);
}

static bool is_among(const char *server, char servers[][STUN_SERVER_MAX], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcasecmp(server, servers[i]))
			return true;
	return false;
}

/* Return: what is wrong with the next server, of @len bytes, or NULL. */
static const char *add(const char *text, size_t len, char servers[][STUN_SERVER_MAX], size_t n)
{
	if (n == STUN_SERVERS_MAX)
		return "names more than 8 servers";
	if (len >= STUN_SERVER_MAX)
		return "has a name in it that is too long";
	memset(servers[n], 0, STUN_SERVER_MAX);
	memcpy(servers[n], text, len);
	if (!is_server(servers[n]))
		return "must be HOST:PORT, with a host name or an IPv4 address";
	/* The same server twice says nothing about the NAT. */
	return is_among(servers[n], servers, n) ? "names a server twice" : NULL;
}

int stun_servers_parse(const char *text, char ret[static STUN_SERVERS_MAX][STUN_SERVER_MAX],
		       size_t *ret_n, const char **ret_why)
{
	const char *why;
	size_t n = 0, len;

	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		len = strcspn(text, SEPARATORS);
		why = add(text, len, ret, n++);
		if (why) {
			*ret_why = why;
			return -EINVAL;
		}
		text += len;
	}
	*ret_n = n;
	return 0;
}

_Static_assert(STUN_SERVERS_MAX == 8, "said in a message");
