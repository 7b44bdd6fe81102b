/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.h - policy routing rules of both families (ip-rule(8), include/uapi/linux/fib_rules.h),
 * through rtnetlink.
 */
#ifndef TUNNEL_RULE_H
#define TUNNEL_RULE_H

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prefix.h"

struct rule {
	uint8_t family;   /* enum prefix_family */
	uint8_t protocol; /* who made it: RTPROT_* */
	uint32_t priority, table;
	char iif[IFNAMSIZ], oif[IFNAMSIZ]; /* empty: any */
	struct prefix from;                /* family 0: any */
	bool is_plain; /* as read: it looks @table up, and selects by nothing but the above */
};

struct rules {
	struct rule *at; /* room for a power of two */
	size_t n;
};

/** rules_done() - free what @rules owns and zero it; safe on a zeroed one. */
void rules_done(struct rules *rules);

/** rules_add() - append one. Return: 0; -E2BIG; -ENOMEM. */
int rules_add(struct rules *rules, const struct rule *rule);

/**
 * rules_read() - append the rules of @family to @rules, in the order in which the kernel asks them.
 *
 * Return: 0; -E2BIG; another negative errno, with @rules as it was.
 */
int rules_read(uint8_t family, struct rules *rules);

/** rule_is_same() - do both select the same packets, at the same place, for the same table? */
bool rule_is_same(const struct rule *a, const struct rule *b);

/**
 * rules_edit() - make or delete rules, in order.
 * @type: RTM_NEWRULE or RTM_DELRULE.
 *
 * One that is there already, or gone already, is no error. One that fails does not keep the others
 * from being made or deleted.
 *
 * Return: 0; negative errno of the first that failed.
 */
int rules_edit(uint16_t type, const struct rule *rules, size_t n);

#endif
