// SPDX-License-Identifier: Apache-2.0
/*
 * nft_rule.c - what one nf_tables rule does with a packet between two peers.
 *
 * A rule is a list of expressions: loads into registers, conditions on them, and at its end a
 * verdict. Only conditions on the interfaces are evaluated.
 */
#include <stdio.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <string.h>

#include "check/nft.h"

/* What register the last load of an interface went to, and what of it. */
struct load {
	uint32_t reg;
	uint32_t key; /* enum nft_meta_keys */
	bool valid;
};

struct judgement {
	const char *ifname;
	uint32_t ifindex;
	struct load load;
	struct fw_rule *rule;
	const char *target;
	int expressions;
	bool input_named; /* the rule asks for packets from the relay's interface */
	bool other;       /* it asks for another one */
};

static bool is(const struct nftnl_expr *expr, const char *name)
{
	return !strcmp(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME), name);
}

static void read_meta(struct nftnl_expr *expr, struct judgement *judge)
{
	judge->load.valid = nftnl_expr_is_set(expr, NFTNL_EXPR_META_DREG);
	judge->load.reg = nftnl_expr_get_u32(expr, NFTNL_EXPR_META_DREG);
	judge->load.key = nftnl_expr_get_u32(expr, NFTNL_EXPR_META_KEY);
}

/* Is @data what an interface expression loads for the relay's interface? Names may be prefixes. */
static bool is_ours(const struct judgement *judge, const void *data, uint32_t len)
{
	char name[IFNAMSIZ] = "";

	if (judge->load.key == NFT_META_IIF || judge->load.key == NFT_META_OIF)
		return len == sizeof(judge->ifindex) && !memcmp(data, &judge->ifindex, len);
	strncpy(name, judge->ifname, sizeof(name) - 1);
	return len <= sizeof(name) && !memcmp(data, name, len);
}

static void read_cmp(struct nftnl_expr *expr, struct judgement *judge)
{
	uint32_t len = 0, op = nftnl_expr_get_u32(expr, NFTNL_EXPR_CMP_OP);
	const void *data = nftnl_expr_get(expr, NFTNL_EXPR_CMP_DATA, &len);
	bool interface, equal;

	interface = judge->load.valid &&
		    judge->load.reg == nftnl_expr_get_u32(expr, NFTNL_EXPR_CMP_SREG) &&
		    (judge->load.key == NFT_META_IIF || judge->load.key == NFT_META_OIF ||
		     judge->load.key == NFT_META_IIFNAME || judge->load.key == NFT_META_OIFNAME);
	if (!interface || !data || (op != NFT_CMP_EQ && op != NFT_CMP_NEQ)) {
		judge->rule->certain = false;
		return;
	}
	equal = is_ours(judge, data, len);
	if (equal != (op == NFT_CMP_EQ))
		judge->other = true;
	else if (equal && (judge->load.key == NFT_META_IIF || judge->load.key == NFT_META_IIFNAME))
		judge->input_named = true;
}

static void read_verdict(struct nftnl_expr *expr, struct judgement *judge)
{
	if (nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT)
		return;
	switch ((int)nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_VERDICT)) {
	case NF_DROP:
		judge->rule->action = FW_DROP;
		break;
	case NF_ACCEPT:
		judge->rule->action = FW_ACCEPT;
		break;
	case NFT_RETURN:
		judge->rule->action = FW_RETURN;
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		judge->rule->action =
			(int)nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_VERDICT) == NFT_JUMP ? FW_JUMP
											  : FW_GOTO;
		judge->target = nftnl_expr_get_str(expr, NFTNL_EXPR_IMM_CHAIN);
		break;
	}
}

/* An extension of iptables-nft. Return: it is REJECT or DROP. */
static bool xt_rejects(struct nftnl_expr *expr)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_TG_NAME);

	return name && (!strcmp(name, "REJECT") || !strcmp(name, "DROP"));
}

static bool xt_is_comment(struct nftnl_expr *expr)
{
	const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_MT_NAME);

	return name && !strcmp(name, "comment");
}

static int read_expression(struct nftnl_expr *expr, void *data)
{
	struct judgement *judge = data;

	judge->expressions++;
	/* Other loads may go to the register that had the interface. */
	if (!is(expr, "cmp") && !is(expr, "counter") && !is(expr, "log"))
		judge->load.valid = false;
	if (is(expr, "meta"))
		read_meta(expr, judge);
	else if (is(expr, "cmp"))
		read_cmp(expr, judge);
	else if (is(expr, "immediate"))
		read_verdict(expr, judge);
	else if (is(expr, "reject") || (is(expr, "target") && xt_rejects(expr)))
		judge->rule->action = FW_DROP;
	else if (is(expr, "match"))
		judge->rule->certain &= xt_is_comment(expr);
	/* Loads have no effect of their own; what compares them comes later. */
	else if (!is(expr, "counter") && !is(expr, "log") && !is(expr, "target"))
		judge->rule->certain = false;
	return 0;
}

void nft_rule_read(const struct nftnl_rule *rule, const char *ifname, uint32_t ifindex,
		   struct fw_rule *ret_rule, const char **ret_target)
{
	struct judgement judge = { .ifname = ifname, .ifindex = ifindex, .rule = ret_rule };

	*ret_rule = (struct fw_rule){
		.action = FW_NOTHING,
		.certain = true,
		.target = FW_NONE,
		.number = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE),
	};
	/* The library does not take a const rule, but does not change it. */
	nftnl_expr_foreach((struct nftnl_rule *)rule, read_expression, &judge);
	if (judge.other)
		ret_rule->action = FW_NOTHING;
	/* meta, cmp, counter, immediate: as nexd and `iptables -A FORWARD -i wg0 -j ACCEPT` do */
	ret_rule->leftover = ret_rule->action == FW_ACCEPT && ret_rule->certain &&
			     judge.input_named && judge.expressions == 4;
	*ret_target = judge.target;
}
