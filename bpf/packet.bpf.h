/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.bpf.h - what the three stages tell each other about one packet.
 */
#ifndef NEX_PACKET_BPF_H
#define NEX_PACKET_BPF_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <stdbool.h>

/*
 * Families as a packet has them. Not AF_*: zero must be "neither", so that a packet that was
 * given up early still has a family to be counted under.
 */
enum family { FAMILY_OTHER, FAMILY_IPV4, FAMILY_IPV6 };

struct pkt {
	enum family family;
	__u32 scope;      /* ifindex it came in by */
	__u32 len_bytes;  /* whole IP packet; of a super-packet, all of it */
	__u32 segments;   /* packets on the wire: 1, or what GRO has put together */
	__u32 wire_bytes; /* len_bytes plus the headers that GRO took off the other segments */
	__u8 hop_limit;
	__u8 protocol; /* IPv4 protocol, or the first IPv6 next header */
	/* Set by parse, only when the header is whole: family says which. */
	union {
		struct iphdr *ip4;
		struct ipv6hdr *ip6;
	};
};

#endif
