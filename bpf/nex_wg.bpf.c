// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * nex_wg.bpf.c - the two hooks on a WireGuard interface.
 *
 * nex_wg_tc   TC ingress (tcx, or clsact in direct-action mode); sees GRO super-packets whole.
 * nex_wg_xdp  generic XDP; sees single, linear packets, because XDP switches GRO off.
 *
 * Both take three stages: look (parse.bpf.h), decide (decide.bpf.h), act (rewrite.bpf.h). A packet
 * that is forwarded leaves by the interface it came in by; WireGuard's own AllowedIPs pick the
 * peer. A packet that is not ours goes on as if no program were there.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "nex_abi.h"
#include "count.bpf.h"
#include "decide.bpf.h"
#include "packet.bpf.h"
#include "parse.bpf.h"
#include "rewrite.bpf.h"

#define TCP_DATA_OFFSET_BYTE 12 /* of the TCP header, RFC 9293 section 3.1 */
#define UDP_HEADER_BYTES 8

/* Set by user/datapath between open and load, constant afterwards. */
const volatile bool cfg_strict = false;      /* --strict: drop what the rule does not allow */
const volatile bool cfg_xdp_buff_len = true; /* has bpf_xdp_get_buff_len(): kernel 5.18 */

/*
 * Headers that GRO left out of all segments but the first. This is the one look beyond the IP
 * header, for the byte count of a super-packet and for nothing else: once per batch.
 */
static __always_inline __u32 segment_header_bytes(struct __sk_buff *skb, const struct pkt *pkt)
{
	__u8 data_offset = 0;
	__u32 ip_bytes;

	if (pkt->family == FAMILY_IPV4)
		ip_bytes = sizeof(struct iphdr);
	else
		ip_bytes = sizeof(struct ipv6hdr);
	if (pkt->protocol == IPPROTO_UDP)
		return ip_bytes + UDP_HEADER_BYTES;
	if (pkt->protocol == IPPROTO_TCP)
		(void)bpf_skb_load_bytes(skb, ip_bytes + TCP_DATA_OFFSET_BYTE, &data_offset, 1);
	return ip_bytes + (data_offset >> 4) * 4;
}

/* A super-packet counts as what it is on the wire: its segments, each with its headers. */
static __always_inline void measure_segments(struct __sk_buff *skb, struct pkt *pkt)
{
	__u32 header_bytes = segment_header_bytes(skb, pkt);

	pkt->segments = skb->gso_segs;
	/* Packets from a guest or a tun device come without the number (SKB_GSO_DODGY). */
	if (!pkt->segments && pkt->len_bytes > header_bytes)
		pkt->segments = (pkt->len_bytes - header_bytes + skb->gso_size - 1) / skb->gso_size;
	if (!pkt->segments)
		pkt->segments = 1;
	pkt->wire_bytes += (pkt->segments - 1) * header_bytes;
}

/*
 * The forwarded path parts from all others right after the last decision and never meets them
 * again. Only so does the verifier know there, whatever the compiler makes of it, that the pointers
 * of pkt and pair are set.
 */
static __always_inline int leave_tc(struct __sk_buff *skb, struct pkt *pkt,
				    enum nex_verdict verdict)
{
	if (verdict >= NEX_V_UNKNOWN_DST && skb->gso_size)
		measure_segments(skb, pkt);
	count_verdict(verdict, pkt);
	return cfg_strict && verdict == NEX_V_NOT_ALLOWED ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int nex_wg_tc(struct __sk_buff *skb)
{
	struct pkt pkt = {
		.scope = skb->ifindex,
		.len_bytes = skb->len,
		.wire_bytes = skb->len,
		.segments = 1,
	};
	struct pair pair = {};
	enum nex_verdict verdict;
	__u32 mtu = 0;

	/* Look. The headers are linear already, but for a peer that sends scraps. */
	if ((void *)(long)skb->data + HEADER_BYTES_MAX > (void *)(long)skb->data_end)
		(void)bpf_skb_pull_data(skb,
					skb->len < HEADER_BYTES_MAX ? skb->len : HEADER_BYTES_MAX);
	verdict = parse(&pkt, (void *)(long)skb->data, (void *)(long)skb->data_end);

	/* Decide. WireGuard does not enforce the MTU on this path: we do, or the kernel's stack. */
	if (verdict == NEX_V_FORWARDED)
		verdict = decide(&pkt, &pair);
	if (verdict == NEX_V_FORWARDED && bpf_check_mtu(skb, 0, &mtu, 0, BPF_MTU_CHK_SEGS))
		verdict = NEX_V_TOO_BIG;
	if (verdict != NEX_V_FORWARDED)
		return leave_tc(skb, &pkt, verdict);

	/* Act. */
	if (skb->gso_size)
		measure_segments(skb, &pkt);
	count_verdict(NEX_V_FORWARDED, &pkt);
	count_pair(&pair, &pkt);
	decrement_hop_limit(&pkt);
	return bpf_redirect(skb->ifindex, 0);
}

/* As leave_tc(). */
static __always_inline int leave_xdp(struct pkt *pkt, enum nex_verdict verdict)
{
	count_verdict(verdict, pkt);
	return cfg_strict && verdict == NEX_V_NOT_ALLOWED ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int nex_wg_xdp(struct xdp_md *ctx)
{
	/* To subtract pointers takes CAP_PERFMON. */
	__u32 len_bytes =
		cfg_xdp_buff_len ? bpf_xdp_get_buff_len(ctx) : (__u64)(ctx->data_end - ctx->data);
	struct pkt pkt = {
		.scope = ctx->ingress_ifindex,
		.len_bytes = len_bytes,
		.wire_bytes = len_bytes,
		.segments = 1,
	};
	struct pair pair = {};
	enum nex_verdict verdict;
	__u32 mtu = 0;

	/* Look. */
	verdict = parse(&pkt, (void *)(long)ctx->data, (void *)(long)ctx->data_end);

	/* Decide. */
	if (verdict == NEX_V_FORWARDED)
		verdict = decide(&pkt, &pair);
	if (verdict == NEX_V_FORWARDED && bpf_check_mtu(ctx, 0, &mtu, 0, 0))
		verdict = NEX_V_TOO_BIG;
	if (verdict != NEX_V_FORWARDED)
		return leave_xdp(&pkt, verdict);

	/* Act. */
	count_verdict(NEX_V_FORWARDED, &pkt);
	count_pair(&pair, &pkt);
	decrement_hop_limit(&pkt);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
