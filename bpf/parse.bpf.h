/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * parse.bpf.h - look: the only reader of packet bytes.
 *
 * A packet on a WireGuard device starts with its IP header. WireGuard has checked the version, that
 * the total length is no larger than the data and that the source belongs to the sender
 * (drivers/net/wireguard/receive.c); everything else is checked here, as ip_rcv_core() and
 * ip6_rcv_core() do, because a packet that is forwarded here never meets them.
 */
#ifndef NEX_PARSE_BPF_H
#define NEX_PARSE_BPF_H

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "nex_abi.h"
#include "packet.bpf.h"

#define IPV4_IHL_PLAIN 5    /* 32-bit words of a header without options */
#define IPV6_HOP_BY_HOP 0   /* next header, RFC 8200 section 4.3 */
#define HEADER_BYTES_MAX 40 /* the larger of the two fixed headers */

/*
 * Internet checksum of a plain IPv4 header (RFC 1071): 0xffff when it is right. Words are added in
 * memory order: the sum does not depend on byte order.
 */
static __always_inline __u32 ipv4_header_sum(const struct iphdr *ip)
{
	const __u32 *word = (const void *)ip;
	__u64 sum = (__u64)word[0] + word[1] + word[2] + word[3] + word[4];

	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* 0/8, 127/8, 169.254/16, 224/4 and 240/4 with the limited broadcast. */
static __always_inline bool ipv4_is_special(__be32 addr_be)
{
	__u32 addr = bpf_ntohl(addr_be);
	__u8 first = addr >> 24;

	return first == 0 || first == 127 || first >= 224 || addr >> 16 == 0xa9fe;
}

/* ::/80 (unspecified, loopback, IPv4-mapped and -compatible), fe80::/10 and ff00::/8. */
static __always_inline bool ipv6_is_special(const struct in6_addr *addr)
{
	__u16 first = bpf_ntohs(addr->in6_u.u6_addr16[0]);

	if (first >= 0xff00 || (first & 0xffc0) == 0xfe80)
		return true;
	return !addr->in6_u.u6_addr32[0] && !addr->in6_u.u6_addr32[1] && !addr->in6_u.u6_addr16[4];
}

/* Return: NEX_V_FORWARDED when nothing speaks against forwarding so far, else the verdict. */
static __always_inline enum nex_verdict parse_ipv4(struct pkt *pkt, void *data, void *data_end)
{
	struct iphdr *ip = data;

	if ((void *)(ip + 1) > data_end)
		return NEX_V_MALFORMED;
	if (ip->ihl < IPV4_IHL_PLAIN || ip->ihl * 4 > pkt->len_bytes ||
	    bpf_ntohs(ip->tot_len) != pkt->len_bytes)
		return NEX_V_MALFORMED;
	if (ip->ihl > IPV4_IHL_PLAIN)
		return NEX_V_OPTIONS;
	if (ipv4_header_sum(ip) != 0xffff)
		return NEX_V_MALFORMED;
	if (ipv4_is_special(ip->saddr) || ipv4_is_special(ip->daddr))
		return NEX_V_SPECIAL;

	pkt->ip4 = ip;
	pkt->hop_limit = ip->ttl;
	pkt->protocol = ip->protocol;
	return NEX_V_FORWARDED;
}

/* Return: as parse_ipv4(). */
static __always_inline enum nex_verdict parse_ipv6(struct pkt *pkt, void *data, void *data_end)
{
	struct ipv6hdr *ip = data;

	if ((void *)(ip + 1) > data_end)
		return NEX_V_MALFORMED;
	/* Before the length: a jumbogram (RFC 2675) has length 0 and a hop-by-hop header. */
	if (ip->nexthdr == IPV6_HOP_BY_HOP)
		return NEX_V_OPTIONS;
	if (bpf_ntohs(ip->payload_len) + sizeof(*ip) != pkt->len_bytes)
		return NEX_V_MALFORMED;
	if (ipv6_is_special(&ip->saddr) || ipv6_is_special(&ip->daddr))
		return NEX_V_SPECIAL;

	pkt->ip6 = ip;
	pkt->hop_limit = ip->hop_limit;
	pkt->protocol = ip->nexthdr;
	return NEX_V_FORWARDED;
}

/**
 * parse() - fill the family, header pointer and hop limit of @pkt from the packet's bytes.
 * @pkt:      scope, lengths and segments are already set by the hook.
 * @data:     first byte of the IP header.
 * @data_end: first byte after what can be read directly.
 *
 * The version nibble decides the family: skb->protocol is not trustworthy in a BPF_PROG_RUN.
 *
 * Return: NEX_V_FORWARDED to go on, else the verdict; the packet is untouched either way.
 */
static __always_inline enum nex_verdict parse(struct pkt *pkt, void *data, void *data_end)
{
	__u8 version;

	if (data + 1 > data_end)
		return NEX_V_NOT_IP;
	version = *(__u8 *)data >> 4;
	if (version == 4) {
		pkt->family = FAMILY_IPV4;
		return parse_ipv4(pkt, data, data_end);
	}
	if (version == 6) {
		pkt->family = FAMILY_IPV6;
		return parse_ipv6(pkt, data, data_end);
	}
	return NEX_V_NOT_IP;
}

#endif
