/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset.h - what nf_tables holds, as libnftables describes it in JSON (libnftables-json(5)).
 *
 * The rules of iptables-nft are among them; those of the legacy iptables are not.
 */
#ifndef CHECK_RULESET_H
#define CHECK_RULESET_H

#include <json-c/json.h>

#define RULESET_WHY_MAX 256

struct ruleset {
	struct json_object *root;
	/* "ip nat PREROUTING" -> the chain, with its rules as one more member, "rules". Families
	 * that see IP packets: ip, ip6, inet. */
	struct json_object *chains;
};

/**
 * ruleset_read() - read all of it, without the elements of sets.
 * @ret:     set on success only; freed with ruleset_done().
 * @ret_why: why not, for people.
 *
 * Return: 0; -EOPNOTSUPP when the kernel has no nf_tables; -EPERM; another negative errno.
 */
int ruleset_read(struct ruleset *ret, char ret_why[static RULESET_WHY_MAX]);

/** ruleset_done() - free what @ruleset owns and zero it; safe on a zeroed one. */
void ruleset_done(struct ruleset *ruleset);

/** ruleset_chain() - a chain by its names; NULL when there is none. */
struct json_object *ruleset_chain(const struct ruleset *ruleset, const char *family,
				  const char *table, const char *name);

/** ruleset_text() - the text of member @name of @object; "" when it has none. */
const char *ruleset_text(struct json_object *object, const char *name);

#endif
