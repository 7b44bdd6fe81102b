/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture.h - the programs, loaded with one choice of settings, and maps with a small VPC in them.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <bpf/libbpf.h>

#include "device.h"
#include "row.h"

/* The peers: two ordinary, two relay-only, two that advertise prefixes, one left for rows. */
enum slot { ORD1, ORD2, REL1, REL2, NET1, NET2, ANY, SLOTS_PER_PLACE = 8 };
#define SLOT_COUNT (SLOTS_PER_PLACE * PLACE_COUNT)
/* The same peer's slot in the second interface's VPC, which has the same addresses. */
#define THERE(slot) ((slot) + SLOTS_PER_PLACE)

/* clang-format off */
#define ORD1_V4  "100.64.0.1"
#define ORD2_V4  "100.64.0.2"
#define REL1_V4  "100.64.0.3"
#define REL2_V4  "100.64.0.4"
#define NET1_V4  "100.64.0.5"   /* advertises 10.20.0.0/16 */
#define NET2_V4  "100.64.0.6"   /* advertises 10.20.30.0/24 */
#define ORD1B_V4 "192.168.7.1"  /* a second address of ORD1 */
#define HERE_V4  "100.64.0.8"   /* of NET1, on the first interface only */
#define OWN_V4   "100.64.0.254" /* the relay */
#define LOST_V4  "100.64.0.99"  /* its slot is one beyond the table of counters */
#define NOBODY_V4 "100.64.0.200"

#define ORD1_V6  "200::1"
#define ORD2_V6  "200::2"
#define REL1_V6  "200::3"
#define REL2_V6  "200::4"
#define NET1_V6  "200::5"       /* advertises 2001:db8:20::/48 */
#define NET2_V6  "200::6"       /* advertises 2001:db8:20:30::/64 */
#define ORD1B_V6 "fd00:7::1"
#define HERE_V6  "200::8"
#define OWN_V6   "200::fe"
#define LOST_V6  "200::99"
#define NOBODY_V6 "200::c8"
/* clang-format on */

struct fixture {
	struct bpf_object *object;
	int program[HOOK_COUNT]; /* descriptors; owned by object */
	int addr4, addr6, cidr4, cidr6, scopes, slot_stats, verdicts;
};

/**
 * fixture_load() - load the programs from an object file; the maps are empty.
 * @settings:    RELAY_ONLY, STRICT.
 * @ret_fixture: set on success only; fixture_done() frees it.
 *
 * Return: 0; negative errno, with libbpf's messages on stderr.
 */
int fixture_load(const char *path, unsigned int settings, struct fixture *ret_fixture);

/** fixture_done() - unload; safe on a zeroed fixture. */
void fixture_done(struct fixture *fixture);

/** fixture_fill() - put the VPCs into the maps of addresses. Return: 0; negative errno. */
int fixture_fill(const struct fixture *fixture, const struct devices *devices);

/**
 * fixture_change() - change the tables of one interface.
 * @text: words with a blank between them:
 *          "PREFIX=SLOT"  give an address or prefix to a slot; "r" after the number: relay-only,
 *                         "l": the relay's own
 *          "-PREFIX"      take it away
 *          "cidrs4=N"     say that there are N IPv4 prefixes; cidrs6 likewise
 *        The number of prefixes is kept right otherwise.
 *
 * Return: 0; negative errno.
 */
int fixture_change(const struct fixture *fixture, uint32_t scope, const char *text);

/** fixture_restore() - take back what fixture_change() has done. Return: 0; negative errno. */
int fixture_restore(const struct fixture *fixture, uint32_t scope, enum place place,
		    const char *text);

#endif
