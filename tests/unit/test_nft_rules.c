// SPDX-License-Identifier: Apache-2.0
/*
 * test_nft_rules.c - which packets the host's rules drop, and which translations spokes lose, by
 * rules as nft and iptables make them.
 *
 * In network namespaces of the test's own: that needs root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "check/lost.h"
#include "check/nat.h"
#include "check/nexd.h"
#include "check/nft_walk.h"
#include "netns.h"

#define LISTED_MAX 16

static bool is_private;

/* Rules of one row: nft's own, or, when they begin with "ip", commands with ";" between them. */
static void load(const char *rules, struct ruleset *ret)
{
	char why[RULESET_WHY_MAX];

	netns_fresh();
	if (!strncmp(rules, "ip", 2))
		netns_run("set -e; { %s; } 2>&1", rules);
	else if (*rules)
		netns_run("nft '%s' 2>&1", rules);
	if (ruleset_read(ret, why))
		fail_msg("%s: %s", rules, why);
}

struct told {
	char text[1024];
	size_t n; /* things */
};

static void add_word(struct told *told, const char *word, const char *more)
{
	size_t len = strlen(told->text);

	told->n++;
	snprintf(told->text + len, sizeof(told->text) - len, "%s%s%s%s", len ? "; " : "", word,
		 *more ? " " : "", more);
}

static void take_drop(const struct nft_rule *rule, bool certain, void *data)
{
	if (rule->verdict == NFT_DROPS)
		add_word(data, certain ? "drops" : "may drop", "");
}

#define FORWARD "add table inet f; add chain inet f c { type filter hook forward priority 0; }; "
#define RULE(text) FORWARD "add rule inet f c " text

static const struct {
	const char *rules, *told;
} drop_rows[] = {
	{ "", "" },
	{ RULE("drop"), "drops" },
	{ RULE("counter reject"), "drops" },
	{ RULE("iifname wg0 oifname wg0 drop"), "drops" },
	{ RULE("iifname \"wg*\" drop"), "drops" },
	{ RULE("iifname { eth0, wg0 } drop"), "drops" },
	{ RULE("iifname { eth0, eth1 } drop"), "" },
	{ RULE("iifname != wg0 drop"), "" },
	{ RULE("oifname != { eth0, eth1 } drop"), "drops" },
	{ RULE("iif t0 drop"), "" },
	{ RULE("iifname eth0 drop"), "" },
	{ RULE("ip daddr 10.0.0.0/8 drop"), "may drop" },
	{ RULE("ct state invalid drop"), "may drop" },
	{ RULE("limit rate over 1/second drop"), "may drop" },
	{ RULE("iifname wg0 accept; add rule inet f c drop"), "" },
	{ RULE("tcp dport 80 accept; add rule inet f c drop"), "drops" },
	{ RULE("iifname @s drop"), "may drop" },
	{ FORWARD "add chain inet f d; add rule inet f d drop; add rule inet f c jump d", "drops" },
	{ FORWARD "add chain inet f d; add rule inet f d drop; "
		  "add rule inet f c iifname eth0 jump d",
	  "" },
	{ FORWARD "add chain inet f d; add rule inet f d drop; "
		  "add rule inet f c meta mark 1 goto d",
	  "may drop" },
	{ FORWARD "add chain inet f d; add rule inet f d return; add rule inet f c goto d; "
		  "add rule inet f c drop",
	  "" },
	{ FORWARD "add chain inet f c { policy drop; }", "policy" },
	{ FORWARD "add chain inet f c { policy drop; }; add rule inet f c oifname wg0 accept", "" },
	{ FORWARD "add chain inet f c { policy drop; }; add rule inet f c tcp dport 1 accept",
	  "policy" },
	{ "add table bridge f; add chain bridge f c "
	  "{ type filter hook forward priority 0; policy drop; }",
	  "" },
	{ "iptables -A FORWARD -i wg0 -j DROP", "drops" },
	{ "iptables -A FORWARD -i wg0 -m comment --comment x -j REJECT", "drops" },
	{ "ip6tables -A FORWARD -i wg0 -m conntrack --ctstate INVALID -j DROP", "may drop" },
	{ "ip6tables -P FORWARD DROP", "policy" },
	{ "iptables -P FORWARD DROP; iptables -A FORWARD -i wg0 -j ACCEPT", "" },
};

static void test_drops(void **state)
{
	(void)state;
	if (!is_private)
		skip();
	for (size_t i = 0; i < N(drop_rows); i++) {
		AUTO(ruleset_done) struct ruleset ruleset = {};
		struct told told = {};
		struct nft_walk walk = { .path = { "wg0", NFT_TUNNEL, NFT_TUNNEL },
					 .visit = take_drop,
					 .data = &told };

		if (strstr(drop_rows[i].rules, "@s")) /* a set has to be there first */
			load("add table inet f; add set inet f s { type ifname; }; " FORWARD
			     "add rule inet f c iifname @s drop",
			     &ruleset);
		else
			load(drop_rows[i].rules, &ruleset);
		walk.ruleset = &ruleset;
		json_object_object_foreach(ruleset.chains, key, chain)
		{
			(void)key;
			if (nft_chain_is_at(chain, "forward", NULL) &&
			    nft_walk_chain(&walk, chain) &&
			    !strcmp(ruleset_text(chain, "policy"), "drop"))
				add_word(&told, "policy", "");
		}
		if (strcmp(told.text, drop_rows[i].told) != 0)
			fail_msg("%s: '%s', not '%s'", drop_rows[i].rules, told.text,
				 drop_rows[i].told);
	}
}

static void take_nat(enum nat_kind kind, const struct prefix *to, const char *what, void *data)
{
	char text[PREFIX_TEXT_MAX];

	(void)what;
	add_word(data, kind == NAT_DNAT ? "dnat" : "masquerade",
		 to ? prefix_format(to, text) : "all");
}

#define PRE "add table inet n; add chain inet n c { type nat hook prerouting priority -100; }; "
#define POST "add table inet n; add chain inet n c { type nat hook postrouting priority 100; }; "
#define DNAT(text) PRE "add rule inet n c " text
#define SNAT(text) POST "add rule inet n c " text
#define IPT "iptables -t nat -A "

/* The tunnel has 100.64.0.1 and 200::1, docker0 172.17.0.0/16 and fd00:17::/64, eth0 192.0.2.0/24;
 * a device has 100.64.0.5. */
static const struct {
	const char *rules, *forwarding, *told;
} nat_rows[] = {
	{ DNAT("tcp dport 80 dnat ip to 172.17.0.2:80"), "", "dnat 172.17.0.0/16" },
	{ DNAT("tcp dport 80 dnat ip6 to [fd00:17::2]:80"), "", "dnat fd00:17::/64" },
	{ DNAT("tcp dport 80 dnat ip to 10.9.9.9"), "", "dnat 10.9.9.9/32" },
	{ DNAT("tcp dport 80 dnat ip to 172.17.0.2:80"), "172.17.0.0/16", "" },
	{ DNAT("tcp dport 80 dnat ip to 172.17.0.2:80"), "10.0.0.0/8", "dnat 172.17.0.0/16" },
	{ DNAT("tcp dport 80 dnat ip to 172.17.0.2:80"), "all", "" },
	{ DNAT("iifname eth0 tcp dport 80 dnat ip to 172.17.0.2"), "", "" },
	{ DNAT("iifname != docker0 tcp dport 80 dnat ip to 172.17.0.2"), "", "dnat 172.17.0.0/16" },
	{ DNAT("ip daddr 100.64.0.1 tcp dport 80 dnat ip to 172.17.0.2"), "",
	  "dnat 172.17.0.0/16" },
	{ DNAT("ip daddr 192.0.2.1 tcp dport 80 dnat ip to 172.17.0.2"), "", "" },
	{ DNAT("tcp dport 80 dnat ip to 100.64.0.5"), "", "" },
	{ DNAT("tcp dport 80 dnat ip to 192.0.2.1"), "", "" },
	{ DNAT("tcp dport 80 redirect to :8080"), "", "" },
	{ DNAT("dnat ip to tcp dport map { 80 : 172.17.0.3, 81 : 10.9.9.9 }"), "",
	  "dnat 172.17.0.0/16; dnat 10.9.9.9/32" },
	{ DNAT("tcp dport 80 dnat ip to 172.17.0.2-172.17.0.9"), "", "dnat 172.17.0.0/16" },
	{ "add table ip n; add map ip n m { type inet_service : ipv4_addr; }; add chain ip n c "
	  "{ type nat hook prerouting priority -100; }; add rule ip n c dnat to tcp dport map @m",
	  "", "dnat all" },
	{ SNAT("ip saddr 172.17.0.0/16 oifname != docker0 masquerade"), "",
	  "masquerade 172.17.0.0/16" },
	{ SNAT("ip6 saddr fd00:17::/64 masquerade"), "", "masquerade fd00:17::/64" },
	{ SNAT("ip saddr 172.17.0.0/16 oifname != docker0 masquerade"), "172.17.0.0/16", "" },
	{ SNAT("ip saddr 172.17.0.0/16 oifname eth0 masquerade"), "", "" },
	{ SNAT("ip saddr { 172.17.0.0/24, 10.9.0.0/16 } snat ip to 100.64.0.1"), "",
	  "masquerade 172.17.0.0/16; masquerade 10.9.0.0/16" },
	{ SNAT("iifname docker0 oifname wg0 masquerade"), "",
	  "masquerade 172.17.0.0/16; masquerade fd00:17::/64" },
	{ SNAT("oifname eth0 masquerade"), "", "masquerade all" },
	{ SNAT("ip saddr 100.64.0.0/10 oifname eth0 masquerade"), "", "masquerade all" },
	{ SNAT("oifname eth0 masquerade"), "172.17.0.0/16", "" },
	{ SNAT("oifname eth0 masquerade"), "all", "" },
	{ IPT "PREROUTING -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80", "",
	  "dnat 172.17.0.0/16" },
	{ IPT "PREROUTING -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80",
	  "172.17.0.0/16", "" },
	{ IPT "PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2", "", "" },
	{ "ip6tables -t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination fd00:17::2",
	  "", "dnat fd00:17::/64" },
	{ IPT "PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 81", "", "" },
	{ IPT "POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE", "",
	  "masquerade 172.17.0.0/16" },
	{ IPT "POSTROUTING -o eth0 -j MASQUERADE", "", "masquerade all" },
	{ IPT "POSTROUTING -s 172.17.0.0/16 -o wg0 -j SNAT --to-source 100.64.0.1", "",
	  "masquerade 172.17.0.0/16" },
};

static void lose(const struct ruleset *ruleset, const char *text, struct told *told)
{
	struct prefix own[LISTED_MAX], devices[LISTED_MAX];
	struct local_network at[] = {
		{ notation_prefix("172.17.0.0/16"), "docker0" },
		{ notation_prefix("192.0.2.0/24"), "eth0" },
		{ notation_prefix("fd00:17::/64"), "docker0" },
	};
	struct local_networks networks = { at, N(at) };
	struct kernel_forwarding forwarding = { .all = !strcmp(text, "all") };
	const struct nat_host host = {
		.ifname = "wg0",
		.forwarding = &forwarding,
		.networks = &networks,
		.own = own,
		.n_own = netns_prefixes("100.64.0.1 200::1 172.17.0.1 192.0.2.1", own, LISTED_MAX),
		.n_tunnel = 2,
		.devices = devices,
		.n_devices = netns_prefixes("0.0.0.0/0 100.64.0.5", devices, LISTED_MAX),
	};

	if (*text && !forwarding.all)
		assert_int_equal(prefix_list_parse(text, &forwarding.to), 0);
	nat_lost(ruleset, &host, take_nat, told);
}

static void test_nat(void **state)
{
	(void)state;
	if (!is_private)
		skip();
	for (size_t i = 0; i < N(nat_rows); i++) {
		AUTO(ruleset_done) struct ruleset ruleset = {};
		struct told told = {};

		load(nat_rows[i].rules, &ruleset);
		lose(&ruleset, nat_rows[i].forwarding, &told);
		if (strcmp(told.text, nat_rows[i].told) != 0)
			fail_msg("%s with '%s': '%s', not '%s'", nat_rows[i].rules,
				 nat_rows[i].forwarding, told.text, nat_rows[i].told);
	}
}

/* What can be pasted: with what is forwarded already, and no more than what it takes. */
static void test_line(void **state)
{
	struct lost lost = {
		.forwarding.to = { { notation_prefix("10.0.0.0/8") }, 1 },
		.networks = { { notation_prefix("172.17.0.0/16"), "docker0" },
			      { notation_prefix("10.1.0.0/16"), "eth1" } },
		.n_networks = 2,
		.nats = { { .is_dnat = true, .to = notation_prefix("fd00:17::/64") },
			  { .is_dnat = false } },
		.n_nats = 2,
	};
	char line[LOST_LINE_MAX];

	(void)state;
	assert_string_equal(lost_line(&lost, true, false, line),
			    "kernel-forwarding = 10.0.0.0/8,172.17.0.0/16");
	assert_string_equal(lost_line(&lost, false, true, line),
			    "kernel-forwarding = 10.0.0.0/8,fd00:17::/64");
	assert_string_equal(lost_line(&lost, true, true, line),
			    "kernel-forwarding = 10.0.0.0/8,172.17.0.0/16,fd00:17::/64");
	assert_true(lost_needs_all(&lost));
	lost.nats[0].to = (struct prefix){};
	assert_string_equal(lost_line(&lost, false, true, line), LOST_ALL_LINE);
	lost.n_nats = 0;
	assert_false(lost_needs_all(&lost));
	/* More than the option takes. */
	lost.n_more_networks = 1;
	assert_string_equal(lost_line(&lost, true, false, line), LOST_ALL_LINE);
	lost.n_more_networks = 0;
	lost.n_networks = LOST_MAX;
	for (size_t i = 0; i < LOST_MAX; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "172.16.%zu.0/24", i);
		lost.networks[i].net = notation_prefix(text);
	}
	assert_string_equal(lost_line(&lost, true, false, line), LOST_ALL_LINE);
	lost.n_networks--; /* and the one that is forwarded already */
	assert_non_null(strstr(lost_line(&lost, true, false, line), ",172.16.62.0/24"));
}

static void take_left(const char *what, const char *command, void *data)
{
	(void)what;
	add_word(data, command, "");
}

/* What does not accept all that comes by the tunnel is the operator's. */
static void test_nexd(void **state)
{
	static const struct {
		const char *rules;
		size_t n;
	} rows[] = {
		{ "", 0 },
		{ "add table inet nexodus", 1 },
		{ "add table ip nexodus", 0 },
		{ RULE("iifname wg0 counter accept"), 1 },
		{ RULE("iifname wg1 counter accept"), 0 },
		{ RULE("iifname wg0 tcp dport 80 accept"), 0 },
		{ RULE("iifname wg0 oifname wg0 accept"), 0 },
		{ RULE("iifname wg0 drop"), 0 },
		{ "iptables -A FORWARD -i wg0 -j ACCEPT; ip6tables -A FORWARD -i wg0 -j ACCEPT",
		  2 },
		{ "iptables -A FORWARD -i wg0 -s 10.0.0.1 -j ACCEPT", 0 },
	};

	(void)state;
	if (!is_private)
		skip();
	for (size_t i = 0; i < N(rows); i++) {
		AUTO(ruleset_done) struct ruleset ruleset = {};
		struct told told = {};

		load(rows[i].rules, &ruleset);
		nexd_left(&ruleset, "wg0", take_left, &told);
		if (told.n != rows[i].n)
			fail_msg("%s: '%s'", rows[i].rules, told.text);
		if (told.n) { /* the commands do what they should */
			AUTO(ruleset_done) struct ruleset after = {};
			char why[RULESET_WHY_MAX], *rest = told.text;

			for (char *one; (one = strsep(&rest, ";"));)
				netns_run("%s", one);
			assert_int_equal(ruleset_read(&after, why), 0);
			told = (struct told){};
			nexd_left(&after, "wg0", take_left, &told);
			assert_int_equal(told.n, 0);
		}
	}
}

static void test_without_capability(void **state)
{
	(void)state;
	if (!is_private)
		skip();
	if (!fork()) {
		struct ruleset ruleset = {};
		char why[RULESET_WHY_MAX];

		_exit(setuid(NOBODY) || ruleset_read(&ruleset, why) != -EPERM || !*why);
	}
	int status;

	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_drops),
		NEEDS_ROOT(test_nat),
		cmocka_unit_test(test_line),
		NEEDS_ROOT(test_nexd),
		NEEDS_ROOT(test_without_capability),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
