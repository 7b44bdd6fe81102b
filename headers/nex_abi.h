/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nex_abi.h - everything that crosses the border between BPF and user space, and nothing else.
 *
 * Fixed-width types only: no pointers, no bit-fields, no hidden padding (padding is named zero,
 * and is zero, because maps compare raw bytes). A name ending in _be is in network byte order,
 * every other number is in host order. Each map has one writer, named with its value.
 *
 * A change of any struct here changes what is pinned on a running relay: a new daemon sees that
 * a pinned map no longer fits, fills a new one and swaps (user/datapath/).
 */
#ifndef NEX_ABI_H
#define NEX_ABI_H

#include <linux/types.h>

/* Entries that exact-address and prefix tables may hold; memory is taken per entry, not up front.
 */
#define NEX_ADDRS_MAX 262144
#define NEX_CIDRS_MAX 262144
/* Slots: one per peer. The table of counters is sized from the list, up to this. */
#define NEX_SLOTS_MAX 131072
#define NEX_SCOPES_MAX 64

#define NEX_KEY_LEN 32  /* bytes of a WireGuard public key */
#define NEX_NAME_LEN 64 /* bytes of a host name, NUL included */

/*
 * A scope is the ifindex of a WireGuard interface: the same address may exist in two VPCs that
 * are served by two interfaces. Every address key starts with it.
 */

/* Key of nex_addr4: one IPv4 host address. */
struct nex_addr4 {
	__u32 scope;
	__u8 addr[4];
};

/* Key of nex_addr6: one IPv6 host address. */
struct nex_addr6 {
	__u32 scope;
	__u8 addr[16];
};

/* Bits of the scope in an LPM key: added to the prefix length of the address. */
#define NEX_SCOPE_BITS 32

/* Key of nex_cidr4: prefix_bits = NEX_SCOPE_BITS + IPv4 prefix length. */
struct nex_cidr4 {
	__u32 prefix_bits;
	__u32 scope;
	__u8 addr[4];
};

/* Key of nex_cidr6: prefix_bits = NEX_SCOPE_BITS + IPv6 prefix length. */
struct nex_cidr6 {
	__u32 prefix_bits;
	__u32 scope;
	__u8 addr[16];
};

/* Flags of struct nex_owner. */
#define NEX_OWNER_LOCAL (1u << 0)      /* the relay's own: never forwarded; slot has no meaning */
#define NEX_OWNER_RELAY_ONLY (1u << 1) /* the peer is a relay-only spoke (symmetric_nat) */

/* Value of nex_addr4, nex_addr6, nex_cidr4 and nex_cidr6: whose address it is. Written by user
 * space. */
struct nex_owner {
	__u32 slot; /* index into nex_slot_stats, key of nex_slots */
	__u32 flags;
};

/* Value of nex_scopes (key: scope): what the slow path may skip. Written by user space. */
struct nex_scope {
	__u32 cidrs4; /* prefixes of this scope in nex_cidr4 */
	__u32 cidrs6; /* prefixes of this scope in nex_cidr6 */
};

struct nex_count {
	__u64 packets; /* segments of a GRO super-packet count one by one */
	__u64 bytes;   /* IP headers included, as the segments are on the wire */
};

/* Value of nex_slot_stats (per-CPU, index: slot): traffic of one peer. Written by BPF. */
struct nex_slot_stats {
	struct nex_count from_peer; /* forwarded packets that this peer sent */
	struct nex_count to_peer;   /* forwarded packets that were sent to this peer */
};

/* Value of nex_slots (key: slot): who holds a slot. Written by user space, not read by BPF. */
struct nex_slot {
	__u8 public_key[NEX_KEY_LEN];
	char name[NEX_NAME_LEN]; /* host name, NUL-padded; empty when unknown */
	__u32 flags;             /* NEX_OWNER_RELAY_ONLY */
	__u32 stats_map_id;      /* kernel id of the nex_slot_stats that base belongs to */
	/*
	 * What to add to the slot's counters, modulo 2^64: minus what an earlier holder of the slot
	 * left in them, plus what this holder had in a table that has since been replaced. So user
	 * space never writes a counter.
	 */
	struct nex_slot_stats base;
};

/* Value of nex_verdicts (per-CPU, index: enum nex_verdict). Written by BPF. */
struct nex_verdict_stats {
	struct nex_count ipv4;
	struct nex_count ipv6;
	struct nex_count other; /* neither version 4 nor 6 */
};

/*
 * How a packet left the program, every packet exactly one way. All but FORWARDED (and NOT_ALLOWED
 * under --strict, which drops) hand the packet to the kernel's stack, untouched. In the order in
 * which they are decided: a packet takes the first that fits. (The header checksum is looked at
 * where there are no options, and the length where there is no hop-by-hop header: jumbograms.)
 * X(constant, name, what it means to the reader of `nex-relay stats`)
 */
/* clang-format off */
#define NEX_VERDICTS(X)                                                                            \
	X(NOT_IP,      "not-ip",      "neither IPv4 nor IPv6")                                     \
	X(MALFORMED,   "malformed",   "truncated, or lengths or header checksum are wrong")        \
	X(OPTIONS,     "options",     "IPv4 options or an IPv6 hop-by-hop header")                 \
	X(SPECIAL,     "special",     "multicast, broadcast, link-local, loopback or unspecified") \
	X(UNKNOWN_DST, "unknown-dst", "destination is no peer's address")                          \
	X(LOCAL,       "local",       "for the relay itself")                                      \
	X(UNKNOWN_SRC, "unknown-src", "source is no peer's address")                               \
	X(SAME_PEER,   "same-peer",   "source and destination are the same peer")                  \
	X(NOT_ALLOWED, "not-allowed", "neither side is relay-only, and only such pairs are wanted") \
	X(HOP_LIMIT,   "hop-limit",   "TTL or hop limit used up: the kernel answers")              \
	X(NO_COUNTER,  "no-counter",  "bug: an owner without counters")                            \
	X(TOO_BIG,     "too-big",     "larger than the interface's MTU: the kernel answers")       \
	X(FORWARDED,   "forwarded",   "sent on to the peer that owns the destination")
/* clang-format on */

#define NEX_V_ENUM(constant, name, text) NEX_V_##constant,
enum nex_verdict { NEX_VERDICTS(NEX_V_ENUM) NEX_V_COUNT };
#undef NEX_V_ENUM

_Static_assert(sizeof(struct nex_addr4) == 8, "map ABI");
_Static_assert(sizeof(struct nex_addr6) == 20, "map ABI");
_Static_assert(sizeof(struct nex_cidr4) == 12, "map ABI");
_Static_assert(sizeof(struct nex_cidr6) == 24, "map ABI");
_Static_assert(sizeof(struct nex_owner) == 8, "map ABI");
_Static_assert(sizeof(struct nex_scope) == 8, "map ABI");
_Static_assert(sizeof(struct nex_count) == 16, "map ABI");
_Static_assert(sizeof(struct nex_slot_stats) == 32, "map ABI");
_Static_assert(sizeof(struct nex_slot) == 136, "map ABI");
_Static_assert(sizeof(struct nex_verdict_stats) == 48, "map ABI");

#endif
