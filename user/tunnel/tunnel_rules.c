// SPDX-License-Identifier: Apache-2.0
#include "tunnel/tunnel_rules.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tunnel/tunnel_routes.h"

void tunnel_rules_plan_done(struct tunnel_rules_plan *plan)
{
	rules_done(&plan->add);
	rules_done(&plan->remove);
	*plan = (struct tunnel_rules_plan){};
}

static bool is_ours(const struct rule *rule, uint32_t table)
{
	return rule->protocol == TUNNEL_ROUTE_PROTOCOL && rule->table == table;
}

/* The priority that stands before every rule of other programs. */
static uint32_t find_place(const struct rules *there, uint8_t family, uint32_t *ret_behind)
{
	uint32_t first = UINT32_MAX;

	for (size_t i = 0; i < there->n; i++) {
		const struct rule *rule = &there->at[i];

		/* Every relay's rules are about its own interface: they need no order. */
		if (rule->family != family || rule->protocol == TUNNEL_ROUTE_PROTOCOL ||
		    (!rule->priority && rule->table == RT_TABLE_LOCAL))
			continue;
		if (rule->priority < first)
			first = rule->priority;
	}
	if (first > TUNNEL_RULE_PRIORITY)
		return TUNNEL_RULE_PRIORITY;
	if (first > TUNNEL_RULE_STEP)
		return (first - 1) / TUNNEL_RULE_STEP * TUNNEL_RULE_STEP;
	if (first > 1)
		return first - 1;
	/*
	 * Not 0: the kernel would give that to every rule that is added without a priority, each
	 * behind the one before it, where its owner counts on the opposite.
	 */
	*ret_behind = first ?: 1;
	return 1;
}

static int want_rules(const struct tunnel_rules *want, uint8_t family, uint32_t priority,
		      struct rules *rules)
{
	const struct rule bare = {
		.family = family,
		.protocol = TUNNEL_ROUTE_PROTOCOL,
		.priority = priority,
		.table = want->table,
	};
	struct rule in = bare, out = bare;
	int err;

	snprintf(in.iif, sizeof(in.iif), "%s", want->ifname);
	snprintf(out.oif, sizeof(out.oif), "%s", want->ifname);
	err = rules_add(rules, &in) ?: rules_add(rules, &out);
	for (size_t i = 0; !err && i < want->n_from; i++) {
		struct rule from = bare;

		if (want->from[i].family != family)
			continue;
		from.from = want->from[i];
		err = rules_add(rules, &from);
	}
	return err;
}

static bool has(const struct rules *rules, const struct rule *rule)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rule_is_same(&rules->at[i], rule))
			return true;
	return false;
}

/* Has another relay, whose interface has another name, the same table? */
static bool is_others(const struct tunnel_rules *want, const struct rule *rule)
{
	const char *name = *rule->iif ? rule->iif : rule->oif;

	return is_ours(rule, want->table) && *name && strcmp(name, want->ifname) != 0;
}

int tunnel_rules_plan(const struct tunnel_rules *want, const struct rules *there,
		      struct tunnel_rules_plan *ret)
{
	static const uint8_t families[] = { PREFIX_IPV4, PREFIX_IPV6 };
	struct tunnel_rules_plan plan = {};
	AUTO(rules_done) struct rules all = {};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(families) && (want->ipv6 || !i); i++)
		err = want_rules(want, families[i], find_place(there, families[i], &plan.behind),
				 &all);
	for (size_t i = 0; !err && i < all.n; i++)
		if (!has(there, &all.at[i]))
			err = rules_add(&plan.add, &all.at[i]);
	for (size_t i = 0; !err && i < there->n; i++) {
		const struct rule *rule = &there->at[i];

		plan.is_taken = plan.is_taken || is_others(want, rule);
		if (is_ours(rule, want->table) && !has(&all, rule))
			err = rules_add(&plan.remove, rule);
	}
	if (err)
		tunnel_rules_plan_done(&plan);
	else
		*ret = plan;
	return err;
}

/* A host without IPv6 has no rules for it. */
static int read_both(struct rules *rules)
{
	int err = rules_read(PREFIX_IPV4, rules);

	if (err)
		return err;
	err = rules_read(PREFIX_IPV6, rules);
	return err == -EAFNOSUPPORT || err == -EOPNOTSUPP ? 0 : err;
}

int tunnel_rules_look(const struct tunnel_rules *want, struct tunnel_rules_plan *ret)
{
	struct tunnel_rules_plan plan = {};
	AUTO(rules_done) struct rules there = {};
	int err = read_both(&there) ?: tunnel_rules_plan(want, &there, &plan);

	if (!err && plan.is_taken)
		err = -EADDRINUSE;
	if (err)
		tunnel_rules_plan_done(&plan);
	else
		*ret = plan;
	return err;
}

int tunnel_rules_set(const struct tunnel_rules *want, uint32_t *ret_behind)
{
	AUTO(tunnel_rules_plan_done) struct tunnel_rules_plan plan = {};
	int err = tunnel_rules_look(want, &plan);

	if (!err)
		err = rules_edit(RTM_NEWRULE, plan.add.at, plan.add.n);
	if (!err)
		err = rules_edit(RTM_DELRULE, plan.remove.at, plan.remove.n);
	if (!err)
		*ret_behind = plan.behind;
	return err;
}

int tunnel_rules_clear(uint32_t table)
{
	AUTO(rules_done) struct rules there = {};
	size_t kept = 0;
	int err = read_both(&there);

	for (size_t i = 0; i < there.n; i++)
		if (is_ours(&there.at[i], table))
			there.at[kept++] = there.at[i];
	return err ?: rules_edit(RTM_DELRULE, there.at, kept);
}
