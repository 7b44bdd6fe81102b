// SPDX-License-Identifier: Apache-2.0
/*
 * firewall.c - would the host's own packet filter drop what the slow path forwards? And what has
 * nexd left in it?
 *
 * Follows each base chain at the forward hook, as a packet would that enters and leaves by the
 * relay's interface. The fast path never gets to that hook.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "check/list.h"
#include "check/nexd.h"
#include "check/nft_walk.h"

#define CHECK "firewall"
#define FAST_PATH "the fast path passes no firewall, the slow path does"
#define LINES_MAX 16 /* rules told */
#define REMEDY_MAX 1024

struct telling {
	struct check_list *list;
	struct json_object *base;
	int lines;
};

static void write_remedy(const struct telling *telling, char text[static REMEDY_MAX])
{
	const char *ifname = telling->list->ifname;

	snprintf(text, REMEDY_MAX, "nft insert rule %s %s %s iifname \"%s\" oifname \"%s\" accept",
		 ruleset_text(telling->base, "family"), ruleset_text(telling->base, "table"),
		 ruleset_text(telling->base, "name"), ifname, ifname);
}

static void tell_rule(const struct nft_rule *rule, bool certain, void *data)
{
	struct telling *telling = data;
	char remedy[REMEDY_MAX];

	if (rule->verdict != NFT_DROPS || telling->lines++ >= LINES_MAX)
		return;
	write_remedy(telling, remedy);
	check_warn(telling->list, CHECK, remedy,
		   "nftables table %s %s chain %s handle %llu %s (" FAST_PATH ")", rule->family,
		   rule->table, rule->chain, (unsigned long long)rule->handle,
		   certain ? "drops or rejects" : "may drop or reject");
}

static void tell_policy(struct telling *telling)
{
	char remedy[REMEDY_MAX];

	if (telling->lines++ >= LINES_MAX)
		return;
	write_remedy(telling, remedy);
	check_warn(telling->list, CHECK, remedy,
		   "nftables table %s %s chain %s has policy drop (" FAST_PATH ")",
		   ruleset_text(telling->base, "family"), ruleset_text(telling->base, "table"),
		   ruleset_text(telling->base, "name"));
}

static void tell_forward_hook(struct telling *telling, const struct ruleset *ruleset)
{
	struct nft_walk walk = {
		.ruleset = ruleset,
		.path = { telling->list->ifname, NFT_TUNNEL, NFT_TUNNEL },
		.visit = tell_rule,
		.data = telling,
	};

	json_object_object_foreach(ruleset->chains, key, chain)
	{
		(void)key;
		telling->base = chain;
		if (nft_chain_is_at(chain, "forward", NULL) && nft_walk_chain(&walk, chain) &&
		    !strcmp(ruleset_text(chain, "policy"), "drop"))
			tell_policy(telling);
	}
	if (telling->lines > LINES_MAX)
		check_warn(telling->list, CHECK, "as above", "nftables: %d more",
			   telling->lines - LINES_MAX);
}

static void tell_left(const char *what, const char *command, void *data)
{
	check_add(data, CHECK_OK, CHECK, command, "%s: as nexd leaves it, harmless, of no use now",
		  what);
}

/* Tables of the legacy iptables are not in nf_tables. Return: lines told. */
static int tell_legacy(struct check_list *list, const char *path, const char *tool)
{
	auto_fclose FILE *file = fopen(path, "re");
	char tables[256] = "", table[64], remedy[64];
	size_t len = 0;

	while (file && fgets(table, sizeof(table), file) && len < sizeof(tables))
		len += snprintf(tables + len, sizeof(tables) - len, "%s%.*s", len ? ", " : "",
				(int)strcspn(table, "\n"), table);
	if (!len)
		return 0;
	snprintf(remedy, sizeof(remedy), "look at `%s-legacy-save`", tool);
	check_warn(list, CHECK, remedy,
		   "rules of the legacy %s are loaded (%s), and not looked at: they may drop, or "
		   "translate",
		   tool, tables);
	return 1;
}

void check_firewall(struct check_list *list)
{
	AUTO(ruleset_done) struct ruleset ruleset = {};
	struct telling telling = { .list = list };
	char why[RULESET_WHY_MAX];
	int lines, err = ruleset_read(&ruleset, why);

	lines = tell_legacy(list, "/proc/net/ip_tables_names", "iptables") +
		tell_legacy(list, "/proc/net/ip6_tables_names", "ip6tables");
	if (err && err != -EOPNOTSUPP) {
		check_warn(list, CHECK,
			   err == -EPERM || err == -EACCES ? "run as root to see"
							   : "look at `nft list ruleset`",
			   "nftables cannot be read: %s", why);
		lines++;
	}
	if (!err) {
		tell_forward_hook(&telling, &ruleset);
		if (!list->adopt)
			nexd_left(&ruleset, list->ifname, tell_left, list);
	}
	if (!lines && !telling.lines)
		check_ok(list, CHECK, "lets pass what enters and leaves by %s", list->ifname);
	check_reach(list, err ? NULL : &ruleset);
}
