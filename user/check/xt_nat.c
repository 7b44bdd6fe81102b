// SPDX-License-Identifier: Apache-2.0
#include "check/xt_nat.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "tunnel/nl.h"

#define REQUEST_MAX 2048 /* two names of NFT_NAME_MAXLEN, and a few numbers */

struct finding {
	uint8_t family; /* enum prefix_family */
	struct prefix to;
};

/* Revision 0 of IPv4 has a form of its own; the others begin alike. */
static void take_target(const struct nftnl_expr *expr, struct finding *finding)
{
	uint32_t len, revision = nftnl_expr_get_u32(expr, NFTNL_EXPR_TG_REV);
	const void *info = nftnl_expr_get(expr, NFTNL_EXPR_TG_INFO, &len);
	const struct nf_nat_ipv4_multi_range_compat *old = info;
	const struct nf_nat_range *range = info;
	const void *addr = NULL;

	if (!info)
		return;
	if (finding->family == PREFIX_IPV4 && !revision) {
		if (len >= sizeof(*old) && old->rangesize &&
		    old->range[0].flags & NF_NAT_RANGE_MAP_IPS)
			addr = &old->range[0].min_ip;
	} else if (len >= sizeof(*range) && range->flags & NF_NAT_RANGE_MAP_IPS) {
		addr = &range->min_addr;
	}
	if (!addr)
		return;
	finding->to = (struct prefix){ .family = finding->family };
	finding->to.bits = finding->family == PREFIX_IPV4 ? 32 : 128;
	memcpy(finding->to.addr, addr, finding->to.bits / 8);
}

static int take_expression(struct nftnl_expr *expr, void *data)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);

	if (!strcmp(name, "target") && nftnl_expr_get_str(expr, NFTNL_EXPR_TG_NAME) &&
	    !strcmp(nftnl_expr_get_str(expr, NFTNL_EXPR_TG_NAME), "DNAT"))
		take_target(expr, data);
	return 0;
}

static int take_rule(const struct nlmsghdr *msg, void *data)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	int err = 0;

	if (!rule)
		return -ENOMEM;
	if (nftnl_rule_nlmsg_parse(msg, rule) < 0)
		err = -EPROTO;
	else
		(void)nftnl_expr_foreach(rule, take_expression, data);
	nftnl_rule_free(rule);
	return err;
}

int xt_nat_read(const struct nft_rule *rule, struct prefix *ret_to)
{
	bool is_ipv4 = !strcmp(rule->family, "ip");
	struct finding finding = { .family = is_ipv4 ? PREFIX_IPV4 : PREFIX_IPV6 };
	struct nftnl_rule *wanted;
	char request[REQUEST_MAX];
	struct nlmsghdr *msg;
	int err;

	if (!is_ipv4 && strcmp(rule->family, "ip6") != 0)
		return -ENOENT; /* iptables has no others */
	wanted = nftnl_rule_alloc();
	if (!wanted)
		return -ENOMEM;
	nftnl_rule_set_str(wanted, NFTNL_RULE_TABLE, rule->table);
	nftnl_rule_set_str(wanted, NFTNL_RULE_CHAIN, rule->chain);
	nftnl_rule_set_u64(wanted, NFTNL_RULE_HANDLE, rule->handle);
	msg = nftnl_nlmsg_build_hdr(request, NFT_MSG_GETRULE, is_ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6,
				    0, 0);
	nftnl_rule_nlmsg_build_payload(msg, wanted);
	nftnl_rule_free(wanted);
	err = nl_ask(NETLINK_NETFILTER, msg, take_rule, &finding);
	if (!err && !finding.to.family)
		err = -ENOENT;
	if (!err)
		*ret_to = finding.to;
	return err;
}
