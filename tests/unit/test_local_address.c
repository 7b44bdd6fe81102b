// SPDX-License-Identifier: Apache-2.0
/*
 * test_local_address.c - the address that the routing table chooses.
 *
 * In network namespaces of the test's own: that needs root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netns.h"
#include "nexodus/local_address.h"

#define UNTOUCHED 0x5a

static bool is_private;

#define ADDRESSES                                                     \
	"addr add 192.0.2.5/24 dev t0; addr add 192.0.2.6/24 dev t0;" \
	"addr add 2001:db8::5/64 dev t0 nodad;"
#define DEFAULT_ROUTES \
	ADDRESSES "route add default via 192.0.2.1; -6 route add default via 2001:db8::1;"

/* @ip: what is set up, for netns_ip(). */
static const struct {
	const char *name, *ip, *towards;
	int err;
	const char *want;
} rows[] = {
	{ "default route, IPv4", DEFAULT_ROUTES, "203.0.113.1", 0, "192.0.2.5" },
	{ "default route, IPv6", DEFAULT_ROUTES, "2001:db8:1::1", 0, "2001:db8::5" },
	{ "default route, IPv4 as IPv6", DEFAULT_ROUTES, "::ffff:203.0.113.1", 0, "192.0.2.5" },
	{ "on the link, IPv4", ADDRESSES, "192.0.2.9", 0, "192.0.2.5" },
	{ "on the link, IPv6", ADDRESSES, "2001:db8::9", 0, "2001:db8::5" },
	{ "the route says which, IPv4", ADDRESSES "route add default via 192.0.2.1 src 192.0.2.6",
	  "203.0.113.1", 0, "192.0.2.6" },
	{ "the route says which, IPv6",
	  ADDRESSES "addr add 2001:db8::6/128 dev t0 nodad;"
		    "-6 route add default via 2001:db8::1 src 2001:db8::6",
	  "2001:db8:1::1", 0, "2001:db8::6" },
	{ "a more specific route, IPv4",
	  DEFAULT_ROUTES "addr add 198.51.100.5/24 dev t1; route add 203.0.113.0/24 dev t1",
	  "203.0.113.1", 0, "198.51.100.5" },
	{ "a more specific route, IPv6",
	  DEFAULT_ROUTES "addr add 2001:db8:2::5/64 dev t1 nodad;"
			 "-6 route add 2001:db8:1::/48 dev t1",
	  "2001:db8:1::1", 0, "2001:db8:2::5" },
	{ "this host, IPv4", DEFAULT_ROUTES, "127.0.0.1", 0, "127.0.0.1" },
	{ "this host, IPv6", DEFAULT_ROUTES, "::1", 0, "::1" },

	{ "no route, IPv4", ADDRESSES, "203.0.113.1", -ENETUNREACH, NULL },
	{ "no route, IPv6", ADDRESSES, "2001:db8:1::1", -ENETUNREACH, NULL },
	{ "a route to nowhere, IPv4", DEFAULT_ROUTES "route add unreachable 203.0.113.0/24",
	  "203.0.113.1", -EHOSTUNREACH, NULL },
	{ "a route to nowhere, IPv6", DEFAULT_ROUTES "-6 route add unreachable 2001:db8:1::/48",
	  "2001:db8:1::1", -EHOSTUNREACH, NULL },
	{ "only a link-local address", "-6 route add default dev t0", "2001:db8:1::1",
	  -EADDRNOTAVAIL, NULL },
};

static struct sockaddr_storage to_sockaddr(const char *text)
{
	struct sockaddr_storage at = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&at;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		in->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		in6->sin6_family = AF_INET6;
	else
		fail_msg("%s", text);
	return at;
}

static void begin(const char *ip)
{
	if (!is_private)
		skip();
	netns_fresh();
	/* An address that is still tentative is not chosen. */
	netns_run("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.t0.accept_dad=0 "
		  "net.ipv6.conf.t1.accept_dad=0");
	netns_run("ip link set t0 down; ip link set t0 up");
	netns_ip(ip);
}

static void check_same(const char *name, const struct sockaddr_storage *got, const char *want)
{
	struct sockaddr_storage expected = to_sockaddr(want);
	char text[INET6_ADDRSTRLEN] = "";

	if (!memcmp(got, &expected, sizeof(expected)))
		return;
	inet_ntop(got->ss_family,
		  got->ss_family == AF_INET6
			  ? (const void *)&((const struct sockaddr_in6 *)got)->sin6_addr
			  : (const void *)&((const struct sockaddr_in *)got)->sin_addr,
		  text, sizeof(text));
	fail_msg("%s: %s", name, text);
}

static void test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct sockaddr_storage towards = to_sockaddr(rows[i].towards), got, untouched;
		int err;

		begin(rows[i].ip);
		memset(&untouched, UNTOUCHED, sizeof(untouched));
		got = untouched;
		err = local_address(&towards, &got);
		if (err != rows[i].err)
			fail_msg("%s: %d", rows[i].name, err);
		if (err)
			assert_memory_equal(&got, &untouched, sizeof(got));
		else
			check_same(rows[i].name, &got, rows[i].want);
	}
}

/* Not even a neighbour is asked for. */
static void test_nothing_is_sent(void **state)
{
	struct sockaddr_storage towards[] = { to_sockaddr("192.0.2.9"),
					      to_sockaddr("2001:db8::9") };
	struct sockaddr_storage got;

	(void)state;
	begin(ADDRESSES);
	for (size_t i = 0; i < N(towards); i++)
		assert_int_equal(local_address(&towards[i], &got), 0);
	assert_int_equal(netns_count(netns_run("ip neigh show nud all; ip -6 neigh show nud all"),
				     "::9 dev"),
			 0);
	assert_int_equal(netns_count(netns_run("ip neigh show nud all"), "192.0.2.9"), 0);
}

static void test_families(void **state)
{
	struct sockaddr_storage got, towards = { .ss_family = AF_UNIX };

	(void)state;
	assert_int_equal(local_address(&towards, &got), -EAFNOSUPPORT);
	towards.ss_family = AF_UNSPEC;
	assert_int_equal(local_address(&towards, &got), -EAFNOSUPPORT);
}

static void test_first(void **state)
{
	struct sockaddr_storage host[] = { to_sockaddr("2001:db8::9"), to_sockaddr("2001:db8::a"),
					   to_sockaddr("203.0.113.9"), to_sockaddr("192.0.2.9") };
	struct sockaddr_storage got;

	(void)state;
	begin(ADDRESSES);
	assert_int_equal(local_address_first(host, 4, &got), 0);
	check_same("IPv4 comes first, where there is a route", &got, "192.0.2.5");
	assert_int_equal(local_address_first(host, 3, &got), 0);
	check_same("IPv6 without a route for IPv4", &got, "2001:db8::5");
	assert_int_equal(local_address_first(host + 2, 1, &got), -ENETUNREACH);
	assert_int_equal(local_address_first(host, 0, &got), -ENODATA);
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_routes),
		NEEDS_ROOT(test_nothing_is_sent),
		cmocka_unit_test(test_families),
		NEEDS_ROOT(test_first),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
