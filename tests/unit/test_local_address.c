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
	/* An address that is still tentative is not chosen. The link's own comes some time after
	 * the link is up. */
	netns_run("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.t0.accept_dad=0 "
		  "net.ipv6.conf.t1.accept_dad=0");
	netns_run("ip link set t0 down; ip link set t0 up;"
		  "until ip -6 -o addr show dev t0 scope link | grep -q .; do sleep 0.01; done");
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

#define DEFAULT_AT_T1                                                                     \
	"addr add 192.0.2.7/24 dev t1; addr add 2001:db8:7::7/64 dev t1 nodad;"           \
	"route add default via 192.0.2.1 dev t1; -6 route add default via 2001:db8:7::1;" \
	"addr add 169.254.1.5/16 dev t0"

/* @host: the addresses of one; @want: IPv4, IPv6, or "" for none. */
static const struct {
	const char *name, *ip, *host[4], *want[2];
} hosts[] = {
	{ "one of each",
	  ADDRESSES,
	  { "2001:db8::9", "192.0.2.9" },
	  { "192.0.2.5", "2001:db8::5" } },
	{ "the first with a route",
	  ADDRESSES,
	  { "2001:db8:1::9", "2001:db8::a", "203.0.113.9", "192.0.2.9" },
	  { "192.0.2.5", "2001:db8::5" } },
	{ "no route for IPv4",
	  ADDRESSES,
	  { "2001:db8::9", "2001:db8::a", "203.0.113.9" },
	  { "", "2001:db8::5" } },
	{ "no route for IPv6", ADDRESSES, { "2001:db8:1::9", "192.0.2.9" }, { "192.0.2.5", "" } },
	{ "no route", ADDRESSES, { "203.0.113.9", "2001:db8:1::9" }, { "", "" } },
	{ "no address: by the default routes",
	  DEFAULT_AT_T1,
	  {},
	  { "192.0.2.7", "2001:db8:7::7" } },
	{ "no address, and no default route", "addr add 192.0.2.5/24 dev t0", {}, { "", "" } },
	{ "this host, IPv4", DEFAULT_AT_T1, { "127.0.0.1" }, { "192.0.2.7", "" } },
	{ "this host, IPv6", DEFAULT_AT_T1, { "::1" }, { "", "2001:db8:7::7" } },
	{ "this host, another address of its loopback",
	  DEFAULT_AT_T1,
	  { "127.8.9.10" },
	  { "192.0.2.7", "" } },
	{ "on the link", DEFAULT_AT_T1, { "169.254.7.7" }, { "192.0.2.7", "" } },
	{ "this host and another one",
	  DEFAULT_AT_T1,
	  { "127.0.0.1", "192.0.2.9" },
	  { "192.0.2.7", "" } },
	{ "a network that is one machine", ADDRESSES, { "127.0.0.1" }, { "127.0.0.1", "" } },
	{ "a network that is one machine, IPv6",
	  "addr add 192.0.2.5/24 dev t0",
	  { "::1" },
	  { "", "::1" } },
	{ "a network that is one link",
	  "addr add 169.254.1.5/16 dev t0",
	  { "169.254.7.7" },
	  { "169.254.1.5", "" } },
};

static void test_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(hosts); i++) {
		struct sockaddr_storage towards[4];
		struct local_addresses got;
		size_t n = 0;

		begin(hosts[i].ip);
		while (n < 4 && hosts[i].host[n]) {
			towards[n] = to_sockaddr(hosts[i].host[n]);
			n++;
		}
		memset(&got, UNTOUCHED, sizeof(got));
		local_addresses(towards, n, &got);
		for (size_t k = 0; k < 2; k++) {
			const struct sockaddr_storage *at = k ? &got.ipv6 : &got.ipv4;

			if (*hosts[i].want[k])
				check_same(hosts[i].name, at, hosts[i].want[k]);
			else if (at->ss_family != AF_UNSPEC)
				check_same(hosts[i].name, at, "192.0.2.255");
		}
	}
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
		NEEDS_ROOT(test_hosts),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
