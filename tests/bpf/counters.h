/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counters.h - all counters of the programs at one moment, and what has changed.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include "fixture.h"

struct counters {
	struct nex_verdict_stats verdict[NEX_V_COUNT];
	struct nex_slot_stats slot[SLOT_COUNT];
};

/** counters_read() - sums over all CPUs. Return: 0; negative errno. */
int counters_read(const struct fixture *fixture, struct counters *ret_counters);

/** counters_preset() - set all counters, on every CPU, to @value. Return: 0; negative errno. */
int counters_preset(const struct fixture *fixture, uint64_t value);

/**
 * counters_compare() - every single counter.
 * @text: set to all that differ, as changes against @before:
 *        "local ipv4 1 packets, 100 bytes; got 0, 0 | ..."; "" when none does.
 *
 * Return: they are equal.
 */
bool counters_compare(const struct counters *before, const struct counters *want,
		      const struct counters *got, char *text, size_t size);

#endif
