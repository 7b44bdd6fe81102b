// SPDX-License-Identifier: Apache-2.0
/*
 * firewall.c - would the host's own packet filter drop what the slow path forwards?
 *
 * Follows each base chain at the forward hook, and the chains it jumps to, as a packet would that
 * enters and leaves by the relay's interface. Conditions other than the interfaces are not
 * evaluated: a rule that has some "may" apply. Verdict maps are not followed. The fast path never
 * gets to the forward hook.
 */
#include "check/firewall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "check/list.h"

#define CHECK "firewall"
#define FAST_PATH "the fast path passes no firewall, the slow path does"
#define DEPTH_MAX 16    /* the kernel's own limit for jumps (NFT_JUMP_STACK_SIZE) */
#define STEPS_MAX 65536 /* rules looked at for one base chain */
#define LINES_MAX 16    /* rules told for one packet filter */

/* How a packet leaves a chain. */
enum end { FALLS_THROUGH, ACCEPTED, DROPPED };

struct walk {
	struct check_list *list;
	const struct fw_ruleset *ruleset;
	const struct fw_chain *base;
	int steps;
	int lines;
};

int fw_add_chain(struct fw_ruleset *ruleset, const struct fw_chain *chain)
{
	size_t n = ruleset->n_chains;
	struct fw_chain *more;

	if (n >= FW_CHAINS_MAX)
		return -E2BIG;
	if (!(n & (n - 1))) {
		more = reallocarray(ruleset->chain, n ? n * 2 : 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		ruleset->chain = more;
	}
	ruleset->chain[n] = *chain;
	ruleset->chain[n].first = ruleset->chain[n].last = FW_NONE;
	ruleset->n_chains++;
	return n;
}

int fw_add_rule(struct fw_ruleset *ruleset, int chain, const struct fw_rule *rule)
{
	struct fw_chain *owner = &ruleset->chain[chain];
	size_t n = ruleset->n_rules;
	struct fw_rule *more;

	if (n >= FW_RULES_MAX)
		return -E2BIG;
	if (!(n & (n - 1))) {
		more = reallocarray(ruleset->rule, n ? n * 2 : 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		ruleset->rule = more;
	}
	ruleset->rule[n] = *rule;
	ruleset->rule[n].next = FW_NONE;
	if (owner->last == FW_NONE)
		owner->first = n;
	else
		ruleset->rule[owner->last].next = n;
	owner->last = n;
	ruleset->n_rules++;
	return 0;
}

void fw_done(struct fw_ruleset *ruleset)
{
	free(ruleset->chain);
	free(ruleset->rule);
	*ruleset = (struct fw_ruleset){};
}

static void write_remedy(const struct walk *walk, char *text, size_t size)
{
	const struct fw_chain *base = walk->base;
	const char *ifname = walk->list->ifname;

	if (!strcmp(walk->ruleset->tool, "nftables"))
		snprintf(text, size,
			 "nft insert rule %s %s %s iifname \"%s\" oifname \"%s\" accept",
			 base->family, base->table, base->name, ifname, ifname);
	else
		snprintf(text, size, "%s -t %s -I %s -i %s -o %s -j ACCEPT", walk->ruleset->tool,
			 base->table, base->name, ifname, ifname);
}

static void tell_rule(struct walk *walk, const struct fw_chain *chain, const struct fw_rule *rule,
		      bool certain)
{
	char remedy[2 * FW_NAME_MAX + 128];

	if (walk->lines++ >= LINES_MAX)
		return;
	write_remedy(walk, remedy, sizeof(remedy));
	check_warn(walk->list, CHECK, remedy, "%s table %s %s chain %s %s %llu %s (" FAST_PATH ")",
		   walk->ruleset->tool, chain->family, chain->table, chain->name,
		   walk->ruleset->number_name, (unsigned long long)rule->number,
		   certain ? "drops or rejects" : "may drop or reject");
}

static void tell_policy(struct walk *walk)
{
	char remedy[2 * FW_NAME_MAX + 128];

	if (walk->lines++ >= LINES_MAX)
		return;
	write_remedy(walk, remedy, sizeof(remedy));
	check_warn(walk->list, CHECK, remedy,
		   "%s table %s %s chain %s has policy drop (" FAST_PATH ")", walk->ruleset->tool,
		   walk->base->family, walk->base->table, walk->base->name);
}

static void tell_leftover(struct walk *walk, const struct fw_chain *chain,
			  const struct fw_rule *rule)
{
	check_ok(walk->list, CHECK,
		 "%s table %s %s chain %s %s %llu accepts all from %s: harmless, as `nexd relay` "
		 "leaves it",
		 walk->ruleset->tool, chain->family, chain->table, chain->name,
		 walk->ruleset->number_name, (unsigned long long)rule->number, walk->list->ifname);
}

static enum end follow(struct walk *walk, int index, bool certain, int depth)
{
	const struct fw_chain *chain = &walk->ruleset->chain[index];
	const struct fw_rule *rule;
	enum end end;

	for (int i = chain->first; i != FW_NONE && walk->steps++ < STEPS_MAX; i = rule->next) {
		rule = &walk->ruleset->rule[i];
		end = FALLS_THROUGH;
		switch (rule->action) {
		case FW_NOTHING:
			continue;
		case FW_ACCEPT:
			end = ACCEPTED;
			if (rule->leftover)
				tell_leftover(walk, chain, rule);
			break;
		case FW_DROP:
			end = DROPPED;
			tell_rule(walk, chain, rule, certain && rule->certain);
			break;
		case FW_RETURN:
			break;
		case FW_JUMP:
		case FW_GOTO:
			if (rule->target != FW_NONE && depth < DEPTH_MAX)
				end = follow(walk, rule->target, certain && rule->certain,
					     depth + 1);
			if (rule->action == FW_JUMP && end == FALLS_THROUGH)
				continue;
			break;
		}
		/* A rule that may not apply does not end anything. */
		if (rule->certain)
			return end;
	}
	return FALLS_THROUGH;
}

/* Return: lines told. */
static int tell_ruleset(struct check_list *list, const struct fw_ruleset *ruleset)
{
	struct walk walk = { .list = list, .ruleset = ruleset };

	for (size_t i = 0; i < ruleset->n_chains; i++) {
		walk.base = &ruleset->chain[i];
		if (!walk.base->hooked)
			continue;
		walk.steps = 0;
		if (follow(&walk, i, true, 0) == FALLS_THROUGH && walk.base->policy_drop)
			tell_policy(&walk);
	}
	if (walk.lines > LINES_MAX)
		check_warn(list, CHECK, "as above", "%s: %d more", ruleset->tool,
			   walk.lines - LINES_MAX);
	return walk.lines;
}

/* Return: lines told. */
static int check_filter(struct check_list *list, struct fw_ruleset *ruleset, int err)
{
	if (!err)
		return tell_ruleset(list, ruleset);
	if (err == -EOPNOTSUPP)
		return 0;
	check_warn(list, CHECK,
		   err == -EPERM || err == -EACCES ? "run as root to see" : "try again",
		   "%s cannot be read: %s", ruleset->tool, strerror(-err));
	return 1;
}

void check_firewall(struct check_list *list)
{
	AUTO(fw_done) struct fw_ruleset nft = { .tool = "nftables", .number_name = "handle" };
	AUTO(fw_done) struct fw_ruleset xt4 = { .tool = "iptables", .number_name = "rule" };
	AUTO(fw_done) struct fw_ruleset xt6 = { .tool = "ip6tables", .number_name = "rule" };
	int lines;

	lines = check_filter(list, &nft, fw_read_nft(list->ifname, &nft));
	lines += check_filter(list, &xt4, fw_read_xtables(list->ifname, false, &xt4));
	lines += check_filter(list, &xt6, fw_read_xtables(list->ifname, true, &xt6));
	if (!lines)
		check_ok(list, CHECK, "lets pass what enters and leaves by %s", list->ifname);
}
