// SPDX-License-Identifier: Apache-2.0
/*
 * xtables_entry.c - decode one entry of a legacy iptables or ip6tables table.
 *
 * What the blob says is checked as if it came from anywhere.
 */
#include "check/xtables.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

static bool interface_is(const char *ifname, const char *want, const unsigned char *mask,
			 bool inverted)
{
	char name[IFNAMSIZ] = "";
	bool equal = true;

	strncpy(name, ifname, sizeof(name) - 1);
	for (int i = 0; i < IFNAMSIZ; i++)
		if ((name[i] ^ want[i]) & mask[i])
			equal = false;
	return equal != inverted;
}

static bool all_zero(const void *bytes, size_t n)
{
	for (const unsigned char *byte = bytes; n; byte++, n--)
		if (*byte)
			return false;
	return true;
}

/* What differs between the families: where things are, and which conditions there are. */
struct head {
	const char *in, *out;
	const unsigned char *in_mask, *out_mask;
	unsigned int inverted, target_offset, next_offset;
	bool is_goto, plain; /* plain: no condition but the interfaces */
};

static struct head head4(const struct ipt_entry *entry)
{
	return (struct head){
		.in = entry->ip.iniface,
		.out = entry->ip.outiface,
		.in_mask = entry->ip.iniface_mask,
		.out_mask = entry->ip.outiface_mask,
		.inverted = entry->ip.invflags,
		.target_offset = entry->target_offset,
		.next_offset = entry->next_offset,
		.is_goto = entry->ip.flags & IPT_F_GOTO,
		.plain = !entry->ip.smsk.s_addr && !entry->ip.dmsk.s_addr && !entry->ip.proto &&
			 !(entry->ip.flags & IPT_F_FRAG) && entry->target_offset == sizeof(*entry),
	};
}

static struct head head6(const struct ip6t_entry *entry)
{
	return (struct head){
		.in = entry->ipv6.iniface,
		.out = entry->ipv6.outiface,
		.in_mask = entry->ipv6.iniface_mask,
		.out_mask = entry->ipv6.outiface_mask,
		.inverted = entry->ipv6.invflags,
		.target_offset = entry->target_offset,
		.next_offset = entry->next_offset,
		.is_goto = entry->ipv6.flags & IP6T_F_GOTO,
		.plain = all_zero(&entry->ipv6.smsk, sizeof(entry->ipv6.smsk)) &&
			 all_zero(&entry->ipv6.dmsk, sizeof(entry->ipv6.dmsk)) &&
			 !(entry->ipv6.flags & (IP6T_F_PROTO | IP6T_F_TOS)) &&
			 entry->target_offset == sizeof(*entry),
	};
}

/* The verdict of a standard target: a jump's offset, or minus a netfilter verdict minus 1. */
static void read_verdict(int verdict, bool is_goto, struct fw_rule *rule)
{
	if (verdict >= 0) {
		rule->action = is_goto ? FW_GOTO : FW_JUMP;
		rule->target = verdict;
	} else if (verdict == -NF_DROP - 1) {
		rule->action = FW_DROP;
	} else if (verdict == -NF_ACCEPT - 1) {
		rule->action = FW_ACCEPT;
	} else if (verdict == XT_RETURN) {
		rule->action = FW_RETURN;
	}
}

static int read_target(const struct xt_blob *blob, size_t offset, size_t len, bool is_goto,
		       struct xt_entry *entry)
{
	const struct xt_entry_target *target = (const void *)(blob->bytes + offset);
	const char *name = target->u.user.name;

	if (strnlen(name, sizeof(target->u.user.name)) == sizeof(target->u.user.name))
		return -EPROTO;
	if (!strcmp(name, XT_STANDARD_TARGET)) {
		if (len < sizeof(struct xt_standard_target))
			return -EPROTO;
		read_verdict(((const struct xt_standard_target *)target)->verdict, is_goto,
			     &entry->rule);
	} else if (!strcmp(name, XT_ERROR_TARGET)) {
		if (len < sizeof(struct xt_error_target))
			return -EPROTO;
		entry->chain_name = ((const struct xt_error_target *)target)->errorname;
		if (strnlen(entry->chain_name, XT_FUNCTION_MAXNAMELEN) == XT_FUNCTION_MAXNAMELEN)
			return -EPROTO;
	} else if (!strcmp(name, "REJECT") || !strcmp(name, "DROP")) {
		entry->rule.action = FW_DROP;
	}
	return 0;
}

int xt_entry_read(const struct xt_blob *blob, size_t offset, struct xt_entry *ret_entry)
{
	size_t size = blob->ipv6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
	struct xt_entry entry = { .rule.target = FW_NONE };
	const unsigned char *at = blob->bytes + offset;
	struct head head;
	int err;

	if (blob->size - offset < size)
		return -EPROTO;
	head = blob->ipv6 ? head6((const void *)at) : head4((const void *)at);
	if (head.target_offset < size || head.next_offset > blob->size - offset ||
	    head.next_offset < head.target_offset + sizeof(struct xt_entry_target) ||
	    (head.target_offset | head.next_offset) % __alignof__(struct ipt_entry))
		return -EPROTO;
	entry.next = offset + head.next_offset;
	err = read_target(blob, offset + head.target_offset, head.next_offset - head.target_offset,
			  head.is_goto, &entry);
	if (err)
		return err;
	entry.rule.certain = head.plain && !(head.inverted & ~(IPT_INV_VIA_IN | IPT_INV_VIA_OUT));
	entry.rule.leftover = entry.rule.action == FW_ACCEPT && entry.rule.certain &&
			      !head.inverted && *head.in && !*head.out;
	if (!interface_is(blob->ifname, head.in, head.in_mask, head.inverted & IPT_INV_VIA_IN) ||
	    !interface_is(blob->ifname, head.out, head.out_mask, head.inverted & IPT_INV_VIA_OUT))
		entry.rule.action = FW_NOTHING;
	*ret_entry = entry;
	return 0;
}
