/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost.h - what spokes do not reach since the tunnel's own table routes their packets, and the line
 * of the configuration that lets them.
 */
#ifndef CHECK_LOST_H
#define CHECK_LOST_H

#include "check/ruleset.h"
#include "tunnel/local_network.h"
#include "tunnel/table_floor.h"

#define LOST_MAX 64 /* of each: networks, and translations */
#define LOST_TEXT_MAX 256
#define LOST_LINE_MAX 4096
#define LOST_SHOWN 8 /* networks in one line for people */

struct lost_nat {
	bool is_dnat;     /* else it is masquerade */
	struct prefix to; /* what restores it; family 0: all destinations do */
	char what[LOST_TEXT_MAX];
};

struct lost {
	struct kernel_forwarding forwarding;     /* as it is now */
	struct local_network networks[LOST_MAX]; /* that it does not cover */
	size_t n_networks, n_more_networks;
	struct lost_nat nats[LOST_MAX];
	size_t n_nats, n_more_nats;
};

/**
 * lost_networks() - which local networks does @forwarding not cover?
 *
 * Return: 0, with networks and forwarding of @ret, the rest zero; negative errno.
 */
int lost_networks(const char *ifname, const struct kernel_forwarding *forwarding, struct lost *ret);

/**
 * lost_nats() - add the translations that are lost, by the rules of @ruleset.
 *
 * Return: 0; negative errno.
 */
int lost_nats(const char *ifname, const struct ruleset *ruleset, struct lost *lost);

#define LOST_ALL_LINE "kernel-forwarding = yes"

/**
 * lost_line() - "kernel-forwarding = 172.17.0.0/16,fd00:17::/64": what is forwarded already, and
 * what restores the networks, or the translations.
 *
 * Return: @line; LOST_ALL_LINE where nothing less restores anything. It is not for translations
 *         whose @to has no family, unless there are no others.
 */
const char *lost_line(const struct lost *lost, bool networks, bool nats,
		      char line[static LOST_LINE_MAX]);

/** lost_needs_all() - is there a translation that only LOST_ALL_LINE restores? */
bool lost_needs_all(const struct lost *lost);

/** lost_describe() - "172.17.0.0/16 (docker0), 10.0.0.0/8 (eth1) and 3 more". Return: @text. */
const char *lost_describe(const struct lost *lost, char text[static LOST_LINE_MAX]);

#endif
