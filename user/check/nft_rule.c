// SPDX-License-Identifier: Apache-2.0
#include "check/nft_rule.h"

#include <string.h>

#include "base/json_member.h"
#include "check/ruleset.h"

struct json_object *nft_rule_match(struct json_object *expr, const char *protocol,
				   const char *field, const char **ret_op)
{
	struct json_object *match = json_member(expr, "match");
	struct json_object *payload = json_member(json_member(match, "left"), "payload");

	if (!payload || strcmp(ruleset_text(payload, "protocol"), protocol) != 0 ||
	    strcmp(ruleset_text(payload, "field"), field) != 0)
		return NULL;
	*ret_op = ruleset_text(match, "op");
	return json_member(match, "right");
}

struct json_object *nft_rule_interface(struct json_object *expr, const char *key,
				       const char **ret_op)
{
	struct json_object *match = json_member(expr, "match");
	struct json_object *meta = json_member(json_member(match, "left"), "meta");

	if (!meta || strcmp(ruleset_text(meta, "key"), key) != 0)
		return NULL;
	*ret_op = ruleset_text(match, "op");
	return json_member(match, "right");
}

/* "wg0", or "wg*": any name that begins so. */
static bool names_tunnel(const char *pattern, const char *ifname)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return !strncmp(pattern, ifname, len - 1);
	return !strcmp(pattern, ifname);
}

/* Is the interface on @side the one that @text means? */
static enum nft_truth is_named(const char *text, enum nft_side side, const char *ifname)
{
	bool ours = names_tunnel(text, ifname);

	if (*text == '@' || side == NFT_UNKNOWN)
		return NFT_MAYBE;
	if (side == NFT_TUNNEL)
		return ours ? NFT_YES : NFT_NO;
	return ours && !strchr(text, '*') ? NFT_NO : NFT_MAYBE;
}

static enum nft_truth is_among(struct json_object *right, enum nft_side side, const char *ifname)
{
	struct json_object *set = json_member(right, "set");
	enum nft_truth best = NFT_NO;

	if (json_object_is_type(right, json_type_string))
		return is_named(json_object_get_string(right), side, ifname);
	/* An interface that is no more is shown by its number. */
	if (json_object_is_type(right, json_type_int))
		return side == NFT_TUNNEL ? NFT_NO : NFT_MAYBE;
	if (!json_object_is_type(set, json_type_array))
		return NFT_MAYBE;
	for (size_t i = 0; i < json_object_array_length(set); i++) {
		struct json_object *item = json_object_array_get_idx(set, i);
		enum nft_truth truth = json_object_is_type(item, json_type_string)
					       ? is_among(item, side, ifname)
					       : NFT_MAYBE;

		if (truth > best)
			best = truth;
	}
	return best;
}

/* NFT_MAYBE also for what is no condition on an interface: then @ret_is_other is set. */
static enum nft_truth match_truth(struct json_object *expr, const struct nft_path *path,
				  bool *ret_is_other)
{
	static const struct {
		const char *key;
		bool is_in;
	} keys[] = { { "iifname", true }, { "iif", true }, { "oifname", false }, { "oif", false } };
	struct json_object *right;
	const char *op;

	*ret_is_other = false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		enum nft_truth truth;

		right = nft_rule_interface(expr, keys[i].key, &op);
		if (!right)
			continue;
		truth = is_among(right, keys[i].is_in ? path->in : path->out, path->ifname);
		if (!strcmp(op, "!="))
			return NFT_YES - truth;
		return strcmp(op, "==") != 0 && strcmp(op, "in") != 0 ? NFT_MAYBE : truth;
	}
	*ret_is_other = true;
	return NFT_MAYBE;
}

enum nft_truth nft_rule_interfaces(const struct nft_rule *rule, const struct nft_path *path)
{
	enum nft_truth least = NFT_YES;

	for (size_t i = 0; rule->expr && i < json_object_array_length(rule->expr); i++) {
		bool is_other;
		enum nft_truth truth =
			match_truth(json_object_array_get_idx(rule->expr, i), path, &is_other);

		if (!is_other && truth < least)
			least = truth;
	}
	return least;
}

static const struct verdict_name {
	const char *name;
	enum nft_verdict verdict;
} statements[] = {
	{ "accept", NFT_ACCEPTS },  { "drop", NFT_DROPS }, { "reject", NFT_DROPS },
	{ "return", NFT_RETURNS },  { "jump", NFT_JUMPS }, { "goto", NFT_GOES_TO },
	{ "dnat", NFT_DNATS },      { "snat", NFT_SNATS }, { "masquerade", NFT_SNATS },
	{ "redirect", NFT_ACCEPTS } /* to this host */,
}, extensions[] = {
	{ "DROP", NFT_DROPS }, { "REJECT", NFT_DROPS },     { "DNAT", NFT_DNATS },
	{ "SNAT", NFT_SNATS }, { "MASQUERADE", NFT_SNATS }, { "REDIRECT", NFT_ACCEPTS },
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void take_extension(struct json_object *xt, struct nft_rule *rule)
{
	const char *name = ruleset_text(xt, "name");

	if (!strcmp(ruleset_text(xt, "type"), "target")) {
		for (size_t i = 0; i < LENGTH(extensions); i++)
			if (!strcmp(name, extensions[i].name))
				rule->verdict = extensions[i].verdict;
		rule->is_xt = true;
	} else if (strcmp(name, "comment") != 0 && rule->applies == NFT_YES) {
		rule->applies = NFT_MAYBE;
	}
}

/* Return: whether it is a verdict. */
static bool take_verdict(struct json_object *expr, struct nft_rule *rule)
{
	for (size_t i = 0; i < LENGTH(statements); i++) {
		struct json_object *statement;

		if (!json_object_object_get_ex(expr, statements[i].name, &statement))
			continue;
		rule->verdict = statements[i].verdict;
		rule->nat = rule->verdict == NFT_DNATS ? statement : NULL;
		rule->target = ruleset_text(statement, "target");
		return true;
	}
	return false;
}

static bool is_neutral(struct json_object *expr)
{
	return json_object_object_get_ex(expr, "counter", NULL) ||
	       json_object_object_get_ex(expr, "log", NULL) || json_member(expr, "mangle");
}

static void take_expression(struct json_object *expr, const struct nft_path *path,
			    struct nft_rule *rule)
{
	struct json_object *xt;
	enum nft_truth truth;
	bool is_other;

	if (is_neutral(expr) || take_verdict(expr, rule))
		return;
	if (json_object_object_get_ex(expr, "xt", &xt)) {
		take_extension(xt, rule);
		return;
	}
	truth = match_truth(expr, path, &is_other);
	if (truth < rule->applies)
		rule->applies = truth;
}

/* As `nexd relay` has it: iifname "wg0" counter accept. */
static bool accepts_all_in(const struct nft_rule *rule, const char *ifname)
{
	size_t n = rule->expr ? json_object_array_length(rule->expr) : 0;
	bool is_named_tunnel = false;

	if (rule->verdict != NFT_ACCEPTS)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *expr = json_object_array_get_idx(rule->expr, i);
		const char *op = "";
		struct json_object *right = nft_rule_interface(expr, "iifname", &op);

		if (!right)
			right = nft_rule_interface(expr, "iif", &op);
		if (right && !strcmp(op, "==") && json_object_is_type(right, json_type_string) &&
		    !strcmp(json_object_get_string(right), ifname))
			is_named_tunnel = true;
		else if (json_member(expr, "match") || json_member(expr, "xt"))
			return false;
	}
	return is_named_tunnel;
}

struct nft_rule nft_rule_read(struct json_object *json, const struct nft_path *path)
{
	struct nft_rule rule = {
		.applies = NFT_YES,
		.family = ruleset_text(json, "family"),
		.table = ruleset_text(json, "table"),
		.chain = ruleset_text(json, "chain"),
		.target = "",
		.handle = json_object_get_int64(json_member(json, "handle")),
		.expr = json_member(json, "expr"),
	};
	if (!json_object_is_type(rule.expr, json_type_array))
		rule.expr = NULL;
	for (size_t i = 0; rule.expr && i < json_object_array_length(rule.expr); i++)
		take_expression(json_object_array_get_idx(rule.expr, i), path, &rule);
	rule.accepts_all_in = accepts_all_in(&rule, path->ifname);
	return rule;
}
