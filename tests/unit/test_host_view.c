// SPDX-License-Identifier: Apache-2.0
/*
 * test_host_view.c - name servers in resolv.conf(5), and the gateways of a host. The gateways are
 * read in network namespaces of the test's own, which needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "netns.h"
#include "node/host_view.h"
#include "tunnel/route.h"

static bool is_private;

static const struct {
	const char *text, *servers;
} files[] = {
	{ "", "" },
	{ "nameserver 192.0.2.53\n", "192.0.2.53/32" },
	{ "nameserver 192.0.2.53", "192.0.2.53/32" },
	{ "# a comment\n;another\nsearch example.org\nnameserver\t 2001:db8::53 # why\noptions "
	  "edns0\n"
	  "nameserver 192.0.2.53\r\n",
	  "2001:db8::53/128 192.0.2.53/32" },
	{ "nameserver fe80::53%eth0\n", "fe80::53/128" },
	{ "nameserver 192.0.2.53\nnameserver 192.0.2.53\n", "192.0.2.53/32" },
	{ "nameserver\n192.0.2.53\n", "" },
	{ "nameservers 192.0.2.53\nnameserver192.0.2.54\n nameserver 192.0.2.55\n", "" },
	{ "nameserver example.org\nnameserver 192.0.2.0/24\nnameserver 192.0.2.999\n", "" },
};

static void test_resolv_conf(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(files); i++) {
		struct host_view view = {};
		char text[NOTATION_TEXT_MAX];

		host_view_parse(files[i].text, &view);
		if (strcmp(netns_text(view.at, view.n, text, sizeof(text)), files[i].servers) != 0)
			fail_msg("'%s': %s", files[i].text, text);
	}
}

static void test_more_than_there_is_room_for(void **state)
{
	char *text = calloc(HOST_VIEW_MAX + 10, 32);
	struct host_view view = {};

	(void)state;
	for (int i = 0; i < HOST_VIEW_MAX + 10; i++)
		sprintf(text + strlen(text), "nameserver 192.0.%d.%d\n", i / 256, i % 256);
	host_view_parse(text, &view);
	assert_int_equal(view.n, HOST_VIEW_MAX);
	free(text);
}

static const struct {
	const char *name, *routes; /* ip */
	const char *gateways;
} hosts[] = {
	{ "none", "", "" },
	{ "one of each family",
	  "route add default via 192.0.2.1 dev t0; -6 route add default via fe80::1 dev t0",
	  "192.0.2.1/32 fe80::1/128" },
	{ "in another table",
	  "route add default via 192.0.2.1 dev t0 table 9;"
	  "-6 route add default via 2001:db8::1 dev t0 table 9",
	  "192.0.2.1/32 2001:db8::1/128" },
	{ "several next hops",
	  "route add default nexthop via 192.0.2.1 dev t0 nexthop via 192.0.2.2 dev t0;"
	  "-6 route add default nexthop via 2001:db8::1 dev t0 nexthop via 2001:db8::2 dev t0",
	  "192.0.2.1/32 192.0.2.2/32 2001:db8::1/128 2001:db8::2/128" },
	{ "IPv4 through an IPv6 gateway", "route add default via inet6 fe80::1 dev t0",
	  "fe80::1/128" },
	{ "without a gateway", "route add default dev t0; -6 route add default dev t0", "" },
	{ "another relay's", "route add default dev t0 table 110001 proto 110", "" },
	{ "no default route", "route add 10.0.0.0/8 via 192.0.2.1 dev t0", "" },
};

static void test_gateways(void **state)
{
	(void)state;
	if (!is_private)
		skip();
	for (size_t i = 0; i < N(hosts); i++) {
		auto_free struct default_route *routes = NULL;
		struct prefix gateways[8];
		char text[NOTATION_TEXT_MAX];
		size_t n = 0, found = 0;

		netns_fresh();
		netns_ip("addr add 192.0.2.9/24 dev t0; addr add 2001:db8::9/64 dev t0 nodad");
		netns_ip(hosts[i].routes);
		assert_int_equal(route_defaults(&routes, &n), 0);
		for (size_t k = 0; k < n; k++)
			if (routes[k].gateway.family)
				gateways[found++] = routes[k].gateway;
		if (strcmp(netns_text(gateways, found, text, sizeof(text)), hosts[i].gateways) != 0)
			fail_msg("%s: %s", hosts[i].name, text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolv_conf),
		cmocka_unit_test(test_more_than_there_is_room_for),
		cmocka_unit_test(test_gateways),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
