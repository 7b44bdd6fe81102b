// SPDX-License-Identifier: Apache-2.0
/* xtables.c - read the forward hook of legacy iptables and ip6tables. */
#include "check/xtables.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include "base/cleanup.h"

#define TABLE_BYTES_MAX (256u << 20)
#define TRIES 4 /* when the table changes between asking for its size and for itself */

struct table {
	const char *name;
	struct xt_blob blob;
	struct ipt_getinfo info;
	struct fw_ruleset *ruleset;
	int base;       /* first chain of this table in the ruleset */
	size_t *starts; /* offset of the first rule of each chain, ascending; room as ruleset */
};

/* Both families have the same structures and numbers, but for the entries (checked below). */
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO, "uapi");
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "uapi");
_Static_assert(offsetof(struct ipt_get_entries, entrytable) ==
		       offsetof(struct ip6t_get_entries, entrytable),
	       "uapi");

static int get_table(int fd, struct table *table, void **ret_bytes)
{
	int level = table->blob.ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
	socklen_t len = sizeof(table->info);
	struct ipt_get_entries *entries;

	snprintf(table->info.name, sizeof(table->info.name), "%.*s", XT_TABLE_MAXNAMELEN - 1,
		 table->name);
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &table->info, &len))
		return -errno;
	if (table->info.size > TABLE_BYTES_MAX)
		return -E2BIG;
	len = sizeof(*entries) + table->info.size;
	entries = calloc(1, len);
	if (!entries)
		return -ENOMEM;
	memcpy(entries->name, table->info.name, sizeof(entries->name));
	entries->size = table->info.size;
	*ret_bytes = entries;
	if (getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, &len))
		return -errno;
	table->blob.bytes = (const unsigned char *)entries->entrytable;
	table->blob.size = table->info.size;
	return 0;
}

static int begin_chain(struct table *table, const char *name, size_t start)
{
	struct fw_chain chain = {};
	size_t *more;
	int index;

	snprintf(chain.family, sizeof(chain.family), "%s", table->blob.ipv6 ? "ip6" : "ip");
	snprintf(chain.table, sizeof(chain.table), "%s", table->name);
	snprintf(chain.name, sizeof(chain.name), "%s", name);
	index = fw_add_chain(table->ruleset, &chain);
	if (index < 0)
		return index;
	more = reallocarray(table->starts, index - table->base + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	table->starts = more;
	table->starts[index - table->base] = start;
	return index;
}

/* The built-in chain that starts at @offset. Return: its hook; NF_INET_NUMHOOKS for none. */
static unsigned int hook_at(const struct table *table, size_t offset)
{
	unsigned int hook;

	for (hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (table->info.valid_hooks & 1u << hook && table->info.hook_entry[hook] == offset)
			break;
	return hook;
}

/* Cut the blob into chains and rules. */
static int read_entries(struct table *table)
{
	const struct xt_blob *blob = &table->blob;
	struct fw_ruleset *ruleset = table->ruleset;
	struct xt_entry entry;
	uint64_t number = 0;
	int chain = FW_NONE, err;
	unsigned int hook;

	for (size_t at = 0; at < blob->size; at = entry.next) {
		err = xt_entry_read(blob, at, &entry);
		if (err)
			return err;
		hook = hook_at(table, at);
		if (hook < NF_INET_NUMHOOKS || entry.chain_name) {
			chain = begin_chain(table, entry.chain_name ?: "FORWARD",
					    entry.chain_name ? entry.next : at);
			if (chain < 0)
				return chain;
			ruleset->chain[chain].hooked = hook == NF_INET_FORWARD;
			number = 0;
		}
		if (chain == FW_NONE)
			return -EPROTO;
		if (ruleset->chain[chain].hooked && at == table->info.underflow[NF_INET_FORWARD]) {
			ruleset->chain[chain].policy_drop = entry.rule.action == FW_DROP;
			continue;
		}
		if (entry.chain_name)
			continue;
		entry.rule.number = ++number;
		err = fw_add_rule(ruleset, chain, &entry.rule);
		if (err)
			return err;
	}
	return 0;
}

static int compare_starts(const void *a, const void *b)
{
	size_t left = *(const size_t *)a, right = *(const size_t *)b;

	return (left > right) - (left < right);
}

/* From offsets to chains. A jump into the middle of one is none that iptables can make. */
static void resolve_jumps(struct table *table, size_t first_rule)
{
	struct fw_ruleset *ruleset = table->ruleset;
	size_t n = ruleset->n_chains - table->base, offset, *start;

	for (size_t i = first_rule; i < ruleset->n_rules; i++) {
		struct fw_rule *rule = &ruleset->rule[i];

		if (rule->action != FW_JUMP && rule->action != FW_GOTO)
			continue;
		offset = rule->target;
		start = bsearch(&offset, table->starts, n, sizeof(*start), compare_starts);
		rule->target = start ? table->base + (int)(start - table->starts) : FW_NONE;
	}
}

static int read_table(int fd, struct table *table)
{
	size_t first_rule = table->ruleset->n_rules;
	auto_free void *bytes = NULL;
	int err, tries = 0;

	table->base = table->ruleset->n_chains;
	do {
		free(bytes);
		bytes = NULL;
		err = get_table(fd, table, &bytes);
	} while (err == -EAGAIN && ++tries < TRIES);
	if (err || !(table->info.valid_hooks & 1u << NF_INET_FORWARD))
		return err;
	err = read_entries(table);
	if (!err)
		resolve_jumps(table, first_rule);
	free(table->starts);
	return err;
}

int fw_read_xtables(const char *ifname, bool ipv6, struct fw_ruleset *ruleset)
{
	auto_close int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	auto_fclose FILE *names = NULL;
	char name[XT_TABLE_MAXNAMELEN + 2];
	int err = 0;

	if (fd < 0)
		return errno == EAFNOSUPPORT ? 0 : -errno;
	/* Asking for a table that is not in here would make the kernel create it. */
	names = fopen(ipv6 ? "/proc/net/ip6_tables_names" : "/proc/net/ip_tables_names", "re");
	if (!names)
		return errno == ENOENT ? 0 : -errno;
	while (!err && fgets(name, sizeof(name), names)) {
		struct table table = {
			.name = name,
			.blob = { .ifname = ifname, .ipv6 = ipv6 },
			.ruleset = ruleset,
		};

		name[strcspn(name, "\n")] = '\0';
		err = read_table(fd, &table);
	}
	return err;
}
