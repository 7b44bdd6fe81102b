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

static bool is_of_table(const struct rule *rule, uint32_t table)
{
	return rule->protocol == TUNNEL_ROUTE_PROTOCOL && rule->table == table;
}

static bool selects_same(const struct rule *a, const struct rule *b)
{
	return a->family == b->family && !strcmp(a->iif, b->iif) && !strcmp(a->oif, b->oif) &&
	       !prefix_compare(&a->from, &b->from);
}

/* Does @rule look the table `local` up for what one of @table's selects? */
static bool is_local_twin(const struct rules *there, const struct rule *rule, uint32_t table)
{
	if (!is_of_table(rule, RT_TABLE_LOCAL))
		return false;
	for (size_t i = 0; i < there->n; i++)
		if (is_of_table(&there->at[i], table) && selects_same(&there->at[i], rule))
			return true;
	return false;
}

static bool is_everybodys_local(const struct rule *rule)
{
	return rule->table == RT_TABLE_LOCAL && rule->is_plain && !*rule->iif && !*rule->oif &&
	       !rule->from.family;
}

/* Where the rules of one family stand. */
struct place {
	uint32_t priority;
	bool needs_local; /* `lookup local` is not before them */
	uint32_t behind;  /* as in struct tunnel_rules_plan */
};

/* @least: not 0: the kernel would give that to every rule that is added without a priority, each
 * behind the one before it, where its owner counts on the opposite. */
static void stand_before(uint32_t first, uint32_t least, struct place *place)
{
	place->behind = 0;
	if (first > TUNNEL_RULE_PRIORITY) {
		place->priority = TUNNEL_RULE_PRIORITY;
	} else if (first > TUNNEL_RULE_STEP) {
		place->priority = (first - 1) / TUNNEL_RULE_STEP * TUNNEL_RULE_STEP;
	} else if (first > least) {
		place->priority = first - 1;
	} else {
		place->priority = least;
		place->behind = first ?: 1;
	}
}

/* Before every rule of other programs, but behind the host's own addresses. */
static struct place find_place(const struct rules *there, uint8_t family)
{
	uint32_t first = UINT32_MAX, local = UINT32_MAX;
	struct place place = {};

	for (size_t i = 0; i < there->n; i++) {
		const struct rule *rule = &there->at[i];
		uint32_t *lowest = is_everybodys_local(rule) ? &local : &first;

		/* Every relay's rules are about its own interface: they need no order. */
		if (rule->family == family && rule->protocol != TUNNEL_ROUTE_PROTOCOL &&
		    rule->priority < *lowest)
			*lowest = rule->priority;
	}
	stand_before(first, 1, &place);
	place.needs_local = local >= place.priority;
	if (place.needs_local)
		stand_before(first, 2, &place);
	return place;
}

static int want_rules(const struct tunnel_rules *want, uint8_t family, const struct place *place,
		      struct rules *rules)
{
	const struct rule bare = {
		.family = family,
		.protocol = TUNNEL_ROUTE_PROTOCOL,
		.priority = place->priority,
		.table = want->table,
	};
	struct rule in = bare, out = bare;
	size_t begin = rules->n, end;
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
	end = rules->n;
	/* Not one for everybody: where `lookup local` was moved, VRFs count on that. */
	for (size_t i = begin; !err && place->needs_local && i < end; i++) {
		struct rule local = rules->at[i];

		local.priority--;
		local.table = RT_TABLE_LOCAL;
		err = rules_add(rules, &local);
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

	return is_of_table(rule, want->table) && *name && strcmp(name, want->ifname) != 0;
}

/*
 * Those of @table, and before them their twins: only beside the rule of the table does a twin say
 * whose it is.
 */
static int select_ours(const struct rules *there, uint32_t table, struct rules *ours)
{
	int err = 0;

	for (size_t i = 0; !err && i < there->n; i++)
		if (is_local_twin(there, &there->at[i], table))
			err = rules_add(ours, &there->at[i]);
	for (size_t i = 0; !err && i < there->n; i++)
		if (is_of_table(&there->at[i], table))
			err = rules_add(ours, &there->at[i]);
	return err;
}

int tunnel_rules_plan(const struct tunnel_rules *want, const struct rules *there,
		      struct tunnel_rules_plan *ret)
{
	static const uint8_t families[] = { PREFIX_IPV4, PREFIX_IPV6 };
	struct tunnel_rules_plan plan = {};
	AUTO(rules_done) struct rules all = {}, ours = {};
	int err = select_ours(there, want->table, &ours);

	for (size_t i = 0; !err && i < sizeof(families) && (want->ipv6 || !i); i++) {
		struct place place = find_place(there, families[i]);

		plan.behind = place.behind ?: plan.behind;
		err = want_rules(want, families[i], &place, &all);
	}
	for (size_t i = 0; !err && i < all.n; i++)
		if (!has(there, &all.at[i]))
			err = rules_add(&plan.add, &all.at[i]);
	for (size_t i = 0; !err && i < ours.n; i++) {
		plan.is_taken = plan.is_taken || is_others(want, &ours.at[i]);
		if (!has(&all, &ours.at[i]))
			err = rules_add(&plan.remove, &ours.at[i]);
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
	AUTO(rules_done) struct rules there = {}, ours = {};
	int err = read_both(&there) ?: select_ours(&there, table, &ours);

	return err ?: rules_edit(RTM_DELRULE, ours.at, ours.n);
}
