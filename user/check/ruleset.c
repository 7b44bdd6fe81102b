// SPDX-License-Identifier: Apache-2.0
#include "check/ruleset.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tunnel/nl.h"

#define KEY_MAX 1024 /* family, table and chain: 8 and twice NFT_NAME_MAXLEN at most */

void ruleset_done(struct ruleset *ruleset)
{
	json_object_put(ruleset->chains);
	json_object_put(ruleset->root);
	*ruleset = (struct ruleset){};
}

const char *ruleset_text(struct json_object *object, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return "";
	return json_object_get_string(value);
}

/* libnftables ends the whole process where the kernel has no netlink socket for it. */
static int probe(void)
{
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct nfgenmsg *head;
	int err;

	msg->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	*head = (struct nfgenmsg){ .version = NFNETLINK_V0 };
	err = nl_ask(NETLINK_NETFILTER, msg, NULL, NULL);
	/* Without the protocol, and without the subsystem in it. */
	return err == -EPROTONOSUPPORT || err == -EINVAL ? -EOPNOTSUPP : err;
}

/* Return: negative errno; 0 with @ret. */
static int list_json(struct json_object **ret, char why[static RULESET_WHY_MAX])
{
	struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	const char *said;
	int err = -EIO;

	if (!nft)
		return -ENOMEM;
	/* Sets may have any number of elements. */
	nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_TERSE);
	if (nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft)) {
		err = -ENOMEM;
	} else if (nft_run_cmd_from_buffer(nft, "list ruleset")) {
		said = nft_ctx_get_error_buffer(nft);
		snprintf(why, RULESET_WHY_MAX, "%.*s", (int)strcspn(said ?: "", "\n"), said ?: "");
	} else {
		*ret = json_tokener_parse(nft_ctx_get_output_buffer(nft) ?: "");
		if (*ret)
			err = 0;
		else
			snprintf(why, RULESET_WHY_MAX, "libnftables' answer is no JSON");
	}
	nft_ctx_free(nft);
	return err;
}

/* Return: @key. */
static const char *make_key(char key[static KEY_MAX], const char *family, const char *table,
			    const char *name)
{
	snprintf(key, KEY_MAX, "%s %s %s", family, table, name);
	return key;
}

static bool sees_ip(const char *family)
{
	return !strcmp(family, "ip") || !strcmp(family, "ip6") || !strcmp(family, "inet");
}

static int add_chain(struct ruleset *ruleset, struct json_object *chain)
{
	const char *family = ruleset_text(chain, "family");
	char key[KEY_MAX];

	if (!sees_ip(family))
		return 0;
	make_key(key, family, ruleset_text(chain, "table"), ruleset_text(chain, "name"));
	if (json_object_object_add(chain, "rules", json_object_new_array()))
		return -ENOMEM;
	return json_object_object_add(ruleset->chains, key, json_object_get(chain)) ? -ENOMEM : 0;
}

static int add_rule(struct ruleset *ruleset, struct json_object *rule)
{
	struct json_object *chain =
		ruleset_chain(ruleset, ruleset_text(rule, "family"), ruleset_text(rule, "table"),
			      ruleset_text(rule, "chain"));
	struct json_object *rules;

	if (!chain || !json_object_object_get_ex(chain, "rules", &rules))
		return 0;
	return json_object_array_add(rules, json_object_get(rule)) ? -ENOMEM : 0;
}

/* Chains come before the rules that jump to them. */
static int index_chains(struct ruleset *ruleset, struct json_object *items)
{
	size_t n = json_object_array_length(items);
	struct json_object *item;
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		if (json_object_object_get_ex(json_object_array_get_idx(items, i), "chain", &item))
			err = add_chain(ruleset, item);
	for (size_t i = 0; !err && i < n; i++)
		if (json_object_object_get_ex(json_object_array_get_idx(items, i), "rule", &item))
			err = add_rule(ruleset, item);
	return err;
}

int ruleset_read(struct ruleset *ret, char ret_why[static RULESET_WHY_MAX])
{
	AUTO(ruleset_done) struct ruleset ruleset = {};
	struct json_object *items = NULL;
	int err = probe();

	ret_why[0] = '\0';
	if (!err)
		err = list_json(&ruleset.root, ret_why);
	if (!err) {
		ruleset.chains = json_object_new_object();
		err = !ruleset.chains ? -ENOMEM
		      : !json_object_object_get_ex(ruleset.root, "nftables", &items) ||
				      !json_object_is_type(items, json_type_array)
			      ? -EPROTO
			      : index_chains(&ruleset, items);
	}
	if (err && !*ret_why)
		snprintf(ret_why, RULESET_WHY_MAX, "%s", strerror(-err));
	if (err)
		return err;
	*ret = ruleset;
	ruleset = (struct ruleset){};
	return 0;
}

struct json_object *ruleset_chain(const struct ruleset *ruleset, const char *family,
				  const char *table, const char *name)
{
	struct json_object *chain;
	char key[KEY_MAX];

	return json_object_object_get_ex(ruleset->chains, make_key(key, family, table, name),
					 &chain)
		       ? chain
		       : NULL;
}
