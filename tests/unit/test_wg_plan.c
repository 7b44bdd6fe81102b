// SPDX-License-Identifier: Apache-2.0
/*
 * test_wg_plan.c - which edits lead from the peers WireGuard has to those it should have.
 *
 * Peers are written "a25:10.0.0.1,200::1 b": key (32 times the letter), keepalive ("?": any),
 * AllowedIPs.
 * Edits are written in the order in which they are carried out, "|" between additions and removals:
 * "+a25 +a:10.0.0.1/32 | -b:200::2/128 -c".
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "wg_notation.h"

/* clang-format off */
static const struct {
	const char *name, *have, *want, *edits;
} cases[] = {
	{ "nothing to do",              "", "", "|" },
	{ "no change, no edit",         "a25:10.0.0.1,200::1 b", "a25:10.0.0.1,200::1 b", "|" },
	{ "order does not matter",      "b:10.0.0.2 a:200::1,10.0.0.1", "a:10.0.0.1,200::1 b:10.0.0.2", "|" },
	{ "first list",                 "", "b:200::2 a25:200::1,10.0.0.1",
	  "+a25 +a:10.0.0.1/32 +a:200::1/128 +b0 +b:200::2/128 |" },
	{ "everybody goes, nothing singly", "b:10.0.0.2,200::2 a:10.0.0.1", "", "| -a -b" },
	{ "one comes",                  "a:10.0.0.1", "b5:200::2 a:10.0.0.1", "+b5 +b:200::2/128 |" },
	{ "one goes",                   "a:10.0.0.1 b:200::2", "a:10.0.0.1", "| -b" },
	{ "one comes, one goes",        "a:10.0.0.1", "b:200::2", "+b0 +b:200::2/128 | -a" },
	{ "peer without AllowedIPs",    "", "a", "+a0 |" },
	{ "keepalive comes",            "a:10.0.0.1", "a25:10.0.0.1", "+a25 |" },
	{ "keepalive goes",             "a25:200::1", "a:200::1", "+a0 |" },
	{ "keepalive is the largest",   "a65534", "a65535", "+a65535 |" },
	{ "keepalive as it is",         "a25:10.0.0.1 b:200::1", "a?:10.0.0.1 b?:200::1", "|" },
	{ "as it is, of a new peer",    "a25", "a? b?:200::1", "+b0 +b:200::1/128 |" },
	{ "AllowedIPs come",            "a:10.0.0.1", "a:10.0.0.1,200::1,10.0.0.2",
	  "+a:10.0.0.2/32 +a:200::1/128 |" },
	{ "AllowedIPs go",              "a:10.0.0.1,200::1,10.0.0.2", "a:10.0.0.1", "| -a:10.0.0.2/32 -a:200::1/128" },
	{ "the last AllowedIP goes",    "a:200::1", "a", "| -a:200::1/128" },
	{ "renumbered",                 "a:10.0.0.1,200::1", "a:10.0.0.2,200::2",
	  "+a:10.0.0.2/32 +a:200::2/128 | -a:10.0.0.1/32 -a:200::1/128" },
	{ "move is one addition",       "a:10.0.0.1,200::1 b", "a b:10.0.0.1,200::1",
	  "+b:10.0.0.1/32 +b:200::1/128 |" },
	{ "move the other way",         "a b:10.0.0.1,200::1", "a:10.0.0.1,200::1 b",
	  "+a:10.0.0.1/32 +a:200::1/128 |" },
	{ "two peers swap",             "a:10.0.0.1,200::1 b:10.0.0.2,200::2", "a:10.0.0.2,200::2 b:10.0.0.1,200::1",
	  "+a:10.0.0.2/32 +a:200::2/128 +b:10.0.0.1/32 +b:200::1/128 |" },
	{ "move to a new peer",         "a:10.0.0.1,200::1", "a b:10.0.0.1,200::1",
	  "+b0 +b:10.0.0.1/32 +b:200::1/128 |" },
	{ "move from a peer that goes", "a:10.0.0.1,200::1,10.0.0.9 b", "b:10.0.0.1,200::1",
	  "+b:10.0.0.1/32 +b:200::1/128 | -a" },
	{ "key changes",                "a25:10.0.0.1,200::1", "b25:10.0.0.1,200::1",
	  "+b25 +b:10.0.0.1/32 +b:200::1/128 | -a" },
	{ "network is split: halves before the whole goes", "a:10.0.0.0/8,200::/64", "a:10.0.0.0/9,10.128.0.0/9,200::/65",
	  "+a:10.0.0.0/9 +a:10.128.0.0/9 +a:200::/65 | -a:10.0.0.0/8 -a:200::/64" },
	{ "lengths are apart",          "a:10.0.0.0/8,200::/64", "a:10.0.0.0/32,200::/128",
	  "+a:10.0.0.0/32 +a:200::/128 | -a:10.0.0.0/8 -a:200::/64" },
	{ "families are apart",         "a:0.0.0.0/0", "a:::/0", "+a:::/0 | -a:0.0.0.0/0" },
	{ "single ones go before peers", "a:10.0.0.1 b:10.0.0.2 c:200::3", "a c",
	  "| -a:10.0.0.1/32 -c:200::3/128 -b" },
	{ "all of a peer adjoins",      "c:10.0.0.3", "c5:10.0.0.3,200::3 b a:10.0.0.1",
	  "+a0 +a:10.0.0.1/32 +b0 +c5 +c:200::3/128 |" },

	/* No WireGuard says so, but a program on a socket may. */
	{ "peer twice",                 "a:10.0.0.1 a:200::1", "a:10.0.0.1,200::1", "|" },
	{ "prefix at two peers",        "a:10.0.0.1,200::1 b:10.0.0.1,200::1", "a:10.0.0.1,200::1 b", "|" },
	{ "peer twice, one as it should be", "a:10.0.0.1 a:10.0.0.1,200::1", "a:10.0.0.1,200::1", "|" },
	{ "peer twice, one with more",  "a:10.0.0.1 a:10.0.0.1,10.0.0.9", "a:10.0.0.1", "| -a:10.0.0.9/32" },
	{ "prefix at one that is right, and at one that is not", "a:10.0.0.1,200::1 b:10.0.0.1,200::1,10.0.0.2",
	  "a:10.0.0.1,200::1 b:10.0.0.2", "|" },
	{ "the same with another order", "b:10.0.0.2 c:10.0.0.2,200::3", "b:10.0.0.2 c:200::3", "|" },
};

static const struct {
	const char *name, *want;
} bad_wants[] = {
	{ "key twice",                   "a:10.0.0.1 b a:10.0.0.2" },
	{ "IPv4 prefix at two peers",    "a:10.0.0.1 b:10.0.0.1" },
	{ "IPv6 prefix at two peers",    "a:200::/64 b:200::/64" },
	{ "prefix twice at a peer",      "a:200::1,10.0.0.1,200::1" },
};

/* Refused whatever is there already: also where all but one peer are right. */
static const struct {
	const char *name, *have, *want;
} bad_changes[] = {
	{ "key twice",                "a:10.0.0.1 b", "a:10.0.0.1 b a:10.0.0.2" },
	{ "IPv4 prefix of another",   "a:10.0.0.1 b", "a:10.0.0.1 b:10.0.0.1" },
	{ "IPv6 prefix of another",   "a b:200::1",   "a:200::1 b:200::1" },
};
/* clang-format on */

static size_t show_edits(const struct wg_edit *edits, size_t n_edits, char *text, size_t n)
{
	char prefix[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < n_edits; i++) {
		const struct wg_edit *edit = &edits[i];
		bool adds = edit->kind == WG_PEER_SET || edit->kind == WG_ALLOWED_ADD;

		n += sprintf(text + n, "%s%c%c", n ? " " : "", adds ? '+' : '-',
			     edit->public_key[WG_KEY_BYTES - 1]);
		if (edit->kind == WG_PEER_SET)
			n += sprintf(text + n, "%u", edit->keepalive_s);
		else if (edit->kind != WG_PEER_REMOVE)
			n += sprintf(text + n, ":%s", prefix_format(&edit->allowed, prefix));
	}
	return n;
}

static void test_edits(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct wg_device have = wg_notation_device(cases[i].have),
				 want = wg_notation_device(cases[i].want);
		char text[NOTATION_TEXT_MAX] = "";
		struct wg_plan plan = {};
		size_t n;

		assert_int_equal(wg_plan_make(&have, &want, &plan), 0);
		n = show_edits(plan.additions, plan.n_additions, text, 0);
		n += sprintf(text + n, "%s|", n ? " " : "");
		show_edits(plan.removals, plan.n_removals, text, n);
		if (strcmp(text, cases[i].edits) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		wg_plan_done(&plan);
		wg_device_done(&have);
		wg_device_done(&want);
	}
}

static void test_bad_wants(void **state)
{
	struct wg_device have = wg_notation_device("a:10.0.0.1"), want;
	struct wg_plan plan = {};

	(void)state;
	for (size_t i = 0; i < N(bad_wants); i++) {
		want = wg_notation_device(bad_wants[i].want);
		if (wg_plan_make(&have, &want, &plan) != -EINVAL)
			fail_msg("%s: is planned", bad_wants[i].name);
		assert_null(plan.additions);
		wg_device_done(&want);
	}
	for (size_t i = 0; i < N(bad_changes); i++) {
		struct wg_device there = wg_notation_device(bad_changes[i].have);

		want = wg_notation_device(bad_changes[i].want);
		if (wg_plan_make(&there, &want, &plan) != -EINVAL)
			fail_msg("%s: is planned as a change", bad_changes[i].name);
		wg_device_done(&want);
		wg_device_done(&there);
	}
	want = wg_notation_device("a:10.0.0.0/8");
	want.peers[0].allowed[0].addr[3] = 1;
	assert_int_equal(wg_plan_make(&have, &want, &plan), -EINVAL);
	wg_device_done(&want);
	wg_device_done(&have);
}

/* What WireGuard does with an edit. Owners are letters; '\0' is nobody. */
#define PREFIXES 24
#define PEERS 8

struct model {
	char owner[PREFIXES];
	bool exists[PEERS];
	uint16_t keepalive_s[PEERS];
};

/* Both families by turns: 10.0.0.N and 200::N. */
static struct prefix model_prefix(int number)
{
	struct prefix prefix = notation_prefix(number % 2 ? "10.0.0.0/32" : "200::/128");

	prefix.addr[number % 2 ? 3 : 15] = number;
	return prefix;
}

static int model_number(const struct prefix *prefix)
{
	return prefix->addr[prefix->family == PREFIX_IPV4 ? 3 : 15];
}

static struct model random_model(void)
{
	struct model model = {};

	for (int i = 0; i < PEERS; i++) {
		model.exists[i] = random() % 3;
		model.keepalive_s[i] = model.exists[i] ? random() % 2 * 25 : 0;
	}
	for (int i = 0; i < PREFIXES; i++) {
		int peer = random() % PEERS;

		model.owner[i] = model.exists[peer] ? 'a' + peer : '\0';
	}
	return model;
}

/* In random order. */
static struct wg_device model_device(const struct model *model)
{
	struct wg_device device = {};
	int first = random() % PEERS, from = random() % PREFIXES;

	for (int i = 0; i < PEERS; i++) {
		int number = (first + i) % PEERS;
		uint8_t key[WG_KEY_BYTES];
		struct wg_peer *peer;

		if (!model->exists[number])
			continue;
		memset(key, 'a' + number, sizeof(key));
		peer = wg_notation_add_peer(&device, key);
		peer->keepalive_s = model->keepalive_s[number];
		for (int j = 0; j < PREFIXES; j++) {
			struct prefix prefix = model_prefix((from + j) % PREFIXES);

			if (model->owner[(from + j) % PREFIXES] == 'a' + number)
				wg_notation_add_allowed(peer, &prefix);
		}
	}
	return device;
}

static void apply(struct model *model, const struct wg_edit *edit)
{
	char *owner = &model->owner[model_number(&edit->allowed)], letter = edit->public_key[0];
	int peer = letter - 'a';

	switch (edit->kind) {
	case WG_PEER_SET:
		model->exists[peer] = true;
		model->keepalive_s[peer] = edit->keepalive_s;
		break;
	case WG_ALLOWED_ADD:
		assert_true(model->exists[peer]);
		assert_int_not_equal(*owner, letter);
		*owner = letter;
		break;
	case WG_ALLOWED_REMOVE:
		assert_int_equal(*owner, letter);
		*owner = '\0';
		break;
	case WG_PEER_REMOVE:
		assert_true(model->exists[peer]);
		model->exists[peer] = false;
		model->keepalive_s[peer] = 0;
		for (int i = 0; i < PREFIXES; i++)
			if (model->owner[i] == letter)
				model->owner[i] = '\0';
		break;
	}
}

/* Carry edits out; a prefix that is wanted before and after has an owner after each of them. */
static void apply_all(struct model *now, const struct model *have, const struct model *want,
		      const struct wg_edit *edits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		apply(now, &edits[i]);
		for (int p = 0; p < PREFIXES; p++)
			if (have->owner[p] && want->owner[p] && !now->owner[p])
				fail_msg("prefix %d has no owner after edit %zu", p, i);
		for (int p = 0; p < PEERS; p++)
			if (have->exists[p] && want->exists[p] && !now->exists[p])
				fail_msg("peer %d is away after edit %zu", p, i);
	}
}

/* Edits of a peer adjoin, within additions and within removals. */
static void check_adjoining(const struct wg_edit *edits, size_t n)
{
	char seen[PEERS + 1] = "", last = '\0';

	for (size_t i = 0; i < n; i++) {
		char letter = edits[i].public_key[0];

		if (letter != last && strchr(seen, letter))
			fail_msg("edits of peer %c are apart", letter);
		if (letter != last)
			seen[strlen(seen)] = letter;
		last = letter;
	}
}

static void test_random(void **state)
{
	(void)state;
	srandom(20210914);
	for (int round = 0; round < 20000; round++) {
		struct model have = random_model(), want = random_model(), now = have;
		struct wg_device old = model_device(&have), new = model_device(&want);
		struct wg_plan plan = {};

		assert_int_equal(wg_plan_make(&old, &new, &plan), 0);
		apply_all(&now, &have, &want, plan.additions, plan.n_additions);
		for (int p = 0; p < PREFIXES; p++)
			if (want.owner[p])
				assert_int_equal(now.owner[p], want.owner[p]);
		apply_all(&now, &have, &want, plan.removals, plan.n_removals);
		assert_memory_equal(&now, &want, sizeof(now));
		check_adjoining(plan.additions, plan.n_additions);
		check_adjoining(plan.removals, plan.n_removals);
		wg_plan_done(&plan);
		wg_device_done(&old);
		wg_device_done(&new);
	}
}

static struct wg_device big_device(int n, int first_key, int shift)
{
	struct wg_device device = { .peers = calloc(n, sizeof(struct wg_peer)), .n_peers = n };

	for (int i = 0; i < n; i++) {
		struct wg_peer *peer = &device.peers[i];
		/* An odd factor scatters them without repeating one. */
		uint32_t key = (uint32_t)(first_key + i) * 2654435761u, address = i + shift;

		memcpy(peer->public_key, &key, sizeof(key));
		peer->allowed = calloc(2, sizeof(struct prefix));
		peer->n_allowed = 2;
		peer->allowed[0] = notation_prefix("10.0.0.0/32");
		peer->allowed[1] = notation_prefix("200::/128");
		memcpy(peer->allowed[0].addr, &address, sizeof(address));
		memcpy(peer->allowed[1].addr + 12, &address, sizeof(address));
	}
	return device;
}

/* Anything that is not sorted or hashed would take minutes here; the sanitizers cost some. */
static void test_many(void **state)
{
	struct wg_device have = big_device(100000, 0, 0), want = big_device(100000, 50000, 25000);
	struct wg_plan plan = {};
	clock_t start = clock();

	(void)state;
	assert_int_equal(wg_plan_make(&have, &want, &plan), 0);
	assert_true(clock() - start < 3 * CLOCKS_PER_SEC);
	assert_int_equal(plan.n_additions, 50000 + 2 * 100000);
	assert_int_equal(plan.n_removals, 50000);
	wg_plan_done(&plan);
	wg_device_done(&have);
	wg_device_done(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_bad_wants),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
