/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decide.bpf.h - decide: from what parse saw and the maps alone, whether a packet is forwarded.
 *
 * Shared by both hooks, so that they cannot come to different answers.
 */
#ifndef NEX_DECIDE_BPF_H
#define NEX_DECIDE_BPF_H

#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"

/*
 * Set by user/datapath between open and load, constant afterwards: the verifier removes the code
 * of what is off.
 */
const volatile bool cfg_relay_only = false; /* --forward relay-only */

/* Where the packets of the two sides are counted. */
struct pair {
	struct nex_slot_stats *src;
	struct nex_slot_stats *dst;
};

static __always_inline struct nex_owner *addr4_owner(__u32 scope, __be32 addr_be)
{
	struct nex_addr4 addr = { .scope = scope };
	struct nex_cidr4 cidr = { .prefix_bits = NEX_SCOPE_BITS + 32, .scope = scope };
	struct nex_owner *owner;
	struct nex_scope *has;

	__builtin_memcpy(addr.addr, &addr_be, sizeof(addr.addr));
	owner = bpf_map_lookup_elem(&nex_addr4, &addr);
	if (owner)
		return owner;

	has = bpf_map_lookup_elem(&nex_scopes, &scope);
	if (!has || !has->cidrs4)
		return NULL;
	__builtin_memcpy(cidr.addr, &addr_be, sizeof(cidr.addr));
	return bpf_map_lookup_elem(&nex_cidr4, &cidr);
}

static __always_inline struct nex_owner *addr6_owner(__u32 scope, const struct in6_addr *in6)
{
	struct nex_addr6 addr = { .scope = scope };
	struct nex_cidr6 cidr = { .prefix_bits = NEX_SCOPE_BITS + 128, .scope = scope };
	struct nex_owner *owner;
	struct nex_scope *has;

	__builtin_memcpy(addr.addr, in6, sizeof(addr.addr));
	owner = bpf_map_lookup_elem(&nex_addr6, &addr);
	if (owner)
		return owner;

	has = bpf_map_lookup_elem(&nex_scopes, &scope);
	if (!has || !has->cidrs6)
		return NULL;
	__builtin_memcpy(cidr.addr, in6, sizeof(cidr.addr));
	return bpf_map_lookup_elem(&nex_cidr6, &cidr);
}

static __always_inline struct nex_owner *source_owner(const struct pkt *pkt)
{
	if (pkt->family == FAMILY_IPV4)
		return addr4_owner(pkt->scope, pkt->ip4->saddr);
	return addr6_owner(pkt->scope, &pkt->ip6->saddr);
}

static __always_inline struct nex_owner *destination_owner(const struct pkt *pkt)
{
	if (pkt->family == FAMILY_IPV4)
		return addr4_owner(pkt->scope, pkt->ip4->daddr);
	return addr6_owner(pkt->scope, &pkt->ip6->daddr);
}

/**
 * decide() - whose packet this is, and whether it goes on.
 * @pkt:      as parse() left it when it returned NEX_V_FORWARDED.
 * @ret_pair: the counters of both sides; set when NEX_V_FORWARDED is returned.
 *
 * The destination comes first: what is for the relay or for nobody costs no second lookup.
 * Whether the packet fits the MTU is left to the hook, which alone can ask the kernel.
 *
 * Return: NEX_V_FORWARDED, or the verdict with which the packet leaves us.
 */
static __always_inline enum nex_verdict decide(const struct pkt *pkt, struct pair *ret_pair)
{
	struct nex_owner *src, *dst;

	dst = destination_owner(pkt);
	if (!dst)
		return NEX_V_UNKNOWN_DST;
	if (dst->flags & NEX_OWNER_LOCAL)
		return NEX_V_LOCAL;
	src = source_owner(pkt);
	if (!src || src->flags & NEX_OWNER_LOCAL)
		return NEX_V_UNKNOWN_SRC;
	if (src->slot == dst->slot)
		return NEX_V_SAME_PEER;
	if (cfg_relay_only && !((src->flags | dst->flags) & NEX_OWNER_RELAY_ONLY))
		return NEX_V_NOT_ALLOWED;
	if (pkt->hop_limit <= 1)
		return NEX_V_HOP_LIMIT;

	ret_pair->src = bpf_map_lookup_elem(&nex_slot_stats, &src->slot);
	ret_pair->dst = bpf_map_lookup_elem(&nex_slot_stats, &dst->slot);
	if (!ret_pair->src || !ret_pair->dst)
		return NEX_V_NO_COUNTER;
	return NEX_V_FORWARDED;
}

#endif
