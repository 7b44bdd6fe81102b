/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nft.h - what one nf_tables rule does with a packet between two peers.
 */
#ifndef CHECK_NFT_H
#define CHECK_NFT_H

#include <stdint.h>

#include "check/firewall.h"

struct nftnl_rule;

/**
 * nft_rule_read() - judge a rule.
 * @ifname:     the relay's interface.
 * @ifindex:    its index, 0 when there is none.
 * @ret_rule:   action, certain, leftover and number are set; FW_NOTHING when the rule asks for
 *              another interface.
 * @ret_target: name of the chain of FW_JUMP and FW_GOTO, belongs to @rule; else NULL.
 */
void nft_rule_read(const struct nftnl_rule *rule, const char *ifname, uint32_t ifindex,
		   struct fw_rule *ret_rule, const char **ret_target);

#endif
