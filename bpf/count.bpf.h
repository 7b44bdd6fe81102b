/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * count.bpf.h - the counters: one verdict for every packet, two slots for a forwarded one.
 *
 * All are per CPU and a BPF program is not interrupted by itself on a CPU at this hook: plain
 * additions, no atomics, no cache line that two CPUs write.
 */
#ifndef NEX_COUNT_BPF_H
#define NEX_COUNT_BPF_H

#include <bpf/bpf_helpers.h>

#include "decide.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"

static __always_inline void count_add(struct nex_count *count, const struct pkt *pkt)
{
	/*
	 * Where several counters are possible, the compiler must not merge them into one addition
	 * of a variable offset: the verifier refuses that without CAP_PERFMON (Spectre v1).
	 */
	asm volatile("" : "+r"(count));
	count->packets += pkt->segments;
	count->bytes += pkt->wire_bytes;
}

static __always_inline void count_verdict(enum nex_verdict verdict, const struct pkt *pkt)
{
	__u32 key = verdict;
	struct nex_verdict_stats *stats = bpf_map_lookup_elem(&nex_verdicts, &key);

	if (!stats)
		return;
	if (pkt->family == FAMILY_IPV4)
		count_add(&stats->ipv4, pkt);
	else if (pkt->family == FAMILY_IPV6)
		count_add(&stats->ipv6, pkt);
	else
		count_add(&stats->other, pkt);
}

static __always_inline void count_pair(struct pair *pair, const struct pkt *pkt)
{
	count_add(&pair->src->from_peer, pkt);
	count_add(&pair->dst->to_peer, pkt);
}

#endif
