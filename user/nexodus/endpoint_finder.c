// SPDX-License-Identifier: Apache-2.0
#include "nexodus/endpoint_finder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nexodus/endpoint_list.h"

#define FIRST_STUN_MS 2500 /* a start is never held up longer than three seconds */
#define LATER_STUN_MS 5000
#define LOOK_MS ENDPOINT_FINDER_LOOK_MS
#define OTHER_WAY_LOOKS 3
#define WARNING_MAX 256

static const struct sockaddr_storage *local_of(const struct endpoint_finder *finder,
					       sa_family_t family)
{
	const struct sockaddr_storage *at =
		family == AF_INET ? &finder->local.ipv4 : &finder->local.ipv6;

	return family && at->ss_family == family ? at : NULL;
}

static sa_family_t server_family(const struct endpoint_finder *finder)
{
	return finder->events.server_family(finder->events.arg);
}

/* Where both families work it may be another one each time, which is no news. */
static void see_way(struct endpoint_finder *finder)
{
	sa_family_t family = server_family(finder);

	finder->n_other_way = family == finder->way ? 0 : finder->n_other_way + 1;
	if (finder->n_other_way >= OTHER_WAY_LOOKS)
		finder->way = family;
}

static void rebuild(struct endpoint_finder *finder)
{
	const struct account *account = finder->account;
	/* Devices compare and reach each other by IPv4. */
	struct endpoint_facts facts = { .port = account->listen_port,
					.local = local_of(finder, AF_INET)
							 ?: local_of(finder, AF_INET6) };
	struct json_object *list;
	struct prefix given;

	if (!local_of(finder, finder->way))
		finder->way = server_family(finder);
	facts.way = local_of(finder, finder->way);
	if (*account->local_endpoint && !prefix_parse(account->local_endpoint, &given))
		facts.local_ip = &given;
	if (finder->has_mapped) {
		facts.mapped = &finder->mapped;
		facts.server = finder->mapped_by;
	}
	if (endpoint_list_new(&facts, &list))
		return;
	json_object_put(finder->list);
	finder->list = list;
}

struct json_object *endpoint_finder_list(struct endpoint_finder *finder)
{
	if (finder->list)
		rebuild(finder); /* the server was reached meanwhile */
	return finder->list;
}

bool endpoint_finder_is_done(const struct endpoint_finder *finder)
{
	return finder->is_local_known && finder->is_mapped_known;
}

static void warn_once(struct endpoint_finder *finder, bool *has_warned, const char *text)
{
	if (!*has_warned)
		finder->events.on_warning(finder->events.arg, text);
	*has_warned = true;
}

static void warn_of_symmetric(struct endpoint_finder *finder)
{
	char text[WARNING_MAX];

	snprintf(text, sizeof(text),
		 "two STUN servers see this host differently: it is behind a symmetric NAT, and "
		 "most devices will not reach it; have UDP port %u forwarded to it",
		 finder->account->listen_port);
	warn_once(finder, &finder->has_warned_symmetric, text);
}

static void found(struct endpoint_finder *finder)
{
	if (!endpoint_finder_is_done(finder))
		return;
	see_way(finder);
	rebuild(finder);
	finder->events.on_known(finder->events.arg);
}

static void stun_done(void *arg, int err, const struct sockaddr_in *mapped, const char *server,
		      bool is_symmetric)
{
	struct endpoint_finder *finder = arg;

	finder->is_mapped_known = true;
	/*
	 * Servers that do not answer for once are no news of where we are; nor are those that see
	 * different ports, of whom each time another one answers first.
	 */
	if (!err && !(is_symmetric && finder->has_mapped &&
		      finder->mapped.sin_addr.s_addr == mapped->sin_addr.s_addr)) {
		finder->mapped = *mapped;
		snprintf(finder->mapped_by, sizeof(finder->mapped_by), "%s", server);
		finder->has_mapped = true;
	}
	if (err && !finder->has_mapped)
		warn_once(finder, &finder->has_warned_none,
			  "no STUN server answers: publishing the local address only");
	else if (!err && is_symmetric)
		warn_of_symmetric(finder);
	found(finder);
}

static void local_done(void *arg, int err, const struct sockaddr_storage *addresses, size_t n)
{
	struct endpoint_finder *finder = arg;
	struct local_addresses local;

	finder->local_request = NULL;
	finder->is_local_known = true;
	/* A name that only a proxy knows; or that is not known just now. */
	if (!err || (!finder->local.ipv4.ss_family && !finder->local.ipv6.ss_family)) {
		local_addresses(addresses, err ? 0 : n, &local);
		if (local.ipv4.ss_family || local.ipv6.ss_family)
			finder->local = local;
	}
	found(finder);
}

/* Without brackets and port. */
static void api_host(const struct account *account, char host[static SERVICE_URL_MAX])
{
	bool has_brackets = account->api[strlen("https://")] == '[';

	snprintf(host, SERVICE_URL_MAX, "%s", account->api + strlen("https://") + has_brackets);
	host[strcspn(host, has_brackets ? "]" : ":/")] = '\0';
}

static void look_for_local(struct endpoint_finder *finder)
{
	char host[SERVICE_URL_MAX];

	if (finder->local_request)
		return;
	api_host(finder->account, host);
	if (resolve_start(finder->loop, host, local_done, finder, &finder->local_request))
		finder->is_local_known = true;
}

static void look(struct endpoint_finder *finder, uint32_t limit_ms)
{
	timer_arm_hurried(&finder->look, LOOK_MS);
	if (finder->stun && stun_probe_start(finder->stun, limit_ms, stun_done, finder))
		finder->is_mapped_known = true;
	look_for_local(finder);
}

void endpoint_finder_again(struct endpoint_finder *finder)
{
	if (finder->list || finder->local_request)
		return;
	finder->is_local_known = false;
	look_for_local(finder);
}

/* Whatever has been waited for has had its time. */
static void on_first_look(void *arg)
{
	struct endpoint_finder *finder = arg;

	finder->is_local_known = finder->is_mapped_known = true;
	found(finder);
}

static void on_look(void *arg)
{
	on_first_look(arg);
	look(arg, LATER_STUN_MS);
}

int endpoint_finder_start(struct endpoint_finder *finder, struct loop *loop,
			  const struct account *account, int stun_fd,
			  const struct endpoint_finder_events *events)
{
	const char *servers[STUN_SERVERS_MAX];

	*finder = (struct endpoint_finder){
		.events = *events, .account = account, .loop = loop, .stun_fd = stun_fd
	};
	for (uint32_t i = 0; i < account->n_stun_servers; i++)
		servers[i] = account->stun_servers[i];
	if (stun_fd >= 0 && account->n_stun_servers) {
		finder->stun = stun_probe_new(loop, stun_fd, account->listen_port, servers,
					      account->n_stun_servers);
		if (!finder->stun)
			return -ENOMEM;
		finder->stun_fd = -1;
	}
	timer_init(&finder->look, loop, on_look, finder);
	timer_init(&finder->first_look, loop, on_first_look, finder);
	finder->is_mapped_known = !finder->stun;
	timer_arm(&finder->first_look, FIRST_STUN_MS + 500);
	look(finder, FIRST_STUN_MS);
	return 0;
}

void endpoint_finder_stop(struct endpoint_finder *finder)
{
	if (!finder->loop)
		return;
	resolve_cancel(finder->local_request);
	stun_probe_free(finder->stun);
	if (finder->stun_fd >= 0)
		close(finder->stun_fd);
	timer_stop(&finder->look);
	timer_stop(&finder->first_look);
	json_object_put(finder->list);
	*finder = (struct endpoint_finder){};
}
