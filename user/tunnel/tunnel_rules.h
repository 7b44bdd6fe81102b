/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel_rules.h - the rules that send what is the tunnel's to the tunnel's own table.
 *
 * For each family: `iif NAME`, `oif NAME`, and `from ADDRESS` for each tunnel address of the relay.
 * So what enters by the tunnel, leaves by it or comes from the relay's tunnel address is routed by
 * that table alone, whatever the host's own tables say.
 *
 * They stand before everybody else's rules but `from all lookup local`. Where that was moved behind
 * them, as it is for VRFs, each has a twin just before it that looks up `local` for the same
 * packets: the host's own addresses stay its own. A rule that another program
 * adds without naming a priority gets the one just before the first of all, so ours then move in
 * front of it.
 */
#ifndef TUNNEL_TUNNEL_RULES_H
#define TUNNEL_TUNNEL_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"
#include "tunnel/rule.h"

#define TUNNEL_RULE_PRIORITY 500 /* where nobody else is before it */
#define TUNNEL_RULE_STEP 100     /* so far in front of others' */

struct tunnel_rules {
	const char *ifname;
	uint32_t table;
	bool ipv6;                 /* the host has IPv6 */
	const struct prefix *from; /* hosts */
	size_t n_from;
};

struct tunnel_rules_plan {
	struct rules add, remove;
	/* Another program's rule that ours cannot stand before: its priority; 0: none. */
	uint32_t behind;
	bool is_taken; /* the table is another relay's */
};

/**
 * tunnel_rules_plan() - from the rules that are there to those of @want. Pure computation.
 * @there: all rules of the host, of both families.
 * @ret:   set on success only; freed with tunnel_rules_plan_done().
 *
 * Return: 0; -ENOMEM; -E2BIG.
 */
int tunnel_rules_plan(const struct tunnel_rules *want, const struct rules *there,
		      struct tunnel_rules_plan *ret);

/** tunnel_rules_plan_done() - free what @plan owns and zero it; safe on a zeroed one. */
void tunnel_rules_plan_done(struct tunnel_rules_plan *plan);

/**
 * tunnel_rules_look() - what would tunnel_rules_set() do?
 * @ret: as tunnel_rules_plan().
 *
 * Return: 0; -EADDRINUSE when the table is another relay's; another negative errno.
 */
int tunnel_rules_look(const struct tunnel_rules *want, struct tunnel_rules_plan *ret);

/**
 * tunnel_rules_set() - have exactly the rules of @want for @want->table. New ones are made before
 * old ones go: at no time there is none.
 * @ret_behind: as in struct tunnel_rules_plan.
 *
 * Return: as tunnel_rules_look().
 */
int tunnel_rules_set(const struct tunnel_rules *want, uint32_t *ret_behind);

/** tunnel_rules_clear() - delete all rules of ours for @table, of both families. Return: 0 or
 * negative errno. */
int tunnel_rules_clear(uint32_t table);

#endif
