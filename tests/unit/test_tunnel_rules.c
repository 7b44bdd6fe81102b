// SPDX-License-Identifier: Apache-2.0
/*
 * test_tunnel_rules.c - the rules that lead to the tunnel's table: where they stand, and that
 * nobody else's are touched. The plan is pure; what the kernel makes of it is looked at with `ip`,
 * in network namespaces of the test's own, which needs root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "netns.h"
#include "tunnel/table_floor.h"
#include "tunnel/tunnel_routes.h"
#include "tunnel/tunnel_rules.h"

#define TABLE 110001
#define OTHER_TABLE 110002
#define OURS(place)                                                \
	place ":\tfrom all iif t0 lookup 110001 proto 110\n" place \
	      ":\tfrom all oif t0 lookup 110001 proto 110\n"

static bool is_private;
static struct prefix own[2];

static struct tunnel_rules want(void)
{
	own[0] = notation_prefix("100.64.0.1");
	own[1] = notation_prefix("fd00::1");
	return (struct tunnel_rules){
		.ifname = "t0", .table = TABLE, .ipv6 = true, .from = own, .n_from = 2
	};
}

static void begin(void)
{
	if (!is_private)
		skip();
	netns_fresh();
}

/* Others' rules are the same for both families; "%s" is "" or "-6". */
static const struct {
	const char *name, *others;
	const char *place;
	uint32_t behind;
} places[] = {
	{ "nobody else's", "", "500", 0 },
	{ "far behind", "rule add pref 5210 fwmark 0x80000 lookup 52", "500", 0 },
	{ "just behind", "rule add pref 501 lookup 9", "500", 0 },
	{ "at the same place", "rule add pref 500 lookup 9", "400", 0 },
	{ "before it", "rule add pref 350 lookup 9", "300", 0 },
	{ "one that is first of all but one", "rule add pref 2 lookup 9", "1", 0 },
	{ "little room", "rule add pref 57 lookup 9", "56", 0 },
	{ "no room", "rule add pref 1 lookup 9", "1", 1 },
	{ "another relay's", "rule add pref 300 iif t1 lookup 110002 protocol 110", "500", 0 },
};

static void test_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(places); i++) {
		struct tunnel_rules rules = want();
		uint32_t behind = 77;

		begin();
		if (*places[i].others)
			netns_run("ip -4 %s && ip -6 %s", places[i].others, places[i].others);
		assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
		for (int family = 4; family <= 6; family += 2) {
			char line[128];
			const char *shown = netns_run("ip -%d rule", family);

			snprintf(line, sizeof(line),
				 "\n%s:\tfrom all iif t0 lookup 110001 proto 110\n",
				 places[i].place);
			if (netns_count(shown, line) != 1)
				fail_msg("%s, IPv%d: %s", places[i].name, family, shown);
			snprintf(line, sizeof(line),
				 "\n%s:\tfrom all oif t0 lookup 110001 proto 110\n",
				 places[i].place);
			assert_int_equal(netns_count(shown, line), 1);
			snprintf(line, sizeof(line), "\n%s:\tfrom %s lookup 110001 proto 110\n",
				 places[i].place, family == 4 ? "100.64.0.1" : "fd00::1");
			if (netns_count(shown, line) != 1)
				fail_msg("%s, IPv%d: %s", places[i].name, family, shown);
		}
		if (behind != places[i].behind)
			fail_msg("%s: behind %u", places[i].name, behind);
	}
}

/* `ip rule add` without a priority gets the one before the first of all: ours move in front. */
static void test_others_that_name_no_priority(void **state)
{
	struct tunnel_rules rules = want();
	AUTO(tunnel_rules_plan_done) struct tunnel_rules_plan plan = {};
	uint32_t behind;

	(void)state;
	begin();
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	netns_ip("rule add not fwmark 51820 lookup 51820;"
		 "rule add lookup main suppress_prefixlength 0;"
		 "-6 rule add not fwmark 51820 lookup 51820;"
		 "-6 rule add lookup main suppress_prefixlength 0");
	assert_int_equal(tunnel_rules_look(&rules, &plan), 0);
	assert_int_equal(plan.add.n, 6);
	assert_int_equal(plan.remove.n, 6);
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	/* The order of the others is what it was. */
	assert_string_equal(netns_run("ip -4 rule"), "0:\tfrom all lookup local\n" OURS("400") /**/
			    "400:\tfrom 100.64.0.1 lookup 110001 proto 110\n"
			    "498:\tfrom all lookup main suppress_prefixlength 0\n"
			    "499:\tnot from all fwmark 0xca6c lookup 51820\n"
			    "32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n");
	netns_ip(
		"rule del pref 498; rule del pref 499; -6 rule del pref 498; -6 rule del pref 499");
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	assert_string_equal(netns_run("ip -6 rule"), "0:\tfrom all lookup local\n" OURS("500") /**/
			    "500:\tfrom fd00::1 lookup 110001 proto 110\n"
			    "32766:\tfrom all lookup main\n");
}

/* Once more is nothing; what is ours and not wanted goes; what is others' stays. */
static void test_again(void **state)
{
	struct tunnel_rules rules = want();
	AUTO(tunnel_rules_plan_done) struct tunnel_rules_plan plan = {};
	char before[4096];
	uint32_t behind;

	(void)state;
	begin();
	netns_ip("rule add pref 900 from 100.64.0.1 lookup 9; -6 rule add pref 900 lookup 110001;"
		 "rule add pref 901 iif t1 lookup 110002 protocol 110");
	snprintf(before, sizeof(before), "%s", netns_run("ip -4 rule; ip -6 rule"));
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	assert_int_equal(tunnel_rules_look(&rules, &plan), 0);
	assert_int_equal(plan.add.n + plan.remove.n, 0);
	/* An address less, one that was never there, and one that somebody has deleted. */
	netns_ip("rule del iif t0; -6 rule del oif t0; rule add pref 3 from 10.9.9.9 lookup 110001 "
		 "protocol 110");
	rules.n_from = 1;
	assert_int_equal(tunnel_rules_look(&rules, &plan), 0);
	assert_int_equal(plan.add.n, 2);
	assert_int_equal(plan.remove.n, 2);
	tunnel_rules_plan_done(&plan);
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	assert_int_equal(netns_count(netns_run("ip -6 rule"), "fd00::1"), 0);
	assert_int_equal(netns_count(netns_run("ip -4 rule"), "10.9.9.9"), 0);
	assert_int_equal(tunnel_rules_clear(TABLE), 0);
	assert_string_equal(netns_run("ip -4 rule; ip -6 rule"), before);
	assert_int_equal(tunnel_rules_clear(TABLE), 0);
}

/* `lookup local` behind ours, or nowhere: each of ours has a twin before it. */
static void test_local_behind(void **state)
{
	static const struct {
		const char *others, *place, *twin; /* "": none */
		uint32_t behind;
	} rows[] = {
		{ "rule add pref 1000 lookup local", "500", "499", 0 },
		{ "rule add pref 500 lookup local", "500", "499", 0 },
		{ "rule add pref 300 lookup local", "500", "", 0 },
		{ "rule add pref 450 lookup local; rule add pref 500 lookup 9", "400", "399", 0 },
		{ "rule add pref 32765 lookup local; rule add pref 3 lookup 9", "2", "1", 0 },
		{ "rule add pref 32765 lookup local; rule add pref 2 lookup 9", "2", "1", 2 },
		{ "rule add pref 1 lookup local; rule add pref 3 lookup 9", "2", "", 0 },
		{ "rule add pref 40000 lookup 9", "500", "499", 0 }, /* deleted */
		/* Those that are for some packets alone. */
		{ "rule add pref 300 fwmark 7 lookup local", "200", "199", 0 },
		{ "rule add pref 300 not iif t1 lookup local", "200", "199", 0 },
		{ "rule add pref 300 iif t1 lookup local", "200", "199", 0 },
		{ "rule add pref 300 lookup local suppress_prefixlength 9", "200", "199", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct tunnel_rules rules = want();
		AUTO(tunnel_rules_plan_done) struct tunnel_rules_plan plan = {};
		char before[4096], others[256];
		uint32_t behind = 77;

		begin();
		for (int family = 4; family <= 6; family += 2) {
			char *at, *next;

			snprintf(others, sizeof(others), "%s", rows[i].others);
			for (at = strtok_r(others, ";", &next); at; at = strtok_r(NULL, ";", &next))
				netns_run("ip -%d %s", family, at);
			netns_run("ip -%d rule del pref 0", family);
		}
		snprintf(before, sizeof(before), "%s", netns_run("ip -4 rule; ip -6 rule"));
		assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
		for (int family = 4; family <= 6; family += 2) {
			const char *shown = netns_run("ip -%d rule", family);
			char line[512];

			snprintf(line, sizeof(line),
				 "%s:\tfrom all iif t0 lookup 110001 proto 110\n"
				 "%s:\tfrom all oif t0 lookup 110001 proto 110\n"
				 "%s:\tfrom %s lookup 110001 proto 110\n",
				 rows[i].place, rows[i].place, rows[i].place,
				 family == 4 ? "100.64.0.1" : "fd00::1");
			if (netns_count(shown, line) != 1)
				fail_msg("%s, IPv%d: %s", rows[i].others, family, shown);
			snprintf(line, sizeof(line),
				 "%s:\tfrom all iif t0 lookup local proto 110\n"
				 "%s:\tfrom all oif t0 lookup local proto 110\n"
				 "%s:\tfrom %s lookup local proto 110\n",
				 rows[i].twin, rows[i].twin, rows[i].twin,
				 family == 4 ? "100.64.0.1" : "fd00::1");
			if (netns_count(shown, line) != !!*rows[i].twin)
				fail_msg("%s, IPv%d: %s", rows[i].others, family, shown);
		}
		if (behind != rows[i].behind)
			fail_msg("%s: behind %u", rows[i].others, behind);
		assert_int_equal(tunnel_rules_look(&rules, &plan), 0);
		assert_int_equal(plan.add.n + plan.remove.n, 0);
		assert_int_equal(tunnel_rules_clear(TABLE), 0);
		assert_string_equal(netns_run("ip -4 rule; ip -6 rule"), before);
	}
}

/* It is moved away and back; an address goes meanwhile; another relay's twins stay. */
static void test_local_moved(void **state)
{
	struct tunnel_rules rules = want(), others = want();
	AUTO(tunnel_rules_plan_done) struct tunnel_rules_plan plan = {};
	uint32_t behind;

	(void)state;
	begin();
	others.ifname = "t1";
	others.table = OTHER_TABLE;
	others.n_from = 0;
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	netns_ip("rule add pref 1000 lookup local; rule del pref 0;"
		 "-6 rule add pref 1000 lookup local; -6 rule del pref 0");
	assert_int_equal(tunnel_rules_set(&others, &behind), 0);
	assert_int_equal(tunnel_rules_look(&rules, &plan), 0);
	assert_int_equal(plan.add.n, 6);
	assert_int_equal(plan.remove.n, 0);
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	assert_int_equal(netns_count(netns_run("ip rule; ip -6 rule"), "lookup local proto"), 10);
	rules.n_from = 1; /* not the IPv6 one */
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	assert_int_equal(netns_count(netns_run("ip -6 rule"), "fd00::1"), 0);
	netns_ip("rule add pref 0 lookup local; rule del pref 1000");
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	assert_int_equal(netns_count(netns_run("ip rule"), "t0 lookup local"), 0);
	assert_int_equal(netns_count(netns_run("ip -6 rule"), "t0 lookup local"), 2);
	assert_int_equal(tunnel_rules_clear(TABLE), 0);
	assert_int_equal(netns_count(netns_run("ip rule; ip -6 rule"), "t0"), 0);
	assert_int_equal(netns_count(netns_run("ip rule; ip -6 rule"), "t1 lookup local"), 4);
	assert_int_equal(tunnel_rules_clear(OTHER_TABLE), 0);
	assert_int_equal(netns_count(netns_run("ip rule; ip -6 rule"), "proto 110"), 0);
}

static void test_without_ipv6(void **state)
{
	struct tunnel_rules rules = want();
	uint32_t behind;

	(void)state;
	begin();
	rules.ipv6 = false;
	assert_int_equal(tunnel_rules_set(&rules, &behind), 0);
	assert_int_equal(netns_count(netns_run("ip -6 rule"), "110001"), 0);
	assert_int_equal(netns_count(netns_run("ip -4 rule"), "110001"), 3);
}

/* Two names may come to one number. */
static void test_table_of_another_relay(void **state)
{
	struct tunnel_rules rules = want();
	uint32_t behind;

	(void)state;
	begin();
	netns_ip("rule add pref 300 iif t1 lookup 110001 protocol 110");
	assert_int_equal(tunnel_rules_set(&rules, &behind), -EADDRINUSE);
	assert_int_equal(netns_count(netns_run("ip rule"), "110001"), 1);
}

static struct kernel_forwarding forwarding(const char *text)
{
	struct kernel_forwarding forwarding = { .all = !strcmp(text, "yes") };

	if (!forwarding.all && strcmp(text, "no") != 0)
		assert_int_equal(prefix_list_parse(text, &forwarding.to), 0);
	return forwarding;
}

/* From one to the next, whatever it was before. */
static void test_floor(void **state)
{
	static const struct {
		const char *forwarding, *ipv4, *ipv6;
	} floors[] = {
		{ "no", "unreachable default proto 110 metric 4294967295 \n",
		  "unreachable default dev lo proto 110 metric 4294967295 pref medium\n" },
		{ "172.17.0.0/16 fd17::/64",
		  "unreachable default proto 110 metric 4294967295 \n"
		  "throw 172.17.0.0/16 proto 110 metric 4294967294 \n",
		  "throw fd17::/64 dev lo proto 110 metric 4294967294 pref medium\n"
		  "unreachable default dev lo proto 110 metric 4294967295 pref medium\n" },
		{ "yes", "throw default proto 110 metric 4294967294 \n",
		  "throw default dev lo proto 110 metric 4294967294 pref medium\n" },
	};

	(void)state;
	begin();
	netns_ip("route add default dev t1 table 110001; route add 10.8.0.0/16 dev t0 table 110001 "
		 "proto 110 metric 1024");
	for (size_t i = 0; i < N(floors) * N(floors); i++) {
		/* Each of them after each of them. */
		size_t at = i % 2 ? i / N(floors) : i % N(floors);
		struct kernel_forwarding now = forwarding(floors[at].forwarding);
		const char *shown;
		size_t wrong = 77;

		assert_int_equal(table_floor_set(TABLE, &now, true), 0);
		assert_int_equal(table_floor_look(TABLE, &now, true, &wrong), 0);
		assert_int_equal(wrong, 0);
		shown = netns_run("ip route show table 110001 | grep -v dev");
		if (strcmp(shown, floors[at].ipv4) != 0)
			fail_msg("%s: %s", floors[at].forwarding, shown);
		shown = netns_run("ip -6 route show table 110001");
		if (strcmp(shown, floors[at].ipv6) != 0)
			fail_msg("%s: %s", floors[at].forwarding, shown);
	}
	assert_int_equal(netns_count(netns_run("ip route show table 110001"), "dev t"), 2);
	assert_int_equal(table_flush(TABLE), 0);
	assert_string_equal(netns_run("ip route show table 110001"),
			    "default dev t1 scope link \n");
	assert_int_equal(table_flush(TABLE), 0);
	assert_int_equal(table_flush(OTHER_TABLE), 0);
}

static void test_floor_that_somebody_changes(void **state)
{
	struct kernel_forwarding now = forwarding("172.17.0.0/16 fd17::/64");
	size_t wrong;

	(void)state;
	begin();
	assert_int_equal(table_floor_look(TABLE, &now, true, &wrong), 0);
	assert_int_equal(wrong, 4);
	assert_int_equal(table_floor_set(TABLE, &now, true), 0);
	netns_ip("route del throw 172.17.0.0/16 table 110001; route add unreachable 10.0.0.0/8 "
		 "table "
		 "110001 proto 110; -6 route del unreachable default table 110001");
	assert_int_equal(table_floor_look(TABLE, &now, true, &wrong), 0);
	assert_int_equal(wrong, 3);
	assert_int_equal(table_floor_set(TABLE, &now, true), 0);
	assert_int_equal(table_floor_look(TABLE, &now, true, &wrong), 0);
	assert_int_equal(wrong, 0);
}

static void test_table_numbers(void **state)
{
	(void)state;
	for (int i = 0; i < 64; i++) {
		char name[16], other[16];

		snprintf(name, sizeof(name), "wg%d", i);
		assert_true(tunnel_table(name) >= TUNNEL_TABLE_FIRST);
		assert_true(tunnel_table(name) < TUNNEL_TABLE_FIRST + TUNNEL_TABLES);
		for (int k = 0; k < i; k++) {
			snprintf(other, sizeof(other), "wg%d", k);
			assert_int_not_equal(tunnel_table(name), tunnel_table(other));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_others_that_name_no_priority),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_local_behind),
		cmocka_unit_test(test_local_moved),
		cmocka_unit_test(test_without_ipv6),
		cmocka_unit_test(test_table_of_another_relay),
		cmocka_unit_test(test_floor),
		cmocka_unit_test(test_floor_that_somebody_changes),
		cmocka_unit_test(test_table_numbers),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
