// SPDX-License-Identifier: Apache-2.0
/*
 * counters.c - all counters of the programs at one moment, and what has changed.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "counters.h"

#define VERDICT_NAME(constant, name, text) name,
static const char *const verdict_names[] = { NEX_VERDICTS(VERDICT_NAME) };
#undef VERDICT_NAME

/* Both kinds of value are nothing but struct nex_count, one after the other. */
static int read_array(int map, uint32_t entries, uint32_t counts_each, struct nex_count *ret)
{
	int cpus = libbpf_num_possible_cpus();
	auto_free struct nex_count *values = NULL;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, counts_each * sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t key = 0; key < entries; key++, ret += counts_each) {
		int err = bpf_map_lookup_elem(map, &key, values);

		if (err)
			return err;
		memset(ret, 0, counts_each * sizeof(*ret));
		for (uint32_t i = 0; i < cpus * counts_each; i++) {
			ret[i % counts_each].packets += values[i].packets;
			ret[i % counts_each].bytes += values[i].bytes;
		}
	}
	return 0;
}

static int preset_array(int map, uint32_t entries, uint32_t counts_each, uint64_t value)
{
	int cpus = libbpf_num_possible_cpus();
	auto_free struct nex_count *values = NULL;
	int err = 0;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, counts_each * sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < cpus * counts_each; i++)
		values[i] = (struct nex_count){ value, value };
	for (uint32_t key = 0; !err && key < entries; key++)
		err = bpf_map_update_elem(map, &key, values, BPF_ANY);
	return err;
}

#define COUNTS_PER_VERDICT (sizeof(struct nex_verdict_stats) / sizeof(struct nex_count))
#define COUNTS_PER_SLOT (sizeof(struct nex_slot_stats) / sizeof(struct nex_count))

int counters_read(const struct fixture *fixture, struct counters *ret_counters)
{
	int err = read_array(fixture->verdicts, NEX_V_COUNT, COUNTS_PER_VERDICT,
			     &ret_counters->verdict[0].ipv4);

	if (err)
		return err;
	return read_array(fixture->slot_stats, SLOT_COUNT, COUNTS_PER_SLOT,
			  &ret_counters->slot[0].from_peer);
}

int counters_preset(const struct fixture *fixture, uint64_t value)
{
	int err = preset_array(fixture->verdicts, NEX_V_COUNT, COUNTS_PER_VERDICT, value);

	if (err)
		return err;
	return preset_array(fixture->slot_stats, SLOT_COUNT, COUNTS_PER_SLOT, value);
}

/* Add one difference to @text; differences are modulo 2^64, as the counters are. */
static void tell(const char *what, const struct nex_count *before, const struct nex_count *want,
		 const struct nex_count *got, char *text, size_t size)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s %llu packets, %llu bytes; got %llu, %llu",
		 used ? " | " : "", what, want->packets - before->packets,
		 want->bytes - before->bytes, got->packets - before->packets,
		 got->bytes - before->bytes);
}

static bool equal(const struct nex_count *want, const struct nex_count *got)
{
	return want->packets == got->packets && want->bytes == got->bytes;
}

bool counters_compare(const struct counters *before, const struct counters *want,
		      const struct counters *got, char *text, size_t size)
{
	static const char *const families[] = { "ipv4", "ipv6", "other" };
	static const char *const directions[] = { "from_peer", "to_peer" };
	const struct nex_count *b = &before->verdict[0].ipv4, *w = &want->verdict[0].ipv4;
	const struct nex_count *g = &got->verdict[0].ipv4;
	char what[64];

	*text = '\0';
	for (size_t i = 0; i < NEX_V_COUNT * COUNTS_PER_VERDICT; i++) {
		snprintf(what, sizeof(what), "%s %s", verdict_names[i / COUNTS_PER_VERDICT],
			 families[i % COUNTS_PER_VERDICT]);
		if (!equal(&w[i], &g[i]))
			tell(what, &b[i], &w[i], &g[i], text, size);
	}
	b = &before->slot[0].from_peer;
	w = &want->slot[0].from_peer;
	g = &got->slot[0].from_peer;
	for (size_t i = 0; i < SLOT_COUNT * COUNTS_PER_SLOT; i++) {
		snprintf(what, sizeof(what), "slot %zu %s", i / COUNTS_PER_SLOT,
			 directions[i % COUNTS_PER_SLOT]);
		if (!equal(&w[i], &g[i]))
			tell(what, &b[i], &w[i], &g[i], text, size);
	}
	return !*text;
}
