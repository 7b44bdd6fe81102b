/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft_rule.h - what one rule of nf_tables does with a packet that takes a certain path.
 *
 * Only conditions on the interfaces are evaluated: with any other a rule may or may not apply.
 */
#ifndef CHECK_NFT_RULE_H
#define CHECK_NFT_RULE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

enum nft_side {
	NFT_TUNNEL,  /* the tunnel */
	NFT_OTHER,   /* some interface that is not the tunnel */
	NFT_UNKNOWN, /* not known at that hook */
};

struct nft_path {
	const char *ifname; /* of the tunnel */
	enum nft_side in, out;
};

enum nft_truth { NFT_NO, NFT_MAYBE, NFT_YES };

enum nft_verdict {
	NFT_GOES_ON, /* or what is not looked at, such as verdict maps */
	NFT_ACCEPTS,
	NFT_DROPS, /* or rejects */
	NFT_RETURNS,
	NFT_JUMPS,
	NFT_GOES_TO,
	NFT_DNATS,
	NFT_SNATS, /* or masquerades */
};

/* Its texts belong to the rule. */
struct nft_rule {
	enum nft_truth applies;
	enum nft_verdict verdict;
	const char *family, *table, *chain;
	const char *target; /* chain of NFT_JUMPS and NFT_GOES_TO */
	uint64_t handle;
	bool accepts_all_in;      /* all that comes by the tunnel, and it is nothing else */
	bool is_xt;               /* the verdict is an extension of iptables, shown by name alone */
	struct json_object *nat;  /* the statement of NFT_DNATS, but for is_xt */
	struct json_object *expr; /* all expressions, an array; or NULL */
};

/** nft_rule_read() - judge @rule, a "rule" object, for packets that take @path. */
struct nft_rule nft_rule_read(struct json_object *rule, const struct nft_path *path);

/** nft_rule_interfaces() - the same by its conditions on interfaces alone. */
enum nft_truth nft_rule_interfaces(const struct nft_rule *rule, const struct nft_path *path);

/**
 * nft_rule_match() - what @expr, one expression, asks of a field of the packet.
 * @protocol: "ip", "ip6", "tcp", ...
 * @ret_op:   "==", "!=", "in", ...
 *
 * Return: what it is compared with; NULL when @expr is about something else.
 */
struct json_object *nft_rule_match(struct json_object *expr, const char *protocol,
				   const char *field, const char **ret_op);

/** nft_rule_interface() - the same for an interface: @key is "iifname", "oifname", ... */
struct json_object *nft_rule_interface(struct json_object *expr, const char *key,
				       const char **ret_op);

#endif
