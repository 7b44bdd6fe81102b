// SPDX-License-Identifier: Apache-2.0
/* nft.c - read the chains and rules of nf_tables through netlink. */
#include "check/nft.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "tunnel/nl.h"

struct reading {
	struct fw_ruleset *ruleset;
	const char *ifname;
	uint32_t ifindex;
	int chain; /* of the last rule: the next one is mostly of the same */
};

/* Families whose forward hook sees IP packets. NULL for the others. */
static const char *family_name(uint32_t family)
{
	switch (family) {
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	default:
		return NULL;
	}
}

static int take_chain(const struct nlmsghdr *msg, void *data)
{
	struct reading *reading = data;
	struct nftnl_chain *from = nftnl_chain_alloc();
	struct fw_chain chain = {};
	const char *family;
	int ret = 0;

	if (!from)
		return -ENOMEM;
	if (nftnl_chain_nlmsg_parse(msg, from) < 0) {
		nftnl_chain_free(from);
		return -EPROTO;
	}
	family = family_name(nftnl_chain_get_u32(from, NFTNL_CHAIN_FAMILY));
	if (family) {
		snprintf(chain.family, sizeof(chain.family), "%s", family);
		snprintf(chain.table, sizeof(chain.table), "%s",
			 nftnl_chain_get_str(from, NFTNL_CHAIN_TABLE));
		snprintf(chain.name, sizeof(chain.name), "%s",
			 nftnl_chain_get_str(from, NFTNL_CHAIN_NAME));
		chain.hooked = nftnl_chain_is_set(from, NFTNL_CHAIN_HOOKNUM) &&
			       nftnl_chain_get_u32(from, NFTNL_CHAIN_HOOKNUM) == NF_INET_FORWARD;
		chain.policy_drop = nftnl_chain_is_set(from, NFTNL_CHAIN_POLICY) &&
				    nftnl_chain_get_u32(from, NFTNL_CHAIN_POLICY) == NF_DROP;
		ret = fw_add_chain(reading->ruleset, &chain);
	}
	nftnl_chain_free(from);
	return ret < 0 ? ret : 0;
}

static bool chain_is(const struct fw_chain *chain, const char *family, const char *table,
		     const char *name)
{
	return !strcmp(chain->name, name) && !strcmp(chain->table, table) &&
	       !strcmp(chain->family, family);
}

static int find_chain(const struct reading *reading, const char *family, const char *table,
		      const char *name)
{
	const struct fw_ruleset *ruleset = reading->ruleset;

	if (reading->chain != FW_NONE &&
	    chain_is(&ruleset->chain[reading->chain], family, table, name))
		return reading->chain;
	for (size_t i = 0; i < ruleset->n_chains; i++)
		if (chain_is(&ruleset->chain[i], family, table, name))
			return i;
	return FW_NONE;
}

static int add_rule(struct reading *reading, const struct nftnl_rule *from)
{
	const char *family = family_name(nftnl_rule_get_u32(from, NFTNL_RULE_FAMILY));
	const char *table = nftnl_rule_get_str(from, NFTNL_RULE_TABLE), *target;
	const char *name = nftnl_rule_get_str(from, NFTNL_RULE_CHAIN);
	struct fw_rule rule;

	if (!family || !table || !name)
		return 0;
	/* A chain that came since the chains were read: the next check will see it. */
	reading->chain = find_chain(reading, family, table, name);
	if (reading->chain == FW_NONE)
		return 0;
	nft_rule_read(from, reading->ifname, reading->ifindex, &rule, &target);
	if (rule.action == FW_NOTHING)
		return 0;
	if (target)
		rule.target = find_chain(reading, family, table, target);
	return fw_add_rule(reading->ruleset, reading->chain, &rule);
}

static int take_rule(const struct nlmsghdr *msg, void *data)
{
	struct nftnl_rule *from = nftnl_rule_alloc();
	int err;

	if (!from)
		return -ENOMEM;
	err = nftnl_rule_nlmsg_parse(msg, from) < 0 ? -EPROTO : add_rule(data, from);
	nftnl_rule_free(from);
	return err;
}

static void forget_chains(void *data)
{
	((struct reading *)data)->ruleset->n_chains = 0;
}

static void forget_rules(void *data)
{
	struct reading *reading = data;

	reading->ruleset->n_rules = 0;
	reading->chain = FW_NONE;
	for (size_t i = 0; i < reading->ruleset->n_chains; i++)
		reading->ruleset->chain[i].first = reading->ruleset->chain[i].last = FW_NONE;
}

int fw_read_nft(const char *ifname, struct fw_ruleset *ruleset)
{
	struct reading reading = {
		.ruleset = ruleset,
		.ifname = ifname,
		.ifindex = if_nametoindex(ifname),
		.chain = FW_NONE,
	};
	char bytes[NL_REQUEST_BYTES];
	struct nlmsghdr *request;
	int err;

	request = nftnl_nlmsg_build_hdr(bytes, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, 0, 0);
	err = nl_dump(NETLINK_NETFILTER, request, take_chain, forget_chains, &reading);
	/* Without the protocol, and without the subsystem in it. */
	if (err == -EPROTONOSUPPORT || err == -EINVAL)
		return -EOPNOTSUPP;
	if (err)
		return err;
	request = nftnl_nlmsg_build_hdr(bytes, NFT_MSG_GETRULE, NFPROTO_UNSPEC, 0, 0);
	return nl_dump(NETLINK_NETFILTER, request, take_rule, forget_rules, &reading);
}
