/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall.h - a host's packet filter, as far as it matters to packets that enter and leave
 * by the relay's interface: the form in which nftables and legacy iptables are looked at.
 */
#ifndef CHECK_FIREWALL_H
#define CHECK_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FW_NAME_MAX 256
#define FW_CHAINS_MAX 65536
#define FW_RULES_MAX 1048576
#define FW_NONE (-1) /* in place of an index */

enum fw_action { FW_NOTHING, FW_ACCEPT, FW_DROP, FW_RETURN, FW_JUMP, FW_GOTO };

struct fw_rule {
	enum fw_action action;
	bool certain;  /* no condition but the interfaces; else it may or may not apply */
	bool leftover; /* accepts all from the relay's interface, and is nothing else */
	int target;    /* chain of FW_JUMP and FW_GOTO, or FW_NONE */
	int next;      /* rule of the same chain, or FW_NONE */
	uint64_t number;
};

struct fw_chain {
	char family[8]; /* "ip", "ip6", "inet" */
	char table[FW_NAME_MAX];
	char name[FW_NAME_MAX];
	bool hooked; /* at the forward hook */
	bool policy_drop;
	int first, last; /* rules, or FW_NONE */
};

struct fw_ruleset {
	const char *tool;        /* "nftables", "iptables", "ip6tables" */
	const char *number_name; /* what fw_rule.number is: "handle", "rule" */
	struct fw_chain *chain;
	size_t n_chains;
	struct fw_rule *rule;
	size_t n_rules;
};

/** fw_add_chain() - append a chain without rules. Return: its index; -E2BIG; -ENOMEM. */
int fw_add_chain(struct fw_ruleset *ruleset, const struct fw_chain *chain);

/** fw_add_rule() - append a rule to @chain. Return: 0; -E2BIG; -ENOMEM. */
int fw_add_rule(struct fw_ruleset *ruleset, int chain, const struct fw_rule *rule);

/** fw_done() - free what @ruleset owns; safe on a zeroed one. */
void fw_done(struct fw_ruleset *ruleset);

/**
 * fw_read_nft() - read the chains at the forward hook, and those they lead to, from nf_tables.
 * @ifname: rules that ask for another interface are left out.
 *
 * Return: 0; -EOPNOTSUPP when the kernel has no nf_tables; another negative errno.
 */
int fw_read_nft(const char *ifname, struct fw_ruleset *ruleset);

/**
 * fw_read_xtables() - the same from legacy iptables, without making the kernel load a table.
 * @ipv6: ip6tables.
 *
 * Return: 0, also when there is no such table; negative errno.
 */
int fw_read_xtables(const char *ifname, bool ipv6, struct fw_ruleset *ruleset);

#endif
