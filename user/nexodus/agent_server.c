// SPDX-License-Identifier: Apache-2.0
/*
 * agent_server.c - the addresses that requests of ours go to, a proxy's among them: the node, which
 * makes the routes, is told of each before the first packet goes there.
 */
#include <netinet/in.h>
#include <string.h>

#include "nexodus/agent_private.h"

/* An IPv4-mapped address is the IPv4 one that the packets go to. Return: is it one of IP? */
static bool to_prefix(const struct sockaddr *at, struct prefix *ret)
{
	const struct sockaddr_in6 *in6 = (const void *)at;
	const struct sockaddr_in *in = (const void *)at;
	bool is_mapped = at->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);

	*ret = (struct prefix){ .family = PREFIX_IPV4, .bits = 32 };
	if (is_mapped) {
		memcpy(ret->addr, &in6->sin6_addr.s6_addr[12], sizeof(in->sin_addr));
	} else if (at->sa_family == AF_INET) {
		memcpy(ret->addr, &in->sin_addr, sizeof(in->sin_addr));
	} else if (at->sa_family == AF_INET6) {
		*ret = (struct prefix){ .family = PREFIX_IPV6, .bits = 128 };
		memcpy(ret->addr, &in6->sin6_addr, sizeof(in6->sin6_addr));
	} else {
		return false;
	}
	return true;
}

void agent_server(void *arg, const struct sockaddr *at)
{
	struct agent *agent = arg;
	struct border_record *record;
	struct prefix server;

	if (!to_prefix(at, &server))
		return;
	for (size_t i = 0; i < agent->n_servers; i++)
		if (!prefix_compare(&agent->servers[i], &server))
			return;
	if (agent->n_servers < BORDER_SERVERS_MAX)
		agent->n_servers++;
	memmove(&agent->servers[1], &agent->servers[0],
		(agent->n_servers - 1) * sizeof(agent->servers[0]));
	agent->servers[0] = server;
	record = border_batch_next(&agent->batch, BORDER_SERVER);
	if (record)
		record->server = server;
	agent_flush(agent);
}
