/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row.h - one row of the packet tables: what comes in, and what must come of it.
 *
 * A row is written once and holds for both hooks. What follows from the verdict (action, bytes out,
 * every counter) is derived in check.c and not repeated in rows.
 */
#ifndef ROW_H
#define ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nex_abi.h"
#include "packet.h"

enum hook { HOOK_TC, HOOK_XDP, HOOK_COUNT };

/* Settings of the programs, as bits. */
#define RELAY_ONLY 1u
#define STRICT 2u
#define SETTINGS_COUNT 4

/* Which interface the packet comes in by; what is known on each is in fixture.c. */
enum place { FIRST, SECOND, PLACE_COUNT, LOOPBACK = PLACE_COUNT };
#define MTU_FIRST 1420
#define MTU_SECOND 9000

/* A packet that GRO has put together. XDP sees none: there it is a packet like any other. */
struct gso {
	uint16_t size; /* payload bytes of one segment; 0: no super-packet */
	uint16_t segs; /* as the kernel knows it; 0: not known, as from a tun device */
	bool udp;      /* else TCP */
};

struct row {
	const char *name;
	struct packet packet;
	enum nex_verdict verdict;
	uint32_t from, to;     /* slots that count it, when forwarded */
	unsigned int settings; /* RELAY_ONLY, STRICT */
	enum place place;
	const char *maps;    /* changes to the fixture for this row: see fixture_change() */
	bool live;           /* written to the tun device with the program attached */
	bool wrap;           /* all counters are about to wrap around */
	bool every_checksum; /* again and again, with all 65535 IPv4 header checksums */
	struct gso gso;
	uint32_t segments;    /* what is counted for a super-packet; 0: one packet, */
	uint32_t wire_bytes;  /* and its length */
	bool too_big_for_xdp; /* because XDP does not know that it is a super-packet */
};

/* clang-format off */
#define PACKET(s, d, ...)  .packet = { .src = (s), .dst = (d), ##__VA_ARGS__ }
#define SET(...)           .patch = { __VA_ARGS__ }
#define BODY(text)         .body = (text), .body_bytes = sizeof(text) - 1
#define FORWARDED(f, t)    .verdict = NEX_V_FORWARDED, .from = (f), .to = (t)
#define LEFT(v)            .verdict = NEX_V_##v
#define MAPS(text)         .maps = (text)
#define COUNTED(segs, wire) .segments = (segs), .wire_bytes = (wire)
/* clang-format on */

struct rows {
	const struct row *row;
	size_t n;
};

#define ROWS(table)                                         \
	{                                                   \
		(table), sizeof(table) / sizeof((table)[0]) \
	}

extern const struct rows rows_forward;  /* what is carried without a look: protocols, fragments */
extern const struct rows rows_length;   /* truncations, length fields */
extern const struct rows rows_header;   /* versions, options, extension headers */
extern const struct rows rows_special;  /* address classes that are never forwarded */
extern const struct rows rows_address;  /* whose address it is */
extern const struct rows rows_cidr;     /* advertised prefixes */
extern const struct rows rows_policy;   /* which pairs may talk */
extern const struct rows rows_checksum; /* IPv4 header checksum, in and out */
extern const struct rows rows_hops;     /* TTL and hop limit */
extern const struct rows rows_size;     /* MTU */
extern const struct rows rows_gso;      /* super-packets */
extern const struct rows rows_order;    /* two verdicts fit: the first is taken */

#endif
