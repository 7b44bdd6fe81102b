// SPDX-License-Identifier: Apache-2.0
/*
 * test_route_watch.c - which changes to the routing table concern the tunnel.
 *
 * The kernel queues its messages before the call that causes them returns: nothing has to be waited
 * for. In network namespaces of the test's own: that needs root.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "netns.h"
#include "tunnel/link.h"
#include "tunnel/route_watch.h"
#include "tunnel/tunnel_routes.h"

#define OURS "10.8.0.0/16 10.9.0.0/16 192.0.2.1/32 fd00:8::/64 fd00:9::/64 2001:db8::1/128"
#define N_OURS 6
#define OWN_TABLE 110001
#define STORM 3000 /* more messages than are read at once */

static bool is_private;

/* Each is true of IPv4 and of IPv6; "before" is not watched. */
static const struct {
	const char *name;
	const char *before, *ipv4, *ipv6; /* ip */
	int changes;
} changes[] = {
	{ "ours is deleted", "", "route del 10.9.0.0/16 dev t0", "-6 route del fd00:9::/64 dev t0",
	  ROUTE_OURS_CHANGED },
	{ "a host route of ours is deleted", "", "route del 192.0.2.1/32",
	  "-6 route del 2001:db8::1/128", ROUTE_OURS_CHANGED },
	{ "ours is replaced, out of another interface", "",
	  "route replace 10.9.0.0/16 dev t1 metric 1024",
	  "-6 route replace fd00:9::/64 dev t1 metric 1024", ROUTE_OURS_CHANGED },
	{ "ours is replaced, out of the same", "",
	  "route replace 10.9.0.0/16 dev t0 metric 1024 proto static",
	  "-6 route replace fd00:9::/64 dev t0 metric 1024 proto static",
	  ROUTE_OURS_CHANGED | ROUTE_FOREIGN },
	{ "one with a better metric is added", "", "route add 10.9.0.0/16 dev t1 metric 5",
	  "-6 route add fd00:9::/64 dev t1 metric 5", ROUTE_OURS_CHANGED },
	{ "one that goes nowhere", "", "route add blackhole 10.9.0.0/16 metric 5",
	  "-6 route add blackhole fd00:9::/64 metric 5", ROUTE_OURS_CHANGED },
	{ "one of several next hops", "",
	  "route add 10.9.0.0/16 metric 5 nexthop dev t1 nexthop dev t0",
	  "-6 route add fd00:9::/64 metric 5 nexthop via fe80::9 dev t1 nexthop via fe80::9 dev t0",
	  ROUTE_OURS_CHANGED },
	{ "an address of another interface brings one", "", "addr add 10.9.0.1/16 dev t1",
	  "addr add fd00:9::1/64 dev t1 nodad", ROUTE_OURS_CHANGED },
	{ "somebody's that was in the way is deleted",
	  "route add 10.9.0.0/16 dev t1; -6 route add fd00:9::/64 dev t1 metric 5",
	  "route del 10.9.0.0/16 dev t1", "-6 route del fd00:9::/64 dev t1", ROUTE_OURS_CHANGED },

	{ "nothing", "", "", "", 0 },
	{ "one more of ours", "", "route add 10.9.0.0/16 dev t0 metric 2000 proto 110",
	  "-6 route add fd00:9::/64 dev t0 metric 2000 proto 110", 0 },
	{ "ours is replaced by ours", "",
	  "route replace 10.9.0.0/16 dev t0 metric 1024 proto 110 scope link",
	  "-6 route replace fd00:9::/64 dev t0 metric 1024 proto 110", 0 },
	{ "somebody's into the tunnel beside ours", "",
	  "route add 10.9.0.0/16 dev t0 metric 5 proto static",
	  "-6 route add fd00:9::/64 dev t0 metric 5 proto static", ROUTE_FOREIGN },
	{ "somebody's into the tunnel, to another prefix", "", "route add 10.7.0.0/16 dev t0",
	  "-6 route add fd00:7::/64 dev t0", ROUTE_FOREIGN },
	{ "a default route into the tunnel", "", "route add default dev t0 proto 110",
	  "-6 route add default dev t0 proto 110", ROUTE_FOREIGN },
	{ "somebody's goes from the tunnel",
	  "route add 10.7.0.0/16 dev t0; -6 route add fd00:7::/64 dev t0", "route del 10.7.0.0/16",
	  "-6 route del fd00:7::/64", ROUTE_FOREIGN },
	{ "another prefix", "", "route add 10.7.0.0/16 dev t1", "-6 route add fd00:7::/64 dev t1",
	  0 },
	{ "a more specific one", "", "route add 10.9.0.0/24 dev t1",
	  "-6 route add fd00:9::/80 dev t1", 0 },
	{ "a less specific one", "", "route add 10.0.0.0/8 dev t1", "-6 route add fd00::/16 dev t1",
	  0 },
	{ "a default route", "", "route add default dev t1", "-6 route add default dev t1",
	  ROUTE_DEFAULT_CHANGED },
	{ "a default route of another table", "", "route add default dev t1 table 9",
	  "-6 route add default dev t1 table 9", ROUTE_DEFAULT_CHANGED },
	{ "a default route into the tunnel, of its table", "",
	  "route add default dev t0 table 110001 proto 110",
	  "-6 route add default dev t0 table 110001 proto 110", 0 },
	{ "somebody's of the tunnel's table", "", "route add 10.7.0.0/16 dev t1 table 110001",
	  "-6 route add fd00:7::/64 dev t1 table 110001", ROUTE_FOREIGN },
	{ "somebody's of the tunnel's table, to a prefix of ours", "",
	  "route add 10.9.0.0/16 dev t1 table 110001",
	  "-6 route add fd00:9::/64 dev t1 table 110001", ROUTE_OURS_CHANGED | ROUTE_FOREIGN },
	{ "somebody's default of the tunnel's table", "", "route add default dev t1 table 110001",
	  "-6 route add default dev t1 table 110001", ROUTE_FOREIGN },
	{ "somebody's end of the tunnel's table", "", "route add throw default table 110001",
	  "-6 route add throw default table 110001", ROUTE_FOREIGN },
	{ "somebody's goes from the tunnel's table",
	  "route add 10.7.0.0/16 dev t1 table 110001;"
	  "-6 route add fd00:7::/64 dev t1 table 110001",
	  "route del 10.7.0.0/16 table 110001", "-6 route del fd00:7::/64 table 110001",
	  ROUTE_FOREIGN },
	{ "somebody's of the tunnel's table, into the tunnel", "",
	  "route add 10.7.0.0/16 dev t0 table 110001",
	  "-6 route add fd00:7::/64 dev t0 table 110001", 0 },
	{ "one with our protocol that leads elsewhere", "",
	  "route add default dev t1 table 110001 proto 110",
	  "-6 route add default dev t1 table 110001 proto 110", ROUTE_OURS_CHANGED },
	{ "ours is deleted from the tunnel's table",
	  "route add 10.9.0.0/16 dev t0 table 110001 proto 110;"
	  "-6 route add fd00:9::/64 dev t0 table 110001 proto 110",
	  "route del 10.9.0.0/16 table 110001", "-6 route del fd00:9::/64 table 110001",
	  ROUTE_OURS_CHANGED },
	{ "the end of the tunnel's table is deleted",
	  "route add unreachable default table 110001 proto 110;"
	  "-6 route add unreachable default table 110001 proto 110",
	  "route del unreachable default table 110001",
	  "-6 route del unreachable default table 110001", ROUTE_OURS_CHANGED },
	{ "another end of the tunnel's table comes", "",
	  "route add throw default table 110001 proto 110",
	  "-6 route add throw default table 110001 proto 110", ROUTE_OURS_CHANGED },
	{ "a rule", "", "rule add from 10.9.0.1 lookup 9", "-6 rule add from fd00:9::1 lookup 9",
	  RULES_CHANGED },
	{ "another table", "", "route add 10.9.0.0/16 dev t1 table 9",
	  "-6 route add fd00:9::/64 dev t1 table 9", 0 },
	{ "an address of the tunnel", "", "addr add 10.9.0.1/16 dev t0",
	  "addr add fd00:9::1/64 dev t0 nodad", 0 },
};

static struct prefix ours[N_OURS];

static int begin(const char *before)
{
	int fd;

	if (!is_private)
		skip();
	netns_fresh();
	assert_int_equal(netns_prefixes(OURS, ours, N_OURS), N_OURS);
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), ours, N_OURS, NULL),
			 0);
	netns_ip(before);
	fd = route_watch_open();
	assert_true(fd >= 0);
	return fd;
}

/* As of a tunnel whose two tables have the same. */
static int read_of(int fd, uint32_t ifindex, struct prefix *to, size_t n)
{
	const struct prefix_set set = { to, n };
	const struct route_watch watch = {
		.ifindex = ifindex, .own_table = OWN_TABLE, .own = &set, .main = &set
	};

	return route_watch_read(fd, &watch);
}

static int read_changes(int fd)
{
	return read_of(fd, if_nametoindex("t0"), ours, N_OURS);
}

static void test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(changes); i++) {
		for (int family = 4; family <= 6; family += 2) {
			auto_close int fd = begin(changes[i].before);
			int got;

			netns_ip(family == 4 ? changes[i].ipv4 : changes[i].ipv6);
			got = read_changes(fd);
			if (got != changes[i].changes)
				fail_msg("IPv%d, %s: %d", family, changes[i].name, got);
			assert_int_equal(read_changes(fd), 0);
		}
	}
}

/* What we do ourselves; removing tells of itself, but what is removed is not wanted any more. */
static void test_our_own(void **state)
{
	struct prefix to[2];
	uint32_t ifindex;

	(void)state;
	auto_close int fd = begin("");
	ifindex = if_nametoindex("t0");
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	netns_prefixes("10.7.0.0/16 fd00:7::/64", to, N(to));
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, ifindex, to, 2, NULL), 0);
	assert_int_equal(read_of(fd, ifindex, to, 2), 0);
	assert_int_equal(tunnel_routes_remove(RT_TABLE_MAIN, ifindex, to, 2), 0);
	assert_int_equal(read_changes(fd), 0);
	assert_int_equal(read_of(fd, ifindex, NULL, 0), 0);
	/* Somebody else's tunnel is another interface. */
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, ifindex, to, 2, NULL), 0);
	assert_int_equal(read_of(fd, if_nametoindex("t1"), to, 2), ROUTE_OURS_CHANGED);
	assert_int_equal(read_of(-1, ifindex, to, 2), -EBADF);
}

/* IPv4's go without a word; whoever follows link_watch_read() hears of it. */
static void test_link_goes_down(void **state)
{
	struct prefix ipv4, ipv6;

	(void)state;
	auto_close int fd = begin("");
	auto_close int fd6 = route_watch_open();
	auto_close int links = link_watch_open();
	netns_prefixes("10.9.0.0/16", &ipv4, 1);
	netns_prefixes("fd00:9::/64", &ipv6, 1);
	netns_ip("link set t0 down");
	assert_int_equal(read_of(fd, if_nametoindex("t0"), &ipv4, 1), 0);
	assert_int_equal(read_of(fd6, if_nametoindex("t0"), &ipv6, 1), ROUTE_OURS_CHANGED);
	assert_true(link_watch_read(links) & LINK_CHANGED);
	assert_string_equal(netns_run("ip route show proto 110; ip -6 route show proto 110"), "");
}

/* One read takes a bounded number; what is left is still to be heard of. */
static void test_storm(void **state)
{
	struct prefix storm[STORM] = {};
	struct pollfd ready;
	int reads = 0, got = 0;

	(void)state;
	auto_close int fd = begin("");
	for (size_t i = 0; i < STORM; i++)
		storm[i] = (struct prefix){ .family = i % 2 ? PREFIX_IPV4 : PREFIX_IPV6,
					    .bits = i % 2 ? 32 : 128,
					    .addr = { i % 2 ? 10 : 0xfd, 1, i >> 8, i } };
	assert_int_equal(tunnel_routes_add(RT_TABLE_MAIN, if_nametoindex("t0"), storm, STORM, NULL),
			 0);
	netns_ip("route del 10.9.0.0/16");
	ready = (struct pollfd){ .fd = fd, .events = POLLIN };
	for (; poll(&ready, 1, 0) == 1; reads++) {
		assert_int_equal(got, 0);
		got = read_changes(fd);
	}
	assert_int_equal(got, ROUTE_OURS_CHANGED);
	assert_int_equal(reads, STORM / 1024 + 1);
}

static void test_overrun(void **state)
{
	int small = 1;

	(void)state;
	auto_close int fd = begin("");
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (int i = 0; i < 20; i++)
		netns_run("ip route add 10.7.%d.0/24 dev t1", i);
	assert_int_equal(read_changes(fd), ROUTE_OVERRUN);
	assert_int_equal(read_changes(fd), 0);
}

/* Any process with CAP_NET_ADMIN may send to the socket. */
static void test_forged(void **state)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		struct rtattr attr;
		uint8_t to[4];
	} message = {
		.head = { .nlmsg_len = sizeof(message), .nlmsg_type = RTM_DELROUTE },
		.route = { .rtm_family = AF_INET, .rtm_dst_len = 16, .rtm_table = RT_TABLE_MAIN },
		.attr = { .rta_len = RTA_LENGTH(4), .rta_type = RTA_DST },
		.to = { 10, 9, 0, 0 },
	};
	auto_close int sender = -1;
	struct sockaddr_nl to;
	socklen_t len = sizeof(to);
	struct pollfd ready;

	(void)state;
	auto_close int fd = begin("");
	sender = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	assert_int_not_equal(to.nl_pid, 0);
	to.nl_groups = 0;
	assert_int_equal(sendto(sender, &message, sizeof(message), 0, (struct sockaddr *)&to,
				sizeof(to)),
			 sizeof(message));
	ready = (struct pollfd){ .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&ready, 1, 0), 1); /* it has arrived */
	assert_int_equal(read_changes(fd), 0);
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_changes), NEEDS_ROOT(test_our_own), NEEDS_ROOT(test_link_goes_down),
		NEEDS_ROOT(test_storm),   NEEDS_ROOT(test_overrun), NEEDS_ROOT(test_forged),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
