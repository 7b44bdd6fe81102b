/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rewrite.bpf.h - act: the only writer of packet bytes. Nothing here can fail.
 */
#ifndef NEX_REWRITE_BPF_H
#define NEX_REWRITE_BPF_H

#include <bpf/bpf_endian.h>

#include "packet.bpf.h"

/**
 * decrement_hop_limit() - one hop less, as ip_decrease_ttl() (include/net/ip.h) does it.
 * @pkt: as parse() left it, hop limit at least 1.
 *
 * IPv4: the TTL is the high byte of its 16-bit word, so the checksum grows by 0x0100 (RFC 1624).
 * It was verified by parse: 0xffff as the result, which stands for zero, comes out as 0 as it does
 * in the kernel.
 */
static __always_inline void decrement_hop_limit(struct pkt *pkt)
{
	__u32 check;

	if (pkt->family == FAMILY_IPV4) {
		check = pkt->ip4->check;
		check += bpf_htons(0x0100);
		pkt->ip4->check = check + (check >= 0xffff);
		pkt->ip4->ttl--;
	} else {
		pkt->ip6->hop_limit--;
	}
}

#endif
