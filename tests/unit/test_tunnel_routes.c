// SPDX-License-Identifier: Apache-2.0
/*
 * test_tunnel_routes.c - routes into an interface: ours are made and removed, nobody else's is
 * touched. In network namespaces of the test's own: that needs root.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "netns.h"
#include "tunnel/tunnel_routes.h"

#define MANY 20000 /* half of them IPv4 */
#define FEW 16

#define BOTH "10.9.0.0/16 fd00:9::/64"
/* As `ip` would make ours. */
#define OURS(dev)                                                             \
	"route add 10.9.0.0/16 dev " dev " scope link proto 110 metric 1024;" \
	"-6 route add fd00:9::/64 dev " dev " proto 110 metric 1024;"

static bool is_private;

static const struct {
	const char *name;
	const char *before; /* ip */
	const char *add;
	int err;
	const char *refused, *ours, *foreign; /* then */
} additions[] = {
	{ "nothing is there", "", BOTH, 0, "", BOTH, "" },
	{ "nothing is asked for", "", "", 0, "", "", "" },
	{ "hosts, and the longest that is no default", "",
	  "10.9.9.9/32 128.0.0.0/1 fd00:9::9/128 8000::/1", 0, "",
	  "128.0.0.0/1 10.9.9.9/32 8000::/1 fd00:9::9/128", "" },
	{ "the same twice in one list", "", BOTH " " BOTH, 0, "", BOTH, "" },
	{ "ours are there already", OURS("t0"), BOTH " 10.8.0.0/16 fd00:8::/64", 0, "",
	  "10.8.0.0/16 10.9.0.0/16 fd00:8::/64 fd00:9::/64", "" },
	{ "ours, made without a metric",
	  "route add 10.9.0.0/16 dev t0 scope link proto 110;"
	  "-6 route add fd00:9::/64 dev t0 proto 110",
	  BOTH, 0, "", BOTH, "" },
	{ "another tunnel's", OURS("t1"), BOTH " 10.8.0.0/16 fd00:8::/64", 0, BOTH,
	  "10.8.0.0/16 fd00:8::/64", "" },
	{ "somebody's, out of another interface",
	  "route add 10.9.0.0/16 dev t1; -6 route add fd00:9::/64 dev t1",
	  "10.8.0.0/16 fd00:8::/64 " BOTH, 0, BOTH, "10.8.0.0/16 fd00:8::/64", "" },
	{ "somebody's, out of ours",
	  "route add 10.9.0.0/16 dev t0 proto static; -6 route add fd00:9::/64 dev t0 proto static",
	  BOTH " 10.8.0.0/16 fd00:8::/64", 0, BOTH, "10.8.0.0/16 fd00:8::/64", BOTH },
	{ "somebody's, with our metric",
	  "route add 10.9.0.0/16 dev t1 metric 1024; -6 route add fd00:9::/64 dev t1 metric 1024",
	  BOTH, 0, BOTH, "", "" },
	{ "somebody's that goes nowhere",
	  "route add blackhole 10.9.0.0/16; -6 route add blackhole fd00:9::/64", BOTH, 0, BOTH, "",
	  "" },
	{ "somebody's with a better metric: ours stand behind them",
	  "route add 10.9.0.0/16 dev t1 metric 100; -6 route add fd00:9::/64 dev t1 metric 100",
	  BOTH, 0, "", BOTH, "" },
	{ "somebody's to a network around and to one inside",
	  "route add 10.0.0.0/8 dev t1; route add 10.9.0.0/24 dev t1;"
	  "-6 route add fd00::/16 dev t1; -6 route add fd00:9::/96 dev t1",
	  BOTH, 0, "", BOTH, "" },
	{ "somebody's in another table",
	  "route add 10.9.0.0/16 dev t1 table 9; -6 route add fd00:9::/64 dev t1 table 9", BOTH, 0,
	  "", BOTH, "" },
	{ "the kernel's, of the interface's addresses",
	  "addr add 10.9.0.1/16 dev t0; addr add fd00:9::1/64 dev t0 nodad", BOTH, 0, "", BOTH,
	  "" },
	{ "the kernel's with our metric",
	  "addr add 10.9.0.1/16 dev t0 metric 1024; addr add fd00:9::1/64 dev t0 nodad metric 1024",
	  BOTH, 0, "", "", "" },
	/* Where its metric is better than that of a route that nobody gave one, it is not seen. */
	{ "the kernel's, of another interface's addresses",
	  "addr add 10.9.0.1/16 dev t1; addr add fd00:9::1/64 dev t1 nodad", BOTH, 0, "10.9.0.0/16",
	  "fd00:9::/64", "" },
	{ "a default route", "", "10.9.0.0/16 0.0.0.0/0 fd00:9::/64 ::/0", -EINVAL, "", BOTH, "" },
	{ "no IPv6 at this MTU", "link set t0 mtu 1000", "fd00:9::/64 10.9.0.0/16", -ENODEV, "",
	  "10.9.0.0/16", "" },
	{ "two errors: the first counts", "link set t0 mtu 1000",
	  "fd00:9::/64 10.9.0.0/16 0.0.0.0/0", -ENODEV, "", "10.9.0.0/16", "" },
	{ "two errors: the first counts", "link set t0 mtu 1000", "::/0 10.9.0.0/16 fd00:9::/64",
	  -EINVAL, "", "10.9.0.0/16", "" },
};

static void begin(void)
{
	if (!is_private)
		skip();
	netns_fresh();
}

static void expect_routes(const char *name, const char *ours, const char *foreign)
{
	AUTO(tunnel_routes_done) struct tunnel_routes routes = {};
	char text[NOTATION_TEXT_MAX];
	int err = tunnel_routes_read(RT_TABLE_MAIN, if_nametoindex("t0"), &routes);

	if (err)
		fail_msg("%s: reading: %d", name, err);
	if (strcmp(netns_text(routes.ours, routes.n_ours, text, sizeof(text)), ours) != 0)
		fail_msg("%s: ours are %s, not %s", name, text, ours);
	if (strcmp(netns_text(routes.foreign, routes.n_foreign, text, sizeof(text)), foreign) != 0)
		fail_msg("%s: foreign are %s, not %s", name, text, foreign);
}

static void test_add(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(additions); i++) {
		struct prefix to[FEW], refused[FEW];
		bool is_refused[FEW];
		char text[NOTATION_TEXT_MAX];
		size_t n, n_refused = 0;
		int err;

		begin();
		netns_ip(additions[i].before);
		n = netns_prefixes(additions[i].add, to, N(to));
		memset(is_refused, 1, sizeof(is_refused));
		err = tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), to, n, is_refused);
		if (err != additions[i].err)
			fail_msg("%s: %d", additions[i].name, err);
		for (size_t k = 0; k < n; k++)
			if (is_refused[k])
				refused[n_refused++] = to[k];
		if (strcmp(netns_text(refused, n_refused, text, sizeof(text)),
			   additions[i].refused) != 0)
			fail_msg("%s: refused: %s", additions[i].name, text);
		expect_routes(additions[i].name, additions[i].ours, additions[i].foreign);
		/* And nothing changes when it is done again, without being told who was refused. */
		assert_int_equal(
			tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), to, n, NULL), err);
		expect_routes(additions[i].name, additions[i].ours, additions[i].foreign);
	}
}

/* What `ip` sees of ours. */
static void test_attributes(void **state)
{
	struct prefix to[2];

	(void)state;
	begin();
	netns_prefixes(BOTH, to, N(to));
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), to, 2, NULL), 0);
	assert_string_equal(netns_run("ip -4 route show table main"),
			    "10.9.0.0/16 dev t0 proto 110 scope link metric 1024 \n");
	assert_string_equal(netns_run("ip -6 route show table main to root fd00::/8"),
			    "fd00:9::/64 dev t0 proto 110 metric 1024 pref medium\n");
}

static const char *const in_force[][2] = {
	{ "route add 10.9.0.0/16 dev t1 metric 100; -6 route add fd00:9::/64 dev t1 metric 100",
	  "route metric 100" },
	{ "addr add 10.9.0.1/16 dev t1; addr add fd00:9::1/64 dev t1 nodad", "connected" },
	{ "addr add 10.9.0.1/16 dev t1 metric 1023; addr add fd00:9::1/64 dev t1 nodad metric 1023",
	  "connected, by a network manager" },
};

/* The host's own network is not taken away, whoever comes first. */
static void test_theirs_stay_in_force(void **state)
{
	struct prefix to[2];

	(void)state;
	netns_prefixes(BOTH, to, N(to));
	for (size_t i = 0; i < N(in_force); i++) {
		for (int first = 0; first <= 1; first++) {
			begin();
			if (!first)
				netns_ip(in_force[i][0]);
			assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), to,
							   2, NULL),
					 0);
			if (first)
				netns_ip(in_force[i][0]);
			if (!strstr(netns_run("ip route get 10.9.0.9"), "dev t1") ||
			    !strstr(netns_run("ip route get fd00:9::9"), "dev t1"))
				fail_msg("%s (ours first: %d)", in_force[i][1], first);
		}
	}
}

static void test_read(void **state)
{
	AUTO(tunnel_routes_done) struct tunnel_routes routes = {};

	(void)state;
	begin();
	expect_routes("no routes", "", "");
	netns_ip(
		"route add 10.1.0.0/16 dev t0 proto 110; -6 route add fd00:1::/64 dev t0 proto 110;"
		"route add 10.2.0.0/16 dev t0; -6 route add fd00:2::/64 dev t0;"
		/* twice, with different metrics */
		"route add 10.1.0.0/16 dev t0 proto 110 metric 5;"
		"-6 route add fd00:1::/64 dev t0 proto 110 metric 5;"
		"route add default dev t0 proto 110; -6 route add default dev t0 proto 110;"
		"addr add 10.3.0.1/16 dev t0; addr add fd00:3::1/64 dev t0 nodad;"
		/* none of all those */
		"route add 10.4.0.0/16 dev t0 proto 110 table 9;"
		"-6 route add fd00:4::/64 dev t0 proto 110 table 9;"
		"route add 10.5.0.0/16 dev t1 proto 110; -6 route add fd00:5::/64 dev t1 proto 110;"
		"route add 10.6.0.0/16 proto 110 nexthop dev t0 nexthop dev t1;"
		"-6 route add fd00:6::/64 proto 110 nexthop via fe80::9 dev t0 nexthop via fe80::9 "
		"dev t1;"
		"route add blackhole 10.7.0.0/16 proto 110;"
		"-6 route add blackhole fd00:7::/64 proto 110");
	expect_routes("all kinds", "10.1.0.0/16 fd00:1::/64",
		      "0.0.0.0/0 10.2.0.0/16 ::/0 fd00:2::/64");
	assert_int_equal(tunnel_routes_read(RT_TABLE_MAIN, 0, &routes), -ENODEV);
	assert_int_equal(tunnel_routes_read(RT_TABLE_MAIN, 4711, &routes), -ENODEV);
	assert_null(routes.ours);
}

/* IPv4 has no table before the first interface is up. */
static void test_read_new_namespace(void **state)
{
	AUTO(tunnel_routes_done) struct tunnel_routes routes = {};

	(void)state;
	begin();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(tunnel_routes_read(RT_TABLE_MAIN, if_nametoindex("lo"), &routes), 0);
	assert_true(!routes.n_ours && !routes.n_foreign);
}

static const struct {
	const char *name;
	const char *before; /* ip */
	const char *stays;  /* of all that is in the table "main" to 10.0.0.0/8 and fd00::/8 */
} removals[] = {
	{ "ours", OURS("t0"), "" },
	{ "nothing is there", "", "" },
	{ "ours and others with other metrics",
	  OURS("t0") "route add 10.9.0.0/16 dev t0 proto static metric 5;"
		     "-6 route add fd00:9::/64 dev t0 proto static metric 5;"
		     "route add 10.9.0.0/16 dev t1 metric 6; -6 route add fd00:9::/64 dev t1 "
		     "metric 6",
	  "10.9.0.0/16 dev t0 proto static scope link metric 5 \n"
	  "10.9.0.0/16 dev t1 scope link metric 6 \n"
	  "fd00:9::/64 dev t0 proto static metric 5 pref medium\n"
	  "fd00:9::/64 dev t1 metric 6 pref medium\n" },
	{ "somebody's",
	  "route add 10.9.0.0/16 dev t0 proto static metric 1024;"
	  "-6 route add fd00:9::/64 dev t0 proto static metric 1024",
	  "10.9.0.0/16 dev t0 proto static scope link metric 1024 \n"
	  "fd00:9::/64 dev t0 proto static metric 1024 pref medium\n" },
	{ "another tunnel's", OURS("t1"),
	  "10.9.0.0/16 dev t1 proto 110 scope link metric 1024 \n"
	  "fd00:9::/64 dev t1 proto 110 metric 1024 pref medium\n" },
	{ "ours and the kernel's",
	  OURS("t0") "addr add 10.9.0.1/16 dev t0; addr add fd00:9::1/64 dev t0 nodad",
	  "10.9.0.0/16 dev t0 proto kernel scope link src 10.9.0.1 \n"
	  "fd00:9::/64 dev t0 proto kernel metric 256 pref medium\n" },
	{ "more and less specific ones of ours",
	  "route add 10.9.0.0/17 dev t0 proto 110; route add 10.8.0.0/15 dev t0 proto 110;"
	  "-6 route add fd00:9::/65 dev t0 proto 110; -6 route add fd00:8::/31 dev t0 proto 110",
	  "10.8.0.0/15 dev t0 proto 110 scope link \n"
	  "10.9.0.0/17 dev t0 proto 110 scope link \n"
	  "fd00:9::/65 dev t0 proto 110 metric 1024 pref medium\n"
	  "fd00:8::/31 dev t0 proto 110 metric 1024 pref medium\n" },
};

static void test_remove(void **state)
{
	struct prefix to[2];

	(void)state;
	netns_prefixes(BOTH, to, N(to));
	for (size_t i = 0; i < N(removals); i++) {
		const char *left;

		begin();
		netns_ip("route add 10.9.0.0/16 dev t0 proto 110 table 9;"
			 "-6 route add fd00:9::/64 dev t0 proto 110 table 9");
		netns_ip(removals[i].before);
		for (int again = 0; again <= 1; again++)
			assert_int_equal(tunnel_routes_remove(RT_TABLE_MAIN, if_nametoindex("t0"),
							      to, 2),
					 0);
		left = netns_run("ip -4 route show table main; ip -6 route show table main to "
				 "root fd00::/8");
		if (strcmp(left, removals[i].stays) != 0)
			fail_msg("%s: %s", removals[i].name, left);
		left = netns_run("ip -4 route show table 9; ip -6 route show table 9");
		assert_int_equal(netns_count(left, "proto 110"), 2);
	}
}

/* Each of both families alone and together: what is refused has the same reason. */
static void expect_add(uint32_t ifindex, int err)
{
	struct prefix to[2];

	netns_prefixes(BOTH, to, N(to));
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, ifindex, &to[0], 1, NULL), err);
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, ifindex, &to[1], 1, NULL), err);
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, ifindex, to, 2, NULL), err);
}

static void test_no_interface(void **state)
{
	uint32_t ifindex;
	struct prefix to[2];

	(void)state;
	begin();
	netns_prefixes(BOTH, to, N(to));
	ifindex = if_nametoindex("t0");
	netns_ip("link set t0 down");
	expect_add(ifindex, -ENETDOWN);
	assert_int_equal(tunnel_routes_remove(RT_TABLE_MAIN, ifindex, to, 2), 0);
	netns_ip("link del t0");
	expect_add(ifindex, -ENODEV);
	assert_int_equal(tunnel_routes_remove(RT_TABLE_MAIN, ifindex, to, 2), 0);
	expect_add(0, -ENODEV);
	expect_add(UINT32_MAX, -ENODEV);
}

static void test_ipv6_is_off(void **state)
{
	struct prefix to[2];

	(void)state;
	begin();
	netns_prefixes(BOTH, to, N(to));
	netns_run("sh -c 'echo 1 >/proc/sys/net/ipv6/conf/t0/disable_ipv6'");
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), to, 2, NULL),
			 -EACCES);
	expect_routes("IPv6 is off", "10.9.0.0/16", "");
}

static int add_one(void *data)
{
	return tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), data, 1, NULL);
}

static int remove_one(void *data)
{
	return tunnel_routes_remove(RT_TABLE_MAIN, if_nametoindex("t0"), data, 1);
}

static int read_them(void *data)
{
	AUTO(tunnel_routes_done) struct tunnel_routes routes = {};

	(void)data;
	return tunnel_routes_read(RT_TABLE_MAIN, if_nametoindex("t0"), &routes)
		       ?: -(int)routes.n_ours;
}

static void test_without_capability(void **state)
{
	struct prefix to[2], more[2];

	(void)state;
	begin();
	netns_prefixes(BOTH, to, N(to));
	netns_prefixes("10.8.0.0/16 fd00:8::/64", more, N(more));
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), to, 2, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(netns_as_nobody(add_one, &more[i]), -EPERM);
		assert_int_equal(netns_as_nobody(remove_one, &to[i]), -EPERM);
	}
	assert_int_equal(netns_as_nobody(read_them, NULL), -2);
	expect_routes("all stay", BOTH, "");
}

static void fill_many(struct prefix *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_ipv4 = i % 2;

		to[i] = (struct prefix){ .family = is_ipv4 ? PREFIX_IPV4 : PREFIX_IPV6,
					 .bits = is_ipv4 ? 32 : 128,
					 .addr = { is_ipv4 ? 10 : 0xfd, 0, i >> 8, i } };
	}
}

/* Around the size of a batch, every one is made and every answer is about the right one. */
static void test_numbers(void **state)
{
	static const size_t numbers[] = { 1, 99, 100, 101, 199, 200, 201, 555 };
	static struct prefix to[555];
	static bool refused[555];

	(void)state;
	fill_many(to, N(to));
	for (size_t i = 0; i < N(numbers); i++) {
		AUTO(tunnel_routes_done) struct tunnel_routes routes = {};
		size_t n = numbers[i], n_refused = 0;
		char text[PREFIX_TEXT_MAX];

		begin();
		netns_run("ip route add %s dev t1", prefix_format(&to[n - 1], text));
		if (n > 1)
			netns_run("ip route add %s dev t1", prefix_format(&to[n / 2], text));
		assert_int_equal(
			tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), to, n, refused), 0);
		for (size_t k = 0; k < n; k++)
			n_refused += refused[k];
		assert_true(refused[n - 1] && refused[n / 2]);
		assert_int_equal(tunnel_routes_read(RT_TABLE_MAIN, if_nametoindex("t0"), &routes),
				 0);
		assert_int_equal(routes.n_ours + n_refused, n);
		assert_int_equal(n_refused, n == 1 ? 1 : 2);
		assert_int_equal(tunnel_routes_remove(RT_TABLE_MAIN, if_nametoindex("t0"), to, n),
				 0);
		assert_string_equal(
			netns_run("ip route show proto 110; ip -6 route show proto 110"), "");
	}
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void test_many(void **state)
{
	AUTO(tunnel_routes_done) struct tunnel_routes routes = {};
	static struct prefix to[MANY];
	uint32_t ifindex;
	double t[5];

	(void)state;
	begin();
	ifindex = if_nametoindex("t0");
	fill_many(to, MANY);
	t[0] = now_s();
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, ifindex, to, MANY, NULL), 0);
	t[1] = now_s();
	assert_int_equal(tunnel_routes_read(RT_TABLE_MAIN, ifindex, &routes), 0);
	t[2] = now_s();
	assert_int_equal(routes.n_ours, MANY);
	assert_string_equal(netns_run("ip route show proto 110 | wc -l"), "10000\n");
	assert_string_equal(netns_run("ip -6 route show proto 110 | wc -l"), "10000\n");
	t[3] = now_s();
	assert_int_equal(tunnel_routes_remove(RT_TABLE_MAIN, ifindex, to, MANY), 0);
	t[4] = now_s();
	assert_string_equal(netns_run("ip route show proto 110; ip -6 route show proto 110"), "");
	print_message("# %d routes: added in %.0f ms, read in %.0f ms, removed in %.0f ms\n", MANY,
		      (t[1] - t[0]) * 1e3, (t[2] - t[1]) * 1e3, (t[4] - t[3]) * 1e3);
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_add),
		NEEDS_ROOT(test_attributes),
		NEEDS_ROOT(test_read),
		NEEDS_ROOT(test_read_new_namespace),
		NEEDS_ROOT(test_theirs_stay_in_force),
		NEEDS_ROOT(test_remove),
		NEEDS_ROOT(test_no_interface),
		NEEDS_ROOT(test_ipv6_is_off),
		NEEDS_ROOT(test_without_capability),
		NEEDS_ROOT(test_numbers),
		NEEDS_ROOT(test_many),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
