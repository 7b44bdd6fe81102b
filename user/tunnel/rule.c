// SPDX-License-Identifier: Apache-2.0
#include "tunnel/rule.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "tunnel/nl_batch.h"

#define RULES_MAX 65536 /* of one host */

void rules_done(struct rules *rules)
{
	free(rules->at);
	*rules = (struct rules){};
}

int rules_add(struct rules *rules, const struct rule *rule)
{
	if (rules->n >= RULES_MAX)
		return -E2BIG;
	if (array_room(&rules->at, rules->n, sizeof(*rule)))
		return -ENOMEM;
	rules->at[rules->n++] = *rule;
	return 0;
}

static void take_name(const struct nlattr *attr, char name[static IFNAMSIZ])
{
	size_t len = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));

	if (len < IFNAMSIZ)
		memcpy(name, mnl_attr_get_payload(attr), len);
}

static void take_number(const struct nlattr *attr, uint32_t *number)
{
	if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
		*number = mnl_attr_get_u32(attr);
}

static void take_attr(const struct nlattr *attr, const struct fib_rule_hdr *head, struct rule *rule)
{
	uint16_t len = mnl_attr_get_payload_len(attr);
	uint32_t suppress = 0;

	switch (mnl_attr_get_type(attr)) {
	case FRA_PRIORITY:
		take_number(attr, &rule->priority);
		break;
	case FRA_TABLE:
		take_number(attr, &rule->table);
		break;
	case FRA_PROTOCOL:
		if (len == 1)
			rule->protocol = mnl_attr_get_u8(attr);
		break;
	case FRA_IIFNAME:
		take_name(attr, rule->iif);
		break;
	case FRA_OIFNAME:
		take_name(attr, rule->oif);
		break;
	case FRA_SRC:
		if (len != (rule->family == PREFIX_IPV4 ? 4 : 16))
			break;
		rule->from = (struct prefix){ .family = rule->family, .bits = head->src_len };
		memcpy(rule->from.addr, mnl_attr_get_payload(attr), len);
		break;
	case FRA_SUPPRESS_PREFIXLEN: /* every rule has it */
		take_number(attr, &suppress);
		rule->is_plain = rule->is_plain && suppress == UINT32_MAX;
		break;
	default: /* FRA_FWMARK, FRA_UID_RANGE and others that select */
		rule->is_plain = false;
	}
}

struct reading {
	uint8_t family;
	struct rules *rules;
	size_t begin;
};

static int take_rule(const struct nlmsghdr *msg, void *data)
{
	const struct fib_rule_hdr *head = mnl_nlmsg_get_payload(msg);
	struct reading *reading = data;
	struct rule rule = { .family = reading->family };
	const struct nlattr *attr;

	if (msg->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(msg) < sizeof(*head))
		return -EPROTO;
	if (head->family != (rule.family == PREFIX_IPV4 ? AF_INET : AF_INET6))
		return 0;
	rule.table = head->table;
	rule.is_plain =
		head->action == FR_ACT_TO_TBL && !head->tos && !(head->flags & FIB_RULE_INVERT);
	mnl_attr_for_each(attr, msg, sizeof(*head))
	{
		take_attr(attr, head, &rule);
	}
	return rules_add(reading->rules, &rule);
}

static void forget_rules(void *data)
{
	struct reading *reading = data;

	reading->rules->n = reading->begin; /* with room for the power of two above, at least */
}

int rules_read(uint8_t family, struct rules *rules)
{
	struct reading reading = { .family = family, .rules = rules, .begin = rules->n };
	char request[NL_REQUEST_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(request);
	struct fib_rule_hdr *head;
	int err;

	msg->nlmsg_type = RTM_GETRULE;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->family = family == PREFIX_IPV4 ? AF_INET : AF_INET6;
	err = nl_dump(NETLINK_ROUTE, msg, take_rule, forget_rules, &reading);
	if (err)
		rules->n = reading.begin;
	return err;
}

bool rule_is_same(const struct rule *a, const struct rule *b)
{
	return a->family == b->family && a->protocol == b->protocol && a->priority == b->priority &&
	       a->table == b->table && !strcmp(a->iif, b->iif) && !strcmp(a->oif, b->oif) &&
	       !prefix_compare(&a->from, &b->from);
}

struct editing {
	uint16_t type;
	const struct rule *rules;
	size_t failed; /* the first that did */
	int err;
};

static bool fill_rule(struct nlmsghdr *msg, size_t i, void *data)
{
	const struct editing *editing = data;
	const struct rule *rule = &editing->rules[i];
	bool is_ipv4 = rule->family == PREFIX_IPV4;
	struct fib_rule_hdr *head;

	msg->nlmsg_type = editing->type;
	if (editing->type == RTM_NEWRULE)
		msg->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->family = is_ipv4 ? AF_INET : AF_INET6;
	head->action = FR_ACT_TO_TBL;
	mnl_attr_put_u32(msg, FRA_PRIORITY, rule->priority);
	mnl_attr_put_u32(msg, FRA_TABLE, rule->table);
	mnl_attr_put_u8(msg, FRA_PROTOCOL, rule->protocol);
	if (*rule->iif)
		mnl_attr_put_strz(msg, FRA_IIFNAME, rule->iif);
	if (*rule->oif)
		mnl_attr_put_strz(msg, FRA_OIFNAME, rule->oif);
	if (rule->from.family) {
		head->src_len = rule->from.bits;
		mnl_attr_put(msg, FRA_SRC, is_ipv4 ? 4 : 16, rule->from.addr);
	}
	return true;
}

static void on_edited(size_t i, int err, void *data)
{
	struct editing *editing = data;

	if (!err || err == (editing->type == RTM_NEWRULE ? -EEXIST : -ENOENT))
		return;
	if (editing->err && i > editing->failed)
		return;
	editing->failed = i;
	editing->err = err;
}

int rules_edit(uint16_t type, const struct rule *rules, size_t n)
{
	struct editing editing = { .type = type, .rules = rules };

	return nl_batch(NETLINK_ROUTE, n, fill_rule, on_edited, &editing) ?: editing.err;
}
