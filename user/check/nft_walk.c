// SPDX-License-Identifier: Apache-2.0
#include "check/nft_walk.h"

#include <string.h>

#define DEPTH_MAX 16    /* the kernel's own limit for jumps (NFT_JUMP_STACK_SIZE) */
#define STEPS_MAX 65536 /* rules looked at for one base chain */

/* Return: whether a packet may come out at the end of the chain. */
static bool follow(struct nft_walk *walk, struct json_object *chain, bool certain, int depth)
{
	struct json_object *rules;

	if (!json_object_object_get_ex(chain, "rules", &rules))
		return true;
	for (size_t i = 0; i < json_object_array_length(rules) && walk->steps++ < STEPS_MAX; i++) {
		struct nft_rule rule =
			nft_rule_read(json_object_array_get_idx(rules, i), &walk->path);
		bool is_sure = rule.applies == NFT_YES, comes_out = false;
		struct json_object *target;

		if (rule.applies == NFT_NO || rule.verdict == NFT_GOES_ON)
			continue;
		if (rule.verdict == NFT_JUMPS || rule.verdict == NFT_GOES_TO) {
			target = ruleset_chain(walk->ruleset, rule.family, rule.table, rule.target);
			comes_out = !target || depth >= DEPTH_MAX ||
				    follow(walk, target, certain && is_sure, depth + 1);
			if (rule.verdict == NFT_JUMPS && comes_out)
				continue;
		} else {
			comes_out = rule.verdict == NFT_RETURNS;
			walk->visit(&rule, certain && is_sure, walk->data);
		}
		if (is_sure)
			return comes_out;
	}
	return true;
}

bool nft_walk_chain(struct nft_walk *walk, struct json_object *chain)
{
	walk->steps = 0;
	return follow(walk, chain, true, 0);
}

bool nft_chain_is_at(struct json_object *chain, const char *hook, const char *type)
{
	return !strcmp(ruleset_text(chain, "hook"), hook) &&
	       (!type || !strcmp(ruleset_text(chain, "type"), type));
}

void nft_walk_hook(struct nft_walk *walk, const char *hook, const char *type)
{
	json_object_object_foreach(walk->ruleset->chains, key, chain)
	{
		(void)key;
		if (nft_chain_is_at(chain, hook, type))
			(void)nft_walk_chain(walk, chain);
	}
}
