// SPDX-License-Identifier: Apache-2.0
/*
 * test_link_edit.c - interfaces and addresses are made, changed and removed.
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
#include "netns.h"
#include "tunnel/link.h"
#include "tunnel/link_edit.h"

static bool is_private;

static void begin(void)
{
	if (!is_private)
		skip();
	netns_fresh();
	netns_ip("link set t0 down; link set t0 addrgenmode none; link set t0 up");
}

static uint32_t t0(void)
{
	return if_nametoindex("t0");
}

static void test_wireguard(void **state)
{
	struct link link;
	int err;

	(void)state;
	begin();
	err = link_add_wireguard("wg0");
	if (err == -EOPNOTSUPP) {
		print_message("# this kernel has no WireGuard\n");
		assert_int_equal(link_get("wg0", &link), -ENODEV);
		return;
	}
	assert_int_equal(err, 0);
	assert_int_equal(link_get("wg0", &link), 0);
	assert_string_equal(link.kind, "wireguard");
	assert_false(link.up);
	assert_int_equal(link_add_wireguard("wg0"), -EEXIST);
	assert_int_equal(link_set_up(link.ifindex), 0);
	assert_int_equal(link_remove(link.ifindex), 0);
	assert_int_equal(link_get("wg0", &link), -ENODEV);
}

static void test_names(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "a/b", "a b", "a:b", "wg%d", "%", "sixteen-letters1",
	};

	(void)state;
	begin();
	for (size_t i = 0; i < N(names); i++)
		assert_int_equal(link_add_wireguard(names[i]), -EINVAL);
	assert_int_equal(netns_count(netns_run("ip -o link"), "\n"), 3);
}

static void test_up_and_mtu(void **state)
{
	struct link link;

	(void)state;
	begin();
	netns_ip("link set t0 down");
	assert_int_equal(link_set_mtu(t0(), 1380), 0);
	assert_int_equal(link_get("t0", &link), 0);
	assert_true(link.mtu == 1380 && !link.up);
	assert_int_equal(link_set_up(t0()), 0);
	assert_int_equal(link_set_up(t0()), 0);
	assert_int_equal(link_get("t0", &link), 0);
	assert_true(link.mtu == 1380 && link.up);
	assert_non_null(strstr(netns_run("ip -j link show t0"), "\"mtu\":1380"));
	assert_non_null(strstr(netns_run("ip -j link show t0 up"), "\"t0\""));
	assert_int_equal(link_set_mtu(t0(), 67), -EINVAL);
	assert_int_equal(link_set_mtu(t0(), 65536), -EINVAL);
	assert_int_equal(link_set_mtu(t0(), UINT32_MAX), -EINVAL);
	assert_int_equal(link_get("t0", &link), 0);
	assert_true(link.mtu == 1380 && link.up);
}

static void test_remove(void **state)
{
	uint32_t ifindex;
	struct link link;

	(void)state;
	begin();
	ifindex = t0();
	assert_int_equal(link_remove(ifindex), 0);
	assert_int_equal(link_get_index(ifindex, &link), -ENODEV);
	assert_string_equal(netns_run("ip -j link show type veth"), "[]\n");
	assert_int_equal(link_remove(if_nametoindex("lo")), -EOPNOTSUPP);
}

static void expect_no_interface(uint32_t ifindex)
{
	struct prefix addr[2];

	netns_prefixes("10.0.0.1/32 200::1/128", addr, N(addr));
	assert_int_equal(link_remove(ifindex), -ENODEV);
	assert_int_equal(link_set_up(ifindex), -ENODEV);
	assert_int_equal(link_set_mtu(ifindex, 1400), -ENODEV);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(link_addr_add(ifindex, &addr[i]), -ENODEV);
		assert_int_equal(link_addr_remove(ifindex, &addr[i]), -ENODEV);
	}
}

static void test_no_interface(void **state)
{
	(void)state;
	begin();
	expect_no_interface(0);
	expect_no_interface(4711);
	expect_no_interface(INT32_MAX);
	expect_no_interface((uint32_t)INT32_MAX + 1);
	expect_no_interface(UINT32_MAX);
	assert_int_equal(netns_count(netns_run("ip -o link"), "\n"), 3);
}

/* "10.0.0.1/24": host bits may be set. */
static struct prefix read_addr(const char *text)
{
	char addr[PREFIX_TEXT_MAX], *slash;
	struct prefix prefix;

	snprintf(addr, sizeof(addr), "%s", text);
	slash = strchr(addr, '/');
	assert_non_null(slash);
	*slash = '\0';
	prefix = notation_prefix(addr);
	prefix.bits = strtoul(slash + 1, NULL, 10);
	return prefix;
}

static const struct {
	const char *name;
	const char *before; /* ip */
	const char *act;    /* '+' or '-' and an address */
	int err;
	const char *then; /* all addresses of t0, IPv4's first */
} edits[] = {
	{ "the first", "", "+10.0.0.1/24", 0, "10.0.0.1/24" },
	{ "the first", "", "+200::1/64", 0, "200::1/64" },
	{ "a host", "", "+100.64.0.1/32", 0, "100.64.0.1/32" },
	{ "a host", "", "+200::1/128", 0, "200::1/128" },
	{ "the same", "addr add 10.0.0.1/24 dev t0", "+10.0.0.1/24", 0, "10.0.0.1/24" },
	{ "the same", "addr add 200::1/64 dev t0", "+200::1/64", 0, "200::1/64" },
	{ "another", "addr add 10.0.0.1/24 dev t0", "+10.0.0.2/24", 0, "10.0.0.1/24 10.0.0.2/24" },
	{ "another", "addr add 200::1/64 dev t0", "+200::2/64", 0, "200::2/64 200::1/64" },
	{ "longer", "addr add 10.0.0.1/24 dev t0", "+10.0.0.1/32", 0, "10.0.0.1/32" },
	{ "longer", "addr add 200::1/64 dev t0", "+200::1/128", 0, "200::1/128" },
	{ "shorter", "addr add 10.0.0.1/32 dev t0", "+10.0.0.1/10", 0, "10.0.0.1/10" },
	{ "shorter", "addr add 200::1/128 dev t0", "+200::1/64", 0, "200::1/64" },
	{ "the same, and others of it",
	  "addr add 10.0.0.1/24 dev t0; addr add 10.0.0.1/16 dev t0; addr add 10.0.0.1/8 dev t0",
	  "+10.0.0.1/16", 0, "10.0.0.1/16" },
	{ "longer, beside another", "addr add 10.0.0.1/24 dev t0; addr add 10.1.0.1/24 dev t0",
	  "+10.0.0.1/32", 0, "10.1.0.1/24 10.0.0.1/32" },
	{ "longer, beside another", "addr add 200::1/64 dev t0; addr add 200:0:0:1::1/64 dev t0",
	  "+200::1/128", 0, "200::1/128 200:0:0:1::1/64" },
	{ "one that the other interface has", "addr add 10.0.0.1/24 dev t1", "+10.0.0.1/32", 0,
	  "10.0.0.1/32" },
	{ "one that the other interface has", "addr add 200::1/64 dev t1", "+200::1/128", 0,
	  "200::1/128" },
	{ "the same, that the other interface has longer",
	  "addr add 10.0.0.1/24 dev t0; addr add 10.0.0.1/32 dev t1", "+10.0.0.1/24", 0,
	  "10.0.0.1/24" },
	{ "the same, that the other interface has longer",
	  "addr add 200::1/64 dev t0; addr add 200::1/128 dev t1", "+200::1/64", 0, "200::1/64" },
	{ "too long", "", "+10.0.0.1/33", -EINVAL, "" },
	{ "too long", "", "+200::1/129", -EINVAL, "" },
	{ "too long", "addr add 10.0.0.1/32 dev t0", "-10.0.0.1/33", -EINVAL, "10.0.0.1/32" },

	{ "the only one", "addr add 10.0.0.1/24 dev t0", "-10.0.0.1/24", 0, "" },
	{ "the only one", "addr add 200::1/64 dev t0", "-200::1/64", 0, "" },
	{ "none", "", "-10.0.0.1/24", 0, "" },
	{ "none", "", "-200::1/64", 0, "" },
	{ "longer", "addr add 10.0.0.1/24 dev t0", "-10.0.0.1/32", 0, "10.0.0.1/24" },
	{ "longer", "addr add 200::1/64 dev t0", "-200::1/128", 0, "200::1/64" },
	{ "shorter", "addr add 10.0.0.1/32 dev t0", "-10.0.0.1/24", 0, "10.0.0.1/32" },
	{ "shorter", "addr add 200::1/128 dev t0", "-200::1/64", 0, "200::1/128" },
	{ "another", "addr add 10.0.0.1/24 dev t0", "-10.0.0.2/24", 0, "10.0.0.1/24" },
	{ "another", "addr add 200::1/64 dev t0", "-200::2/64", 0, "200::1/64" },
	{ "one that the other interface has", "addr add 10.0.0.1/24 dev t1", "-10.0.0.1/24", 0,
	  "" },
	{ "one that the other interface has", "addr add 200::1/64 dev t1", "-200::1/64", 0, "" },
	/* As the kernel does it. */
	{ "one that others depend on", "addr add 10.0.0.1/24 dev t0; addr add 10.0.0.2/24 dev t0",
	  "-10.0.0.1/24", 0, "" },
	{ "one beside others", "addr add 200::1/64 dev t0; addr add 200::2/64 dev t0", "-200::1/64",
	  0, "200::2/64" },
};

static void read_addrs(uint32_t ifindex, char *text, size_t size)
{
	auto_free struct link_addr *all = NULL;
	struct prefix addrs[16];
	size_t n_all, n = 0;

	assert_int_equal(link_addrs(&all, &n_all), 0);
	for (size_t i = 0; i < n_all; i++) {
		if (all[i].ifindex != ifindex)
			continue;
		assert_true(n < N(addrs));
		addrs[n++] = all[i].addr;
	}
	netns_text(addrs, n, text, size);
}

static void test_addrs(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(edits); i++) {
		struct prefix addr = read_addr(edits[i].act + 1);
		char text[NOTATION_TEXT_MAX], others[2][NOTATION_TEXT_MAX];
		int err;

		begin();
		netns_ip(edits[i].before);
		read_addrs(if_nametoindex("t1"), others[0], sizeof(others[0]));
		err = edits[i].act[0] == '+' ? link_addr_add(t0(), &addr)
					     : link_addr_remove(t0(), &addr);
		if (err != edits[i].err)
			fail_msg("%s: %s: %d", edits[i].name, edits[i].act, err);
		read_addrs(t0(), text, sizeof(text));
		if (strcmp(text, edits[i].then) != 0)
			fail_msg("%s: %s: %s", edits[i].name, edits[i].act, text);
		read_addrs(if_nametoindex("t1"), others[1], sizeof(others[1]));
		assert_string_equal(others[0], others[1]);
	}
}

/* As `ip` sees them: usable at once, with the network that belongs to them. */
static void test_attributes(void **state)
{
	struct prefix ipv4 = read_addr("10.0.0.1/24"), ipv6 = read_addr("200::1/64");
	const char *said;

	(void)state;
	begin();
	assert_int_equal(link_addr_add(t0(), &ipv4), 0);
	assert_int_equal(link_addr_add(t0(), &ipv6), 0);
	said = netns_run("ip -j -4 addr show dev t0");
	assert_non_null(
		strstr(said, "\"local\":\"10.0.0.1\",\"prefixlen\":24,\"scope\":\"global\""));
	assert_null(strstr(said, "\"address\"")); /* no other end */
	said = netns_run("ip -j -6 addr show dev t0");
	assert_non_null(strstr(said, "\"local\":\"200::1\",\"prefixlen\":64,\"scope\":\"global\""));
	assert_non_null(strstr(said, "\"nodad\":true"));
	assert_null(strstr(said, "\"tentative\""));
	assert_non_null(strstr(netns_run("ip route"), "10.0.0.0/24 dev t0 proto kernel"));
	assert_non_null(strstr(netns_run("ip -6 route"), "200::/64 dev t0 proto kernel"));
}

/* Another prefix length costs no route: the kernel drops IPv4's with the last address. */
static void test_routes_stay(void **state)
{
	static const char *const addrs[] = {
		"10.0.0.1/24", "200::1/64",  "10.0.0.1/32", "200::1/128",
		"10.0.0.1/10", "200::1/112", "10.0.0.1/24", "200::1/64",
	};

	(void)state;
	begin();
	netns_ip("addr add 10.0.0.1/32 dev t0; addr add 200::1/128 dev t0 nodad;"
		 "route add 10.9.0.0/16 dev t0 proto 110; -6 route add fd00:9::/64 dev t0 proto "
		 "110");
	for (size_t i = 0; i < N(addrs); i++) {
		struct prefix addr = read_addr(addrs[i]);

		assert_int_equal(link_addr_add(t0(), &addr), 0);
		assert_int_equal(netns_count(netns_run("ip route show proto 110; "
						       "ip -6 route show proto 110"),
					     "dev t0"),
				 2);
	}
}

static void test_ipv6_is_off(void **state)
{
	struct prefix ipv4 = read_addr("10.0.0.1/32"), ipv6 = read_addr("200::1/64");
	char text[NOTATION_TEXT_MAX];

	(void)state;
	begin();
	netns_run("sh -c 'echo 1 >/proc/sys/net/ipv6/conf/t0/disable_ipv6'");
	assert_int_equal(link_addr_add(t0(), &ipv6), -EACCES);
	assert_int_equal(link_addr_remove(t0(), &ipv6), 0);
	assert_int_equal(link_addr_add(t0(), &ipv4), 0);
	netns_run("sh -c 'echo 0 >/proc/sys/net/ipv6/conf/t0/disable_ipv6'");
	assert_int_equal(link_set_mtu(t0(), 1000), 0);
	assert_int_equal(link_addr_add(t0(), &ipv6), -EINVAL);
	assert_int_equal(link_addr_remove(t0(), &ipv6), 0);
	read_addrs(t0(), text, sizeof(text));
	assert_string_equal(text, "10.0.0.1/32");
}

static int call_add_wireguard(void *data)
{
	(void)data;
	return link_add_wireguard("wg0");
}

static int call_remove(void *data)
{
	(void)data;
	return link_remove(t0());
}

static int call_set_up(void *data)
{
	(void)data;
	return link_set_up(t0());
}

static int call_set_mtu(void *data)
{
	(void)data;
	return link_set_mtu(t0(), 1300);
}

static int call_addr_add(void *data)
{
	return link_addr_add(t0(), data);
}

static int call_addr_remove(void *data)
{
	return link_addr_remove(t0(), data);
}

static void test_without_capability(void **state)
{
	static const char *const addrs[] = { "10.0.0.1/24", "200::1/64", "10.0.0.1/32",
					     "200::1/128" };
	char text[NOTATION_TEXT_MAX];

	(void)state;
	begin();
	netns_ip("addr add 10.0.0.1/24 dev t0; addr add 200::1/64 dev t0");
	assert_int_equal(netns_as_nobody(call_add_wireguard, NULL), -EPERM);
	assert_int_equal(netns_as_nobody(call_remove, NULL), -EPERM);
	assert_int_equal(netns_as_nobody(call_set_up, NULL), -EPERM);
	assert_int_equal(netns_as_nobody(call_set_mtu, NULL), -EPERM);
	for (size_t i = 0; i < N(addrs); i++) {
		struct prefix addr = read_addr(addrs[i]);

		assert_int_equal(netns_as_nobody(call_addr_add, &addr), -EPERM);
		assert_int_equal(netns_as_nobody(call_addr_remove, &addr), -EPERM);
	}
	read_addrs(t0(), text, sizeof(text));
	assert_string_equal(text, "10.0.0.1/24 200::1/64");
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_wireguard),    NEEDS_ROOT(test_names),
		NEEDS_ROOT(test_up_and_mtu),   NEEDS_ROOT(test_remove),
		NEEDS_ROOT(test_no_interface), NEEDS_ROOT(test_addrs),
		NEEDS_ROOT(test_attributes),   NEEDS_ROOT(test_routes_stay),
		NEEDS_ROOT(test_ipv6_is_off),  NEEDS_ROOT(test_without_capability),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
