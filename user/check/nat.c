// SPDX-License-Identifier: Apache-2.0
#include "check/nat.h"

#include <stdio.h>
#include <string.h>

#include "base/json_member.h"
#include "check/nft_walk.h"
#include "check/xt_nat.h"

#define TEXT_MAX 512
#define SOURCES_MAX 16 /* of one rule; more are not told apart */
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

struct telling {
	const struct nat_host *host;
	nat_tell tell;
	void *data;
};

/* Networks that a rule asks the source, or the destination, to be in. */
struct nets {
	struct prefix at[SOURCES_MAX];
	size_t n;
	bool any; /* others as well, or it is not known */
};

static bool overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_covers(a, b) || prefix_covers(b, a);
}

static bool overlaps_any(const struct nets *nets, const struct prefix *prefix)
{
	for (size_t i = 0; i < nets->n; i++)
		if (overlap(&nets->at[i], prefix))
			return true;
	return nets->any;
}

/* "10.0.0.1", or {"prefix": {"addr": "10.0.0.0", "len": 8}}. Return: whether it is one. */
static bool read_net(struct json_object *value, struct prefix *ret)
{
	struct json_object *net = json_member(value, "prefix");
	char text[PREFIX_TEXT_MAX];

	if (!net)
		return json_object_is_type(value, json_type_string) &&
		       !prefix_parse(json_object_get_string(value), ret);
	snprintf(text, sizeof(text), "%s/%d", ruleset_text(net, "addr"),
		 json_object_get_int(json_member(net, "len")));
	return !prefix_parse(text, ret);
}

static void add_net(struct json_object *value, struct nets *nets)
{
	if (nets->n < SOURCES_MAX && read_net(value, &nets->at[nets->n]))
		nets->n++;
	else
		nets->any = true;
}

static void add_nets(struct json_object *right, struct nets *nets)
{
	struct json_object *set = json_member(right, "set");

	if (!json_object_is_type(set, json_type_array)) {
		add_net(right, nets);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(set); i++)
		add_net(json_object_array_get_idx(set, i), nets);
}

/* What @rule asks of "saddr" or "daddr". */
static struct nets read_nets(const struct nft_rule *rule, const char *field)
{
	static const char *const protocols[] = { "ip", "ip6" };
	struct nets nets = {};

	for (size_t i = 0; rule->expr && i < json_object_array_length(rule->expr); i++)
		for (size_t p = 0; p < LENGTH(protocols); p++) {
			const char *op;
			struct json_object *right = nft_rule_match(
				json_object_array_get_idx(rule->expr, i), protocols[p], field, &op);

			if (right && !strcmp(op, "=="))
				add_nets(right, &nets);
		}
	if (!nets.n)
		nets.any = true;
	return nets;
}

/* "tcp port 80", or nothing. */
static const char *describe_port(const struct nft_rule *rule, char text[static TEXT_MAX])
{
	static const char *const protocols[] = { "tcp", "udp", "sctp", "dccp", "th" };

	text[0] = '\0';
	for (size_t i = 0; rule->expr && i < json_object_array_length(rule->expr); i++)
		for (size_t p = 0; p < LENGTH(protocols); p++) {
			const char *op;
			struct json_object *right =
				nft_rule_match(json_object_array_get_idx(rule->expr, i),
					       protocols[p], "dport", &op);

			if (json_object_is_type(right, json_type_int) && !strcmp(op, "=="))
				snprintf(text, TEXT_MAX, " %s port %d", protocols[p],
					 json_object_get_int(right));
		}
	return text;
}

static bool is_in(const struct prefix *list, size_t n, const struct prefix *host)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].bits && prefix_covers(&list[i], host))
			return true;
	return false;
}

/* Does it reach what spokes send: is one of the tunnel's addresses its destination? */
static bool is_for_tunnel(const struct nat_host *host, const struct nets *to)
{
	for (size_t i = 0; i < host->n_tunnel; i++)
		if (overlaps_any(to, &host->own[i]))
			return true;
	return to->any || !host->n_tunnel;
}

static void tell_destination(const struct telling *telling, const struct nft_rule *rule,
			     const struct nets *before, const struct prefix *to)
{
	const struct nat_host *host = telling->host;
	const struct local_network *network = local_network_of(host->networks, to);
	char what[TEXT_MAX], port[TEXT_MAX], addr[PREFIX_TEXT_MAX], from[PREFIX_TEXT_MAX] = "";
	int to_port = json_object_get_int(json_member(rule->nat, "port"));
	char tail[16] = "";

	if (kernel_forwarding_covers(host->forwarding, to) || is_in(host->own, host->n_own, to) ||
	    is_in(host->devices, host->n_devices, to))
		return;
	if (before->n == 1 && !before->any)
		prefix_format_addr(&before->at[0], from);
	if (to_port)
		snprintf(tail, sizeof(tail), " port %d", to_port);
	snprintf(what, sizeof(what),
		 "DNAT of%s%s%s to %s%s (nftables table %s %s chain %s handle %llu)",
		 *from ? " " : "", from, describe_port(rule, port), prefix_format_addr(to, addr),
		 tail, rule->family, rule->table, rule->chain, (unsigned long long)rule->handle);
	telling->tell(NAT_DNAT, network ? &network->net : to, what, telling->data);
}

static void tell_unknown(const struct telling *telling, const struct nft_rule *rule)
{
	char what[TEXT_MAX];

	if (telling->host->forwarding->all)
		return;
	snprintf(
		what, sizeof(what),
		"DNAT to what cannot be seen (nftables table %s %s chain %s handle %llu: see `%s`)",
		rule->family, rule->table, rule->chain, (unsigned long long)rule->handle,
		!rule->is_xt                   ? "nft list ruleset"
		: !strcmp(rule->family, "ip6") ? "ip6tables-save -t nat"
					       : "iptables-save -t nat");
	telling->tell(NAT_DNAT, NULL, what, telling->data);
}

/* An address, a network, {"range": [..]}, {"map": {"data": {"set": [[key, address], ..]}}}. */
static bool tell_addresses(const struct telling *telling, const struct nft_rule *rule,
			   const struct nets *before, struct json_object *addr)
{
	struct json_object *range = json_member(addr, "range");
	struct json_object *set = json_member(json_member(json_member(addr, "map"), "data"), "set");
	struct prefix to;
	bool is_known = true;

	if (json_object_is_type(range, json_type_array))
		return tell_addresses(telling, rule, before, json_object_array_get_idx(range, 0));
	if (json_object_is_type(json_member(addr, "concat"), json_type_array))
		return tell_addresses(telling, rule, before,
				      json_object_array_get_idx(json_member(addr, "concat"), 0));
	if (!json_object_is_type(set, json_type_array)) {
		if (!read_net(addr, &to))
			return false;
		tell_destination(telling, rule, before, &to);
		return true;
	}
	for (size_t i = 0; i < json_object_array_length(set); i++) {
		struct json_object *pair = json_object_array_get_idx(set, i);
		struct json_object *value = json_object_is_type(pair, json_type_array)
						    ? json_object_array_get_idx(pair, 1)
						    : NULL;

		if (json_member(value, "map") || !tell_addresses(telling, rule, before, value))
			is_known = false;
	}
	return is_known;
}

static void visit_dnat(const struct nft_rule *rule, bool certain, void *data)
{
	const struct telling *telling = data;
	struct nets before = read_nets(rule, "daddr");
	struct prefix to;
	bool is_known;

	(void)certain;
	if (rule->verdict != NFT_DNATS || !is_for_tunnel(telling->host, &before))
		return;
	if (rule->is_xt) {
		is_known = !xt_nat_read(rule, &to);
		if (is_known)
			tell_destination(telling, rule, &before, &to);
	} else {
		if (!json_member(rule->nat, "addr"))
			return; /* another port of the same address */
		is_known = tell_addresses(telling, rule, &before, json_member(rule->nat, "addr"));
	}
	if (!is_known)
		tell_unknown(telling, rule);
}

static bool is_of_family(const struct nft_rule *rule, const struct prefix *net)
{
	if (!strcmp(rule->family, "inet"))
		return true;
	return !strcmp(rule->family, "ip") == (net->family == PREFIX_IPV4);
}

/* Does the rule ask for another interface than @ifname to come from? */
static bool comes_from_another(const struct nft_rule *rule, const char *ifname)
{
	const struct nft_path path = { ifname, NFT_TUNNEL, NFT_UNKNOWN };

	return nft_rule_interfaces(rule, &path) == NFT_NO;
}

static void tell_source(const struct telling *telling, const struct nft_rule *rule,
			const struct prefix *net)
{
	char what[TEXT_MAX], text[PREFIX_TEXT_MAX];

	if (kernel_forwarding_covers(telling->host->forwarding, net))
		return;
	snprintf(
		what, sizeof(what),
		"masquerade of %s: spokes' answers no longer get there (nftables table %s %s chain "
		"%s handle %llu)",
		prefix_format(net, text), rule->family, rule->table, rule->chain,
		(unsigned long long)rule->handle);
	telling->tell(NAT_MASQUERADE, net, what, telling->data);
}

static bool is_of_tunnel(const struct nat_host *host, const struct prefix *net)
{
	for (size_t i = 0; i < host->n_tunnel; i++)
		if (overlap(net, &host->own[i]))
			return true;
	for (size_t i = 0; i < host->n_devices; i++)
		if (host->devices[i].bits && overlap(net, &host->devices[i]))
			return true;
	return false;
}

/* Others' packets into the tunnel: who sends them? */
static void visit_into_tunnel(const struct nft_rule *rule, bool certain, void *data)
{
	const struct telling *telling = data;
	const struct local_networks *networks = telling->host->networks;
	struct nets from = read_nets(rule, "saddr");

	(void)certain;
	if (rule->verdict != NFT_SNATS)
		return;
	for (size_t i = 0; i < networks->n; i++)
		if (is_of_family(rule, &networks->at[i].net) &&
		    overlaps_any(&from, &networks->at[i].net) &&
		    !comes_from_another(rule, networks->at[i].ifname))
			tell_source(telling, rule, &networks->at[i].net);
	/* Networks behind a router. */
	for (size_t i = 0; i < from.n; i++) {
		bool is_near = is_of_tunnel(telling->host, &from.at[i]);

		for (size_t j = 0; j < networks->n; j++)
			is_near = is_near || overlap(&from.at[i], &networks->at[j].net);
		if (!is_near)
			tell_source(telling, rule, &from.at[i]);
	}
}

/* Spokes' packets to elsewhere: they got out by it. */
static void visit_out_of_tunnel(const struct nft_rule *rule, bool certain, void *data)
{
	const struct telling *telling = data;
	struct nets from = read_nets(rule, "saddr");
	bool is_spokes = from.any;
	char what[TEXT_MAX];

	(void)certain;
	for (size_t i = 0; i < from.n; i++)
		is_spokes = is_spokes || is_of_tunnel(telling->host, &from.at[i]);
	if (rule->verdict != NFT_SNATS || !is_spokes)
		return;
	snprintf(
		what, sizeof(what),
		"masquerade of spokes: they no longer get out by it (nftables table %s %s chain %s "
		"handle %llu)",
		rule->family, rule->table, rule->chain, (unsigned long long)rule->handle);
	telling->tell(NAT_MASQUERADE, NULL, what, telling->data);
}

void nat_lost(const struct ruleset *ruleset, const struct nat_host *host, nat_tell tell, void *data)
{
	struct telling telling = { .host = host, .tell = tell, .data = data };
	struct nft_walk walk = { .ruleset = ruleset, .data = &telling };

	walk.path = (struct nft_path){ host->ifname, NFT_TUNNEL, NFT_UNKNOWN };
	walk.visit = visit_dnat;
	nft_walk_hook(&walk, "prerouting", "nat");
	walk.path = (struct nft_path){ host->ifname, NFT_OTHER, NFT_TUNNEL };
	walk.visit = visit_into_tunnel;
	nft_walk_hook(&walk, "postrouting", "nat");
	/* Who names destinations has chosen where spokes get to. */
	if (host->forwarding->all || host->forwarding->to.n)
		return;
	walk.path = (struct nft_path){ host->ifname, NFT_TUNNEL, NFT_OTHER };
	walk.visit = visit_out_of_tunnel;
	nft_walk_hook(&walk, "postrouting", "nat");
}
