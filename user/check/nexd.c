// SPDX-License-Identifier: Apache-2.0
#include "check/nexd.h"

#include <stdio.h>
#include <string.h>

#include "check/nft_walk.h"

#define LEFT_MAX 8 /* nexd adds a rule of each family at every start */
#define TEXT_MAX 1024

static void tell_rule(const struct nft_rule *rule, nexd_tell tell, void *data)
{
	char what[TEXT_MAX], command[TEXT_MAX];

	snprintf(what, sizeof(what), "rule %llu of nftables table %s %s chain %s",
		 (unsigned long long)rule->handle, rule->family, rule->table, rule->chain);
	snprintf(command, sizeof(command), "nft delete rule %s %s %s handle %llu", rule->family,
		 rule->table, rule->chain, (unsigned long long)rule->handle);
	tell(what, command, data);
}

/* Rules of a chain that let in all from @path's tunnel, and nothing else. */
static int tell_rules(struct json_object *chain, const struct nft_path *path, int n, nexd_tell tell,
		      void *data)
{
	struct json_object *rules;

	if (!json_object_object_get_ex(chain, "rules", &rules))
		return n;
	for (size_t i = 0; n < LEFT_MAX && i < json_object_array_length(rules); i++) {
		struct nft_rule rule = nft_rule_read(json_object_array_get_idx(rules, i), path);

		if (!rule.accepts_all_in)
			continue;
		tell_rule(&rule, tell, data);
		n++;
	}
	return n;
}

static void tell_table(const struct ruleset *ruleset, nexd_tell tell, void *data)
{
	struct json_object *items, *table;

	if (!json_object_object_get_ex(ruleset->root, "nftables", &items))
		return;
	for (size_t i = 0; i < json_object_array_length(items); i++)
		if (json_object_object_get_ex(json_object_array_get_idx(items, i), "table",
					      &table) &&
		    !strcmp(ruleset_text(table, "family"), "inet") &&
		    !strcmp(ruleset_text(table, "name"), "nexodus"))
			tell("nftables table inet nexodus", "nft delete table inet nexodus", data);
}

void nexd_left(const struct ruleset *ruleset, const char *ifname, nexd_tell tell, void *data)
{
	const struct nft_path path = { ifname, NFT_TUNNEL, NFT_OTHER };
	int n = 0;

	tell_table(ruleset, tell, data);
	json_object_object_foreach(ruleset->chains, key, chain)
	{
		(void)key;
		if (nft_chain_is_at(chain, "forward", NULL))
			n = tell_rules(chain, &path, n, tell, data);
	}
}
