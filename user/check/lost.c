// SPDX-License-Identifier: Apache-2.0
#include "check/lost.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check/nat.h"
#include "tunnel/tunnel_routes.h"

int lost_networks(const char *ifname, const struct kernel_forwarding *forwarding, struct lost *ret)
{
	AUTO(local_networks_done) struct local_networks networks = {};
	int err = local_networks_read(ifname, &networks);

	if (err)
		return err;
	*ret = (struct lost){ .forwarding = *forwarding };
	for (size_t i = 0; i < networks.n; i++) {
		if (kernel_forwarding_covers(forwarding, &networks.at[i].net))
			continue;
		if (ret->n_networks < LOST_MAX)
			ret->networks[ret->n_networks++] = networks.at[i];
		else
			ret->n_more_networks++;
	}
	return 0;
}

static void take_nat(enum nat_kind kind, const struct prefix *to, const char *what, void *data)
{
	struct lost *lost = data;
	struct lost_nat *nat;

	if (lost->n_nats == LOST_MAX) {
		lost->n_more_nats++;
		return;
	}
	nat = &lost->nats[lost->n_nats++];
	*nat = (struct lost_nat){ .is_dnat = kind == NAT_DNAT };
	if (to)
		nat->to = *to;
	snprintf(nat->what, sizeof(nat->what), "%s", what);
}

/* All addresses of this host as hosts, those of @ifindex first. Return: NULL without memory. */
static struct prefix *own_addresses(uint32_t ifindex, const struct link_addr *addrs, size_t n,
				    size_t *ret_n_tunnel)
{
	struct prefix *own = calloc(n + 1, sizeof(*own));
	size_t used = 0;

	for (int is_other = 0; own && is_other < 2; is_other++) {
		for (size_t i = 0; i < n; i++) {
			if ((addrs[i].ifindex != ifindex) != is_other)
				continue;
			own[used] = addrs[i].addr;
			own[used].bits = own[used].family == PREFIX_IPV4 ? 32 : 128;
			used++;
		}
		if (!is_other)
			*ret_n_tunnel = used;
	}
	return own;
}

int lost_nats(const char *ifname, const struct ruleset *ruleset, struct lost *lost)
{
	AUTO(local_networks_done) struct local_networks networks = {};
	AUTO(tunnel_routes_done) struct tunnel_routes routes = {};
	auto_free struct link_addr *addrs = NULL;
	auto_free struct prefix *own = NULL;
	struct nat_host host = { .ifname = ifname, .forwarding = &lost->forwarding };
	struct link link = {};
	int err = local_networks_read(ifname, &networks) ?: link_addrs(&addrs, &host.n_own);

	if (!err && !link_get(ifname, &link))
		err = tunnel_routes_read(tunnel_table(ifname), link.ifindex, &routes);
	if (!err) {
		own = own_addresses(link.ifindex, addrs, host.n_own, &host.n_tunnel);
		err = own ? 0 : -ENOMEM;
	}
	if (err)
		return err;
	host.networks = &networks;
	host.own = own;
	host.devices = routes.ours;
	host.n_devices = routes.n_ours;
	nat_lost(ruleset, &host, take_nat, lost);
	return 0;
}

/* Return: whether there is room. */
static bool add_to(struct prefix_list *list, const struct prefix *prefix)
{
	if (prefix_list_covers(list, prefix))
		return true;
	if (list->n == PREFIX_LIST_MAX)
		return false;
	list->at[list->n++] = *prefix;
	return true;
}

const char *lost_line(const struct lost *lost, bool networks, bool nats,
		      char line[static LOST_LINE_MAX])
{
	struct prefix_list list = lost->forwarding.to;
	bool has_room = !lost->forwarding.all && !(networks && lost->n_more_networks) &&
			!(nats && lost->n_more_nats);
	char text[PREFIX_TEXT_MAX];
	size_t len;

	for (size_t i = 0; networks && i < lost->n_networks; i++)
		has_room = has_room && add_to(&list, &lost->networks[i].net);
	for (size_t i = 0; nats && i < lost->n_nats; i++)
		has_room =
			has_room && (!lost->nats[i].to.family || add_to(&list, &lost->nats[i].to));
	if (!has_room || list.n == lost->forwarding.to.n) {
		snprintf(line, LOST_LINE_MAX, LOST_ALL_LINE);
		return line;
	}
	len = snprintf(line, LOST_LINE_MAX, "kernel-forwarding = ");
	for (size_t i = 0; i < list.n; i++)
		len += snprintf(line + len, LOST_LINE_MAX - len, "%s%s", i ? "," : "",
				prefix_format(&list.at[i], text));
	return line;
}

bool lost_needs_all(const struct lost *lost)
{
	for (size_t i = 0; i < lost->n_nats; i++)
		if (!lost->nats[i].to.family)
			return true;
	return false;
}

const char *lost_describe(const struct lost *lost, char text[static LOST_LINE_MAX])
{
	size_t shown = lost->n_networks < LOST_SHOWN ? lost->n_networks : LOST_SHOWN, len = 0;
	char net[PREFIX_TEXT_MAX];

	text[0] = '\0';
	for (size_t i = 0; i < shown; i++)
		len += snprintf(text + len, LOST_LINE_MAX - len, "%s%s (%s)", i ? ", " : "",
				prefix_format(&lost->networks[i].net, net),
				lost->networks[i].ifname);
	if (lost->n_networks + lost->n_more_networks > shown)
		snprintf(text + len, LOST_LINE_MAX - len, " and %zu more",
			 lost->n_networks + lost->n_more_networks - shown);
	return text;
}
