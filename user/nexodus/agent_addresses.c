// SPDX-License-Identifier: Apache-2.0
/*
 * agent_addresses.c - whom we talk to. A device may advertise a network that any of them is in; the
 * node does not route it into the tunnel when it knows. So it is told of each address before the
 * first packet goes there, and of name servers before they are asked: until it has answered, names
 * are held.
 *
 * Where the api-server was is also what keeps us with it while no name server answers.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file_text.h"
#include "nexodus/agent_private.h"

#define HOLD_MS 10000 /* a node that takes longer is busy: what fails is tried again */
/*
 * No connection is older than an hour, when the list is asked for anew: one of which the address
 * was not found again for longer is not in use.
 */
#define USED_MS 3900000
#define AFTER_MS 3000 /* longer than the first of two name servers may be silent */
#define HURRIED_AFTER_MS 500
#define KEEP_MS 600000 /* a name whose addresses change all the time is not written that often */

void agent_api_host(const struct agent *agent, char host[static SERVICE_URL_MAX])
{
	char *end;

	snprintf(host, SERVICE_URL_MAX, "%s", agent->account.api + strlen("https://"));
	end = *host == '[' ? strchr(host, ']') : NULL;
	end = strchr(end ?: host, ':');
	if (end)
		*end = '\0';
}

static bool has(const struct prefix *addresses, size_t n, const struct prefix *address)
{
	for (size_t i = 0; i < n; i++)
		if (!prefix_compare(&addresses[i], address))
			return true;
	return false;
}

static void collect(const struct agent *agent, struct border_addresses *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < agent->n_servers; i++)
		address_book_add(ret, &agent->servers[i]);
	for (size_t i = 0; i < agent->n_uplinks; i++)
		address_book_add(ret, &agent->servers[NAME_SERVERS_MAX + i]);
	for (size_t i = 0; i < agent->book.n; i++)
		address_book_add(ret, &agent->book.entries[i].at);
}

static void hold(struct agent *agent)
{
	struct timeval limit = { .tv_sec = HOLD_MS / 1000 };

	names_hold(agent->names, true);
	evtimer_add(agent->hold_limit, &limit);
}

static void on_hold_limit(evutil_socket_t fd, short what, void *arg)
{
	struct agent *agent = arg;

	(void)fd, (void)what;
	names_hold(agent->names, false);
}

void agent_spared(struct agent *agent, uint32_t number)
{
	if (number != agent->told_number)
		return; /* the answer to the newest is still to come */
	evtimer_del(agent->hold_limit);
	names_hold(agent->names, false);
}

/* Tell the node, if that is news; wait for its answer, if there is a new one among them. */
static void tell(struct agent *agent)
{
	struct border_addresses set;
	bool is_more = false;

	if (!agent->tells_addresses)
		return;
	address_book_forget(&agent->book, agent_now() - agent_ms(agent, USED_MS));
	collect(agent, &set);
	for (size_t i = 0; i < set.n && !is_more; i++)
		is_more = !has(agent->told.at, agent->told.n, &set.at[i]);
	if (!is_more && set.n == agent->told.n)
		return;
	agent->told = set;
	(void)border_addresses_send(&agent->batch, &set, ++agent->told_number);
	agent_flush(agent);
	if (is_more)
		hold(agent);
}

static size_t take_servers(const struct sockaddr_storage *from, size_t n, struct prefix *to)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		kept += address_book_prefix(&from[i], &to[kept]);
	return kept;
}

static void on_servers(void *arg, const struct sockaddr_storage *servers, size_t n)
{
	struct agent *agent = arg;

	agent->n_servers = take_servers(servers, n, agent->servers);
	tell(agent);
}

void agent_addresses_uplinks(struct agent *agent, int fd)
{
	struct name_servers servers;
	auto_free char *text = NULL;

	if (file_text_read(fd, NAMES_FILE_BYTES_MAX, &text))
		return;
	resolv_conf_parse(text, &servers);
	agent->n_uplinks = take_servers(servers.at, servers.n, agent->servers + NAME_SERVERS_MAX);
	tell(agent);
}

static struct sockaddr_storage to_sockaddr(const struct prefix *address)
{
	struct sockaddr_storage at = {};

	if (address->family == PREFIX_IPV4) {
		struct sockaddr_in v4 = { .sin_family = AF_INET };

		memcpy(&v4.sin_addr, address->addr, sizeof(v4.sin_addr));
		memcpy(&at, &v4, sizeof(v4));
	} else {
		struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

		memcpy(&v6.sin6_addr, address->addr, sizeof(v6.sin6_addr));
		memcpy(&at, &v6, sizeof(v6));
	}
	return at;
}

/* They are used when no name server answers: who is there has to prove its name anyway. */
static void remember(struct agent *agent, const struct prefix *addresses, size_t n)
{
	unsigned int after_ms = agent_ms(agent, AFTER_MS);
	struct sockaddr_storage at[NAMES_ADDRESSES_MAX];
	char api[SERVICE_URL_MAX];

	for (size_t i = 0; i < n; i++)
		at[i] = to_sockaddr(&addresses[i]);
	agent_api_host(agent, api);
	names_remember(agent->names, api, at, n,
		       after_ms > HURRIED_AFTER_MS ? after_ms : HURRIED_AFTER_MS);
}

static void on_remembered(void *arg)
{
	struct agent *agent = arg;
	char api[SERVICE_URL_MAX];

	agent_api_host(agent, api);
	border_batch_text(
		&agent->batch, BORDER_WARNING,
		"no name server answers for %s; continuing with the addresses that it had", api);
	agent_flush(agent);
}

/* The api-server's, for the next run: the new ones before those that were there. */
static void keep(struct agent *agent, const struct prefix *addresses, size_t n)
{
	struct saved_state *saved = &agent->saved;
	struct prefix now[2 * NAMES_ADDRESSES_MAX];
	size_t n_now = n, n_before = saved->n_addresses;
	bool is_new = false;

	for (size_t i = 0; i < n; i++)
		is_new = is_new || !has(saved->addresses, n_before, &addresses[i]);
	if (!is_new)
		return;
	memcpy(now, addresses, n * sizeof(*addresses));
	for (size_t i = 0; i < n_before; i++)
		if (!has(addresses, n, &saved->addresses[i]))
			now[n_now++] = saved->addresses[i];
	saved->n_addresses = n_now < NAMES_ADDRESSES_MAX ? n_now : NAMES_ADDRESSES_MAX;
	memcpy(saved->addresses, now, saved->n_addresses * sizeof(now[0]));
	if (!*saved->device_id ||
	    (agent->kept_at && agent_now() - agent->kept_at < agent_ms(agent, KEEP_MS)))
		return; /* it goes with what is kept next */
	agent->kept_at = agent_now();
	agent_keep(agent);
}

static void on_found(void *arg, const char *host, const struct sockaddr_storage *addresses,
		     size_t n)
{
	struct prefix found[NAMES_ADDRESSES_MAX];
	struct agent *agent = arg;
	char api[SERVICE_URL_MAX];
	size_t n_found = take_servers(addresses, n, found);

	for (size_t i = 0; i < n_found; i++)
		address_book_note(&agent->book, &found[i], agent_now());
	tell(agent);
	agent_api_host(agent, api);
	if (strcmp(api, host) != 0)
		return;
	remember(agent, found, n_found); /* the others it may have no more */
	keep(agent, found, n_found);
}

void agent_addresses_tell(struct agent *agent)
{
	if (agent->tells_addresses)
		return;
	for (size_t i = agent->saved.n_addresses; i > 0; i--)
		address_book_note(&agent->book, &agent->saved.addresses[i - 1], agent_now());
	agent->tells_addresses = true;
	remember(agent, agent->saved.addresses, agent->saved.n_addresses);
	tell(agent);
}

int agent_addresses_new(struct agent *agent)
{
	const struct names_watch watch = { on_servers, on_found, on_remembered, agent };

	names_set_watch(agent->names, &watch);
	agent->hold_limit = evtimer_new(agent->base, on_hold_limit, agent);
	return agent->hold_limit ? 0 : -ENOMEM;
}

void agent_addresses_free(struct agent *agent)
{
	if (agent->hold_limit)
		event_free(agent->hold_limit);
}
