/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xt_nat.h - where a DNAT target of iptables-nft leads to. libnftables shows its name alone.
 */
#ifndef CHECK_XT_NAT_H
#define CHECK_XT_NAT_H

#include "base/prefix.h"
#include "check/nft_rule.h"

/**
 * xt_nat_read() - ask the kernel for @rule, which has is_xt and NFT_DNATS.
 * @ret_to: the first address; a host.
 *
 * Return: 0; -ENOENT when the rule is gone, or names no address; another negative errno.
 */
int xt_nat_read(const struct nft_rule *rule, struct prefix *ret_to);

#endif
