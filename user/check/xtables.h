/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xtables.h - one entry of a legacy iptables or ip6tables table.
 *
 * The kernel hands out a table as one blob: entries one after the other, jumps are offsets into
 * it, a user's chain starts with an entry that has its name and ends with a RETURN, and the last
 * entry of a built-in chain (the underflow) is its policy.
 */
#ifndef CHECK_XTABLES_H
#define CHECK_XTABLES_H

#include <stddef.h>

#include "check/firewall.h"

struct xt_blob {
	const char *ifname; /* the relay's interface */
	bool ipv6;
	const unsigned char *bytes; /* aligned as malloc() does */
	size_t size;
};

struct xt_entry {
	struct fw_rule rule;    /* .target of a jump is an offset into the blob */
	const char *chain_name; /* this entry is no rule but the head of that chain; else NULL */
	size_t next;            /* offset of the next entry */
};

/**
 * xt_entry_read() - decode the entry at @offset, which is below the size of the blob.
 * @ret_entry: set on success only; borrows from @blob.
 *
 * Return: 0; -EPROTO when the blob contradicts itself.
 */
int xt_entry_read(const struct xt_blob *blob, size_t offset, struct xt_entry *ret_entry);

#endif
