// SPDX-License-Identifier: Apache-2.0
/*
 * test_desired.c - which addresses belong in the tables, and whose they are.
 *
 * Devices are written as in notation.h; 's' is the relay itself. The result is "devices | entries |
 * conflicts": an entry is "prefix=key" with "*" for the relay's own, a conflict
 * "prefix=winner<loser", with "<<" when the winner's is a tunnel address and the loser's is not,
 * "<@" when its revision is higher, "<=" when it has it already.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/desired.h"

/* clang-format off */
static const struct {
	const char *name, *list, *local; /* the host's own addresses, with blanks between */
	bool ipv4_only;
	const char *desired;
	size_t n_repeated;
} cases[] = {
	{ "nobody but the relay",     "s", "", false, " | | ", 0 },
	{ "own device is left out",   "b:10.0.0.2 s:10.0.0.9 a:10.0.0.1", "", false,
	  "a b | 10.0.0.1/32=a 10.0.0.2/32=b 10.0.0.9/32=* | ", 0 },
	{ "both families",            "s:10.0.0.9,200::9 a:200::1,10.0.0.1", "", false,
	  "a | 10.0.0.1/32=a 10.0.0.9/32=* 200::1/128=a 200::9/128=* | ", 0 },
	{ "single stack",             "s:10.0.0.9,200::9 a:200::1,10.0.0.1,fd00::/8 b:200::2", "200::8 10.0.0.8", true,
	  "a b | 10.0.0.1/32=a 10.0.0.8/32=* 10.0.0.9/32=* | ", 0 },
	{ "hosts and networks",       "s a:10.0.0.1,10.0.0.0/8,200::/64,200::1", "", false,
	  "a | 10.0.0.0/8=a 10.0.0.1/32=a 200::/64=a 200::1/128=a | ", 0 },
	{ "same address, another length, is another entry", "s a:10.0.0.0/8 b:10.0.0.0/9 c:10.0.0.0/32", "", false,
	  "a b c | 10.0.0.0/8=a 10.0.0.0/9=b 10.0.0.0/32=c | ", 0 },
	{ "everything",               "s a:0.0.0.0/0,::/0", "", false, "a | 0.0.0.0/0=a ::/0=a | ", 0 },
	{ "device without addresses", "s a", "", false, "a | | ", 0 },

	{ "local addresses win",      "s a:192.0.2.1,fe80::1,10.0.0.1", "192.0.2.1 fe80::1", false,
	  "a | 10.0.0.1/32=a 192.0.2.1/32=* fe80::1/128=* | 192.0.2.1/32=*<a fe80::1/128=*<a", 0 },
	{ "our own device's win",     "a:10.0.0.9,200::9 s:10.0.0.9,200::9", "", false,
	  "a | 10.0.0.9/32=* 200::9/128=* | 10.0.0.9/32=*<a 200::9/128=*<a", 0 },
	{ "no conflict with ourselves", "s:10.0.0.9,200::9", "10.0.0.9 200::9 10.0.0.9", false,
	  " | 10.0.0.9/32=* 200::9/128=* | ", 0 },
	{ "smaller key wins",         "s b:10.0.0.1,200::1 a:10.0.0.1,200::1", "", false,
	  "a b | 10.0.0.1/32=a 200::1/128=a | 10.0.0.1/32=a<b 200::1/128=a<b", 0 },
	{ "tunnel address wins",      "s a:;10.0.0.1,200::1 b:10.0.0.1,200::1", "", false,
	  "a b | 10.0.0.1/32=b 200::1/128=b | 10.0.0.1/32=b<<a 200::1/128=b<<a", 0 },
	{ "tunnel address wins, smaller key", "s a:10.0.0.1,200::1 b:;10.0.0.1,200::1", "", false,
	  "a b | 10.0.0.1/32=a 200::1/128=a | 10.0.0.1/32=a<<b 200::1/128=a<<b", 0 },
	{ "smaller key wins between tunnel addresses", "s a:;200::1 c:200::1 b:200::1 d:;200::1", "", false,
	  "a b c d | 200::1/128=b | 200::1/128=b<<a 200::1/128=b<c 200::1/128=b<<d", 0 },
	{ "smaller key wins between advertised ones", "s b:;200::1,10.0.0.0/8 a:;200::1,10.0.0.0/8", "", false,
	  "a b | 10.0.0.0/8=a 200::1/128=a | 10.0.0.0/8=a<b 200::1/128=a<b", 0 },
	{ "another length is no conflict", "s a:;10.0.0.0/8,200::/64 b:10.0.0.0,200::", "", false,
	  "a b | 10.0.0.0/8=a 10.0.0.0/32=b 200::/64=a 200::/128=b | ", 0 },
	{ "address and advertised by the same", "s a:10.0.0.1,200::1;10.0.0.1,200::1", "", false,
	  "a | 10.0.0.1/32=a 200::1/128=a | ", 0 },
	{ "advertised by those who have it", "s c:200::1;200::1 b:200::1;200::1 a:;200::1,200::1", "", false,
	  "a b c | 200::1/128=b | 200::1/128=b<<a 200::1/128=b<c", 0 },
	{ "host's address wins over a tunnel address", "s a:10.0.0.1,fe80::1 b:;10.0.0.1,fe80::1", "10.0.0.1 fe80::1", false,
	  "a b | 10.0.0.1/32=* fe80::1/128=* | 10.0.0.1/32=*<a 10.0.0.1/32=*<<b fe80::1/128=*<a fe80::1/128=*<<b", 0 },
	{ "tunnel address wins over what we advertise", "s:10.0.0.9;10.0.0.1,200::1 a:10.0.0.1,200::1", "", false,
	  "a | 10.0.0.1/32=a 10.0.0.9/32=* 200::1/128=a | 10.0.0.1/32=a<<* 200::1/128=a<<*", 0 },
	{ "what we advertise wins over others'", "s:10.0.0.9;10.0.0.0/8,200::/64 a:;10.0.0.0/8,200::/64", "", false,
	  "a | 10.0.0.0/8=* 10.0.0.9/32=* 200::/64=* | 10.0.0.0/8=*<a 200::/64=*<a", 0 },
	{ "the host has what we advertise", "s:;10.0.0.9,200::9 a:10.0.0.9,200::9", "10.0.0.9 200::9", false,
	  "a | 10.0.0.9/32=* 200::9/128=* | 10.0.0.9/32=*<a 200::9/128=*<a", 0 },
	{ "three want it",            "s c:200::1 b:200::1 a:200::1", "", false,
	  "a b c | 200::1/128=a | 200::1/128=a<b 200::1/128=a<c", 0 },
	{ "same network twice",       "s b:10.0.0.0/8 a:10.0.0.0/8", "", false,
	  "a b | 10.0.0.0/8=a | 10.0.0.0/8=a<b", 0 },
	{ "no conflict with itself",  "s a:10.0.0.1,200::1,10.0.0.1,200::1", "", false,
	  "a | 10.0.0.1/32=a 200::1/128=a | ", 0 },
	{ "one conflict for one loser", "s a:10.0.0.1 b:10.0.0.1,10.0.0.1", "", false,
	  "a b | 10.0.0.1/32=a | 10.0.0.1/32=a<b", 0 },
	{ "single stack has no conflict in IPv6", "s a:200::1 b:200::1", "", true, "a b | | ", 0 },

	{ "repeated key: first stays", "s a:10.0.0.1 b a:10.0.0.2", "", false, "a b | 10.0.0.1/32=a | ", 1 },
	{ "repeated key: first stays, with fewer addresses", "s a a:10.0.0.2", "", false, "a | | ", 1 },
	{ "repeated twice",           "a s a:200::1 b a:10.0.0.2", "", false, "a b | | ", 2 },
	{ "our own key is repeated",  "s:10.0.0.9 a s:10.0.0.8", "", false, "a | 10.0.0.9/32=* | ", 1 },
};
/* Of two claims to one prefix; who holds it is written as entries are. */
static const struct {
	const char *name, *list, *held, *desired;
} claims[] = {
	{ "higher revision has the address", "s@9 a@5:10.0.0.1,200::1 b@7:10.0.0.1,200::1", "",
	  "a b | 10.0.0.1/32=b 200::1/128=b | 10.0.0.1/32=b<@a 200::1/128=b<@a" },
	{ "higher revision, smaller key", "s@9 a@7:10.0.0.1,200::1 b@5:10.0.0.1,200::1", "",
	  "a b | 10.0.0.1/32=a 200::1/128=a | 10.0.0.1/32=a<@b 200::1/128=a<@b" },
	{ "higher revision, beyond 63 bits", "s a@9223372036854775807:200::1 b@9223372036854775808:200::1", "",
	  "a b | 200::1/128=b | 200::1/128=b<@a" },
	{ "highest of three", "s a@5:10.0.0.1 b@7:10.0.0.1 c@6:10.0.0.1", "",
	  "a b c | 10.0.0.1/32=b | 10.0.0.1/32=b<@a 10.0.0.1/32=b<@c" },
	{ "an address does not stay with whom it was", "s a@5:10.0.0.1,200::1 b@7:10.0.0.1,200::1", "10.0.0.1=a 200::1=a",
	  "a b | 10.0.0.1/32=b 200::1/128=b | 10.0.0.1/32=b<@a 200::1/128=b<@a" },
	{ "no revision is the lowest", "s a:200::1 b@1:200::1", "", "a b | 200::1/128=b | 200::1/128=b<@a" },
	{ "same revision, smaller key", "s b@5:10.0.0.1,200::1 a@5:10.0.0.1,200::1", "10.0.0.1=b 200::1=b",
	  "a b | 10.0.0.1/32=a 200::1/128=a | 10.0.0.1/32=a<b 200::1/128=a<b" },
	{ "address beats a CIDR of a higher revision", "s a@9:;10.0.0.1,200::1 b@5:10.0.0.1,200::1", "10.0.0.1=a 200::1=a",
	  "a b | 10.0.0.1/32=b 200::1/128=b | 10.0.0.1/32=b<<a 200::1/128=b<<a" },
	{ "CIDR stays with who has it", "s a@5:;10.0.0.0/8,fd00::/8 b@7:;10.0.0.0/8,fd00::/8", "10.0.0.0/8=b fd00::/8=b",
	  "a b | 10.0.0.0/8=b fd00::/8=b | 10.0.0.0/8=b<=a fd00::/8=b<=a" },
	{ "CIDR stays, whatever the revision", "s a@5:;10.0.0.0/8,fd00::/8 b@7:;10.0.0.0/8,fd00::/8", "10.0.0.0/8=a fd00::/8=a",
	  "a b | 10.0.0.0/8=a fd00::/8=a | 10.0.0.0/8=a<=b fd00::/8=a<=b" },
	{ "CIDR in a first list, by key", "s a@5:;10.0.0.0/8,fd00::/8 b@7:;10.0.0.0/8,fd00::/8", "",
	  "a b | 10.0.0.0/8=a fd00::/8=a | 10.0.0.0/8=a<b fd00::/8=a<b" },
	{ "CIDR of a third one that is gone", "s a@5:;10.0.0.0/8 b@7:;10.0.0.0/8", "10.0.0.0/8=c", "a b | 10.0.0.0/8=a | 10.0.0.0/8=a<b" },
	{ "CIDR of the second of three", "s a:;::/0 b:;::/0 c:;::/0", "::/0=b", "a b c | ::/0=b | ::/0=b<=a ::/0=b<=c" },
	{ "CIDR of the last of three", "s a:;::/0 b:;::/0 c:;::/0", "::/0=c", "a b c | ::/0=c | ::/0=c<=a ::/0=c<=b" },
	{ "another CIDR that it has says nothing", "s a:;10.0.0.0/8,fd00::/8 b:;10.0.0.0/8,fd00::/8", "10.0.0.0/9=b fd00::/8=b",
	  "a b | 10.0.0.0/8=a fd00::/8=b | 10.0.0.0/8=a<b fd00::/8=b<=a" },
	{ "what we advertise is nobody's else", "s:10.0.0.9;10.0.0.0/8 a:;10.0.0.0/8", "10.0.0.0/8=a",
	  "a | 10.0.0.0/8=* 10.0.0.9/32=* | 10.0.0.0/8=*<a" },
	{ "key twice, higher revision counts", "s a@5:10.0.0.1 b a@7:10.0.0.2", "", "a b | 10.0.0.2/32=a | " },
	{ "key twice, first has the higher one", "s a@7:10.0.0.1 b a@5:10.0.0.2", "", "a b | 10.0.0.1/32=a | " },
	{ "our own key twice", "s@5:10.0.0.9 a s@7:10.0.0.8", "", "a | 10.0.0.8/32=* | " },
};
/* clang-format on */

static char key_of(const struct desired *d, uint32_t device)
{
	return device == DESIRED_LOCAL ? '*' : (char)d->devices[device].public_key[0];
}

static void show(const struct desired *d, char text[static NOTATION_TEXT_MAX])
{
	char prefix[PREFIX_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < d->n_devices; i++)
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, "%s%c", i ? " " : "", key_of(d, i));
	n += snprintf(text + n, NOTATION_TEXT_MAX - n, " |");
	for (size_t i = 0; i < d->n_entries; i++)
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, " %s=%c",
			      prefix_format(&d->entries[i].prefix, prefix),
			      key_of(d, d->entries[i].device));
	n += snprintf(text + n, NOTATION_TEXT_MAX - n, " |");
	for (size_t i = 0; i < d->n_conflicts; i++)
		n += snprintf(text + n, NOTATION_TEXT_MAX - n, " %s=%c%s%c",
			      prefix_format(&d->conflicts[i].prefix, prefix),
			      key_of(d, d->conflicts[i].winner),
			      (const char *[]){ "<<", "<@", "<=", "<" }[d->conflicts[i].why],
			      key_of(d, d->conflicts[i].loser));
	if (!d->n_conflicts)
		snprintf(text + n, NOTATION_TEXT_MAX - n, " ");
}

/* @arg: "10.0.0.0/8=a fd00::/8=b" */
static bool holds(const void *arg, const struct prefix *prefix, const uint8_t *key)
{
	char copy[NOTATION_TEXT_MAX], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", (const char *)arg);
	for (char *word; (word = strsep(&rest, " "));) {
		char *is = strchr(word, '=');
		struct prefix held;

		if (!is)
			continue;
		*is = '\0';
		held = notation_prefix(word);
		if (!prefix_compare(&held, prefix) && (uint8_t)is[1] == key[0])
			return true;
	}
	return false;
}

static int build_held(const char *list_text, const char *local_text, bool ipv4_only,
		      const char *held, struct desired *ret)
{
	struct device_list list = notation_list(list_text);
	uint8_t self[WG_KEY_BYTES];
	char copy[NOTATION_TEXT_MAX], *rest = copy;
	struct prefix local[8];
	struct desired_input input = {
		.list = &list,
		.self_key = self,
		.local = local,
		.ipv6 = !ipv4_only,
		.holds = held ? holds : NULL,
		.holds_arg = held,
	};
	int err;

	memset(self, 's', sizeof(self));
	snprintf(copy, sizeof(copy), "%s", local_text);
	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			local[input.n_local++] = notation_prefix(word);
	err = desired_build(&input, ret);
	device_list_done(&list);
	return err;
}

static int build(const char *list_text, const char *local_text, bool ipv4_only, struct desired *ret)
{
	return build_held(list_text, local_text, ipv4_only, NULL, ret);
}

static void test_claims(void **state)
{
	char text[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(claims); i++) {
		struct desired desired = {};

		if (build_held(claims[i].list, "", false, claims[i].held, &desired))
			fail_msg("%s: failed", claims[i].name);
		show(&desired, text);
		if (strcmp(text, claims[i].desired) != 0)
			fail_msg("%s: %s", claims[i].name, text);
		desired_done(&desired);
	}
}

static void test_table(void **state)
{
	char text[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct desired desired = {};

		if (build(cases[i].list, cases[i].local, cases[i].ipv4_only, &desired))
			fail_msg("%s: failed", cases[i].name);
		show(&desired, text);
		if (strcmp(text, cases[i].desired) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		if (desired.n_repeated != cases[i].n_repeated)
			fail_msg("%s: %zu repeated", cases[i].name, desired.n_repeated);
		desired_done(&desired);
	}
}

/* A list without our own device is not believed, and the result is not touched. */
static void test_without_us(void **state)
{
	static const char *const lists[] = { "", "a:10.0.0.1", "a b c:200::1 S" };

	(void)state;
	for (size_t i = 0; i < N(lists); i++) {
		struct desired desired, before;

		memset(&desired, 0xa5, sizeof(desired));
		before = desired;
		assert_int_equal(build(lists[i], "192.0.2.1", false, &desired), -ENOENT);
		assert_memory_equal(&desired, &before, sizeof(desired));
	}
}

/* Whatever the order of the list, the same devices come to the same result. */
static void test_order_of_the_list(void **state)
{
	static const char *const words[] = {
		"s:10.0.0.9,200::9",           "a:10.0.0.1,10.1.0.0/16;200::5",
		"b!:10.0.0.1,200::9,fd00::/8", "c:fd00::/8,10.0.0.1",
		"d:200::9,192.0.2.1,::/0",     "e:::/0,10.1.0.0/16,200::5;10.0.0.1",
	};
	char list[NOTATION_TEXT_MAX], first[NOTATION_TEXT_MAX] = "", text[NOTATION_TEXT_MAX];
	unsigned int order[N(words)];

	(void)state;
	for (unsigned int permutation = 0; permutation < 720; permutation++) {
		struct desired desired = {};
		unsigned int rest = permutation;
		size_t n = 0;

		for (unsigned int i = 0; i < N(words); i++)
			order[i] = i;
		for (unsigned int i = N(words); i; i--) {
			unsigned int pick = rest % i, word = order[pick];

			rest /= i;
			order[pick] = order[i - 1];
			n += snprintf(list + n, sizeof(list) - n, "%s ", words[word]);
		}
		assert_int_equal(build(list, "192.0.2.1", false, &desired), 0);
		show(&desired, text);
		if (!*first)
			memcpy(first, text, sizeof(first));
		if (strcmp(text, first) != 0)
			fail_msg("%s: %s", list, text);
		if (!desired.devices[1].relay_only || desired.devices[0].relay_only)
			fail_msg("%s: flag of another device", list);
		desired_done(&desired);
	}
	assert_non_null(strstr(first, "10.0.0.1/32=a<b 10.0.0.1/32=a<c"));
	assert_non_null(strstr(first, "192.0.2.1/32=*<d"));
	assert_non_null(strstr(first, "10.0.0.1/32=a<<e"));
	assert_non_null(strstr(first, "200::5/128=e<<a"));
}

/* What belongs on our interface, whatever else there is. */
static void test_self_addresses(void **state)
{
	/* clang-format off */
	static const struct {
		const char *name, *list;
		bool ipv4_only;
		const char *addresses;
	} rows[] = {
		{ "none",              "a:10.0.0.1 s",                        false, "" },
		{ "both families",     "a:10.0.0.1 s:200::9,10.0.0.9",  false, "10.0.0.9/32 200::9/128" },
		{ "single stack",      "s:200::9,10.0.0.9",                true,  "10.0.0.9/32" },
		{ "not what we advertise", "s:10.0.0.9;10.0.0.8,200::8,fd00::/8", false, "10.0.0.9/32" },
		{ "only advertised",   "s:;10.0.0.8,200::8",                  false, "" },
		{ "no networks",       "s:10.0.0.0/8,10.0.0.9,200::/64,200::9", false, "10.0.0.9/32 200::9/128" },
		{ "each once, in order", "s:10.0.0.9,200::9,10.0.0.8,200::9,10.0.0.9", false, "10.0.0.8/32 10.0.0.9/32 200::9/128" },
		{ "another device has it too", "a:10.0.0.9,200::9 s:10.0.0.9,200::9", false, "10.0.0.9/32 200::9/128" },
		{ "our own key is repeated", "s:10.0.0.9 a s:10.0.0.8,200::8", false, "10.0.0.9/32" },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		char text[NOTATION_TEXT_MAX] = "", prefix[PREFIX_TEXT_MAX];
		struct desired desired = {};
		size_t n = 0;

		assert_int_equal(
			build(rows[i].list, "192.0.2.1 fe80::1", rows[i].ipv4_only, &desired), 0);
		for (size_t a = 0; a < desired.n_self_addresses; a++)
			n += snprintf(text + n, sizeof(text) - n, "%s%s", a ? " " : "",
				      prefix_format(&desired.self_addresses[a], prefix));
		if (strcmp(text, rows[i].addresses) != 0)
			fail_msg("%s: %s", rows[i].name, text);
		desired_done(&desired);
		assert_null(desired.self_addresses);
	}
}

static void test_done_is_safe(void **state)
{
	struct desired desired = {};

	(void)state;
	desired_done(&desired);
	assert_int_equal(build("s a:10.0.0.1 b:10.0.0.1", "", false, &desired), 0);
	desired_done(&desired);
	assert_null(desired.devices);
	assert_int_equal(desired.n_devices + desired.n_entries + desired.n_conflicts, 0);
	desired_done(&desired);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),          cmocka_unit_test(test_claims),
		cmocka_unit_test(test_without_us),     cmocka_unit_test(test_order_of_the_list),
		cmocka_unit_test(test_self_addresses), cmocka_unit_test(test_done_is_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
