// SPDX-License-Identifier: Apache-2.0
/* tunnel_routes.c - add and remove the routes that lead into the tunnel. */
#include "tunnel/tunnel_routes.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tunnel/nl_batch.h"
#include "tunnel/tunnel_routes_list.h"

enum state {
	OPEN = 0, /* still to be made or removed */
	TAKEN,    /* there is a route already, whoever's */
	REFUSED,  /* it is somebody else's */
	SETTLED,  /* nothing is left to do, or it failed */
};

/* One pass over the open routes. */
struct pass {
	uint32_t table, ifindex;
	uint16_t type;    /* RTM_NEWROUTE, RTM_DELROUTE */
	uint16_t flags;   /* NLM_F_* */
	uint8_t family;   /* of those to be looked at; 0 for both */
	uint8_t protocol; /* 0: of a route to remove, any */
	uint32_t metric;  /* 0: none is named */
	const struct prefix *to;
	uint8_t *state; /* enum state */
	size_t n;
	size_t failed; /* the first route that did; n when none has */
	int err;       /* of that one */
};

static void note_failure(struct pass *pass, size_t i, int err)
{
	pass->state[i] = SETTLED;
	if (i >= pass->failed)
		return;
	pass->failed = i;
	pass->err = err;
}

static bool fill_route(struct nlmsghdr *msg, size_t i, void *data)
{
	const struct pass *pass = data;
	const struct prefix *to = &pass->to[i];
	bool is_ipv4 = to->family == PREFIX_IPV4;
	struct rtmsg *head;

	if (pass->state[i] != OPEN || (pass->family && pass->family != to->family))
		return false;
	msg->nlmsg_type = pass->type;
	msg->nlmsg_flags = pass->flags;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->rtm_family = is_ipv4 ? AF_INET : AF_INET6;
	head->rtm_dst_len = to->bits;
	head->rtm_protocol = pass->protocol;
	head->rtm_type = RTN_UNICAST;
	if (pass->type == RTM_DELROUTE)
		head->rtm_scope = RT_SCOPE_NOWHERE; /* any */
	else
		head->rtm_scope = is_ipv4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put(msg, RTA_DST, is_ipv4 ? 4 : 16, to->addr);
	mnl_attr_put_u32(msg, RTA_TABLE, pass->table);
	mnl_attr_put_u32(msg, RTA_OIF, pass->ifindex);
	if (pass->metric)
		mnl_attr_put_u32(msg, RTA_PRIORITY, pass->metric);
	return true;
}

static int run(struct pass *pass, nl_result result)
{
	return nl_batch(NETLINK_ROUTE, pass->n, fill_route, result, pass);
}

static void begin(struct pass *pass)
{
	pass->failed = pass->n;
	for (size_t i = 0; i < pass->n; i++)
		if ((!pass->to[i].bits && pass->table == RT_TABLE_MAIN &&
		     pass->type == RTM_NEWROUTE) ||
		    prefix_check(&pass->to[i]))
			note_failure(pass, i, -EINVAL);
}

static void on_probed(size_t i, int err, void *data)
{
	struct pass *pass = data;

	if (err == -EEXIST)
		pass->state[i] = TAKEN;
	else if (err != -ENOENT)
		note_failure(pass, i, err ?: -EPROTO);
}

static void on_added(size_t i, int err, void *data)
{
	struct pass *pass = data;

	if (!err)
		pass->state[i] = SETTLED;
	else if (err == -EEXIST)
		pass->state[i] = TAKEN;
	else
		note_failure(pass, i, err);
}

static void on_removed(size_t i, int err, void *data)
{
	struct pass *pass = data;

	if (err && err != -ESRCH && err != -ENOENT)
		note_failure(pass, i, err);
}

/* Whose are the routes that are in the way? @beside: what becomes of one beside the kernel's. */
static int judge_taken(struct pass *pass, enum state beside)
{
	AUTO(routes_into_done) struct routes_into routes = {};
	size_t n_taken = 0;
	int err;

	for (size_t i = 0; i < pass->n; i++)
		n_taken += pass->state[i] == TAKEN;
	if (!n_taken)
		return 0;
	err = routes_into_read(pass->table, pass->ifindex, &routes);
	if (err)
		return err;
	for (size_t i = 0; i < pass->n; i++) {
		if (pass->state[i] != TAKEN)
			continue;
		if (routes_into_has(&routes, ROUTE_OURS, &pass->to[i]))
			pass->state[i] = SETTLED;
		else if (routes_into_has(&routes, ROUTE_CONNECTED, &pass->to[i]))
			pass->state[i] = beside;
		else
			pass->state[i] = REFUSED;
	}
	return 0;
}

/*
 * Without NLM_F_CREATE, IPv4 only says whether there is a route of that metric: -EEXIST or -ENOENT.
 * (IPv6 makes one all the same.)
 */
static int probe(struct pass *pass)
{
	if (pass->table != RT_TABLE_MAIN)
		return 0;
	pass->family = PREFIX_IPV4;
	pass->flags = NLM_F_EXCL;
	pass->metric = 0;
	return run(pass, on_probed) ?: judge_taken(pass, OPEN);
}

static int add(struct pass *pass)
{
	pass->family = 0;
	pass->flags = NLM_F_CREATE | NLM_F_EXCL;
	pass->metric = TUNNEL_ROUTE_METRIC;
	return run(pass, on_added) ?: judge_taken(pass, SETTLED);
}

int tunnel_routes_add(uint32_t table, uint32_t ifindex, const struct prefix *to, size_t n,
		      bool *refused)
{
	auto_free uint8_t *state = calloc(n ?: 1, sizeof(*state));
	struct pass pass = {
		.table = table,
		.ifindex = ifindex,
		.type = RTM_NEWROUTE,
		.protocol = TUNNEL_ROUTE_PROTOCOL,
		.to = to,
		.state = state,
		.n = n,
	};
	int err;

	if (!state)
		return -ENOMEM;
	begin(&pass);
	err = probe(&pass) ?: add(&pass);
	for (size_t i = 0; refused && i < n; i++)
		refused[i] = state[i] == REFUSED;
	return err ?: pass.err;
}

static int remove_all(uint32_t table, uint32_t ifindex, uint8_t protocol, const struct prefix *to,
		      size_t n)
{
	auto_free uint8_t *state = calloc(n ?: 1, sizeof(*state));
	struct pass pass = {
		.table = table,
		.ifindex = ifindex,
		.type = RTM_DELROUTE,
		.protocol = protocol,
		.to = to,
		.state = state,
		.n = n,
	};

	if (!state)
		return -ENOMEM;
	begin(&pass);
	return run(&pass, on_removed) ?: pass.err;
}

int tunnel_routes_remove(uint32_t table, uint32_t ifindex, const struct prefix *to, size_t n)
{
	return remove_all(table, ifindex, TUNNEL_ROUTE_PROTOCOL, to, n);
}

int tunnel_routes_take(uint32_t ifindex, const struct prefix *to, size_t n)
{
	return remove_all(RT_TABLE_MAIN, ifindex, RTPROT_UNSPEC, to, n);
}

uint32_t tunnel_table(const char *ifname)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *ifname; ifname++)
		hash = (hash ^ (uint8_t)*ifname) * 16777619u;
	return TUNNEL_TABLE_FIRST + hash % TUNNEL_TABLES;
}
