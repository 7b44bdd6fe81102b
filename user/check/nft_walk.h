/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_walk.h - follow a base chain of nf_tables, and the chains it jumps to, as a packet would.
 *
 * Verdict maps are not followed. A rule that may not apply does not end anything.
 */
#ifndef CHECK_NFT_WALK_H
#define CHECK_NFT_WALK_H

#include "check/nft_rule.h"
#include "check/ruleset.h"

/**
 * nft_visit - a rule with a verdict that a packet may get to.
 * @certain: it gets there, and the rule applies to it.
 */
typedef void (*nft_visit)(const struct nft_rule *rule, bool certain, void *data);

struct nft_walk {
	const struct ruleset *ruleset;
	struct nft_path path;
	nft_visit visit;
	void *data;
	int steps; /* from 0; so many rules were looked at */
};

/**
 * nft_walk_chain() - follow one base chain.
 *
 * Return: whether a packet may get to the policy at its end.
 */
bool nft_walk_chain(struct nft_walk *walk, struct json_object *chain);

/** nft_chain_is_at() - is it a base chain of @type ("filter", "nat"; NULL: any) at @hook? */
bool nft_chain_is_at(struct json_object *chain, const char *hook, const char *type);

/** nft_walk_hook() - follow all base chains of @type at @hook. */
void nft_walk_hook(struct nft_walk *walk, const char *hook, const char *type);

#endif
