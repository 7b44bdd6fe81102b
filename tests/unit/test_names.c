// SPDX-License-Identifier: Apache-2.0
/*
 * test_names.c - names from literals, hosts and name servers.
 *
 * Name servers listen on port 53 of loopback addresses of a network namespace of the test's own:
 * that needs root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_dns.h"
#include "names_lookup.h"
#include "nexodus/names_text.h"

/* clang-format off */
static const struct fake_name zone[] = {
	{ .name = "both.test",      .a = "192.0.2.1", .aaaa = "2001:db8::1" },
	{ .name = "v4.test",        .a = "192.0.2.4" },
	{ .name = "v6.test",        .aaaa = "2001:db8::6" },
	{ .name = "many.test",      .a = "192.0.2.1", .aaaa = "2001:db8::1", .repeat = 12 },
	{ .name = "alias.test",     .a = "192.0.2.5", .aaaa = "2001:db8::5", .is_alias = true },
	{ .name = "empty.test" },
	{ .name = "servfail.test",  .rcode = 2 },
	{ .name = "refused.test",   .rcode = 5 },
	{ .name = "formerr.test",   .rcode = 1 },
	{ .name = "silent.test",    .rcode = SAY_NOTHING },
	{ .name = "garbage.test",   .rcode = SAY_GARBAGE },
	{ .name = "truncated.test", .rcode = SAY_TRUNCATED },
	{ .name = "noaaaa.test",    .a = "192.0.2.7", .aaaa_rcode = SAY_NOTHING },
	{ .name = "badaaaa.test",   .a = "192.0.2.8", .aaaa_rcode = 2 },
	{ .name = "nxaaaa.test",    .a = "192.0.2.9", .aaaa_rcode = 3 },
	{ .name = "missing.test",   .aaaa_rcode = SAY_NOTHING, .rcode = 3 },
	{ .rcode = 3 },
};
static const struct fake_name second_zone[] = {
	{ .name = "both.test",      .a = "192.0.2.201", .aaaa = "2001:db8::201" },
	{ .name = "servfail.test",  .a = "192.0.2.202" },
	{ .name = "refused.test",   .a = "192.0.2.203" },
	{ .name = "silent.test",    .aaaa = "2001:db8::204" },
	{ .name = "truncated.test", .a = "192.0.2.205" },
	{ .name = "empty.test",     .a = "192.0.2.206" },
	{ .name = "none.test",      .a = "192.0.2.207" },
	{ .rcode = 3 },
};

#define ONE "options timeout:1 attempts:1\nnameserver 127.0.0.1\n"
#define TWO ONE "nameserver ::1\n"

static const char hosts[] =
	"# comment 192.0.2.99 commented.test\n"
	"192.0.2.10\tHosts.test  other.hosts.test # not.hosts.test\n"
	"2001:db8::10 hosts.test\r\n"
	"  192.0.2.11 hosts.test dotted.hosts.test.\n"
	"not-an-address bad.hosts.test\n"
	"192.0.2.12\n"
	"192.0.2.13 last.hosts.test";

/* Which addresses a host has, "-errno" for an error. */
static const struct {
	const char *name, *resolv_conf, *host, *want;
} cases[] = {
	{ "IPv4 literal",                      ONE, "192.0.2.33",   "192.0.2.33" },
	{ "IPv6 literal",                      ONE, "2001:db8::33", "2001:db8::33" },
	{ "IPv6 literal in brackets",          ONE, "[2001:db8::33]", "2001:db8::33" },
	{ "localhost",                         ONE, "localhost",    "::1 127.0.0.1" },
	{ "localhost with a dot",              ONE, "LocalHost.",   "::1 127.0.0.1" },
	{ "hosts, of any case, IPv6 first",    ONE, "hosts.TEST",   "2001:db8::10 192.0.2.10 192.0.2.11" },
	{ "hosts, another name",               ONE, "other.hosts.test", "192.0.2.10" },
	{ "hosts, a name with a dot",          ONE, "dotted.hosts.test", "192.0.2.11" },
	{ "hosts, last line without newline",  ONE, "last.hosts.test", "192.0.2.13" },
	{ "hosts, in a comment",               ONE, "not.hosts.test", "-2" },
	{ "hosts, a comment",                  ONE, "commented.test", "-2" },
	{ "hosts, not an address",             ONE, "bad.hosts.test", "-2" },
	{ "A and AAAA",                        ONE, "both.test",    "2001:db8::1 192.0.2.1" },
	{ "A and AAAA, of any case, dot",      ONE, "BOTH.test.",   "2001:db8::1 192.0.2.1" },
	{ "A only",                            ONE, "v4.test",      "192.0.2.4" },
	{ "AAAA only",                         ONE, "v6.test",      "2001:db8::6" },
	{ "through an alias",                  ONE, "alias.test",   "2001:db8::5 192.0.2.5" },
	{ "half of what is too many",          ONE, "many.test",
	  "2001:db8::1 2001:db8::2 2001:db8::3 2001:db8::4 2001:db8::5 2001:db8::6 2001:db8::7 "
	  "2001:db8::8 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 "
	  "192.0.2.8" },
	{ "no such name",                      ONE, "none.test",    "-2" },
	{ "no address of that name",           ONE, "empty.test",   "-2" },
	{ "AAAA is never answered",            "options timeout:30\n", "noaaaa.test", "192.0.2.7" },
	{ "AAAA fails",                        ONE, "badaaaa.test", "192.0.2.8" },
	{ "AAAA says no such name",            ONE, "nxaaaa.test",  "192.0.2.9" },
	{ "A says no such name",               ONE, "missing.test", "-2" },
	{ "server fails",                      ONE, "servfail.test", "-11" },
	{ "server refuses",                    ONE, "refused.test", "-11" },
	{ "server does not understand",        ONE, "formerr.test", "-11" },
	{ "server is silent",                  ONE, "silent.test",  "-11" },
	{ "server sends garbage",              ONE, "garbage.test", "-11" },
	{ "server truncates",                  ONE, "truncated.test", "-11" },
	{ "of two servers the first",          TWO, "both.test",    "2001:db8::1 192.0.2.1" },
	{ "first fails",                       TWO, "servfail.test", "192.0.2.202" },
	{ "first refuses",                     TWO, "refused.test", "192.0.2.203" },
	{ "first is silent",                   TWO, "silent.test",  "2001:db8::204" },
	{ "first truncates",                   TWO, "truncated.test", "192.0.2.205" },
	{ "first knows that there is nothing", TWO, "empty.test",   "-2" },
	{ "first knows that there is no name", TWO, "none.test",    "-2" },
	{ "IPv6 server",                       "nameserver ::1", "both.test", "2001:db8::201 192.0.2.201" },
	{ "no server: that of this host",      "", "both.test",     "2001:db8::1 192.0.2.1" },
	{ "only comments",                     "#nameserver ::1\n;nameserver ::1\n", "v4.test", "192.0.2.4" },
	{ "a server that makes no sense",      "nameserver a.b\nnameserver\nnameserver 127.0.0.1%lo\n"
	  "nameserver fe80::1%nosuch\nnameserver 127.0.0.1\n", "v4.test", "192.0.2.4" },
	{ "a fourth server does not count",    "options timeout:1 attempts:1\nnameserver 127.0.0.9\n"
	  "nameserver 127.0.0.9\nnameserver 127.0.0.9\nnameserver 127.0.0.1\n", "v4.test", "-11" },
	{ "link-local server, zone by name",   "nameserver fe80::53%t0\n", "v4.test", "192.0.2.4" },
	{ "no route to the first server",      "options timeout:1\nnameserver 198.51.100.1\n"
	  "nameserver 127.0.0.1\n", "v4.test", "192.0.2.4" },
};
/* clang-format on */

static const char *const no_names[] = {
	"",     ".",   "a..b",        "-a\n",     "a b",        "a/b",          "[::1",
	"::1]", "[]",  "[127.0.0.1]", "[a.test]", "fe80::1%lo", "[fe80::1%lo]", "\xc3\xa4.test",
	"..",   ":443"
};

static void test_cases(void **state)
{
	struct event_base *base;
	struct names *names;
	pid_t first, second, link_local;

	(void)state;
	begin(&base, &names);
	netns_ip("addr add fe80::53/64 dev t0 nodad");
	first = fake_dns_start("127.0.0.1", zone);
	second = fake_dns_start("::1", second_zone);
	link_local = fake_dns_start("fe80::53%t0", zone);
	set_hosts(names, hosts);
	for (size_t i = 0; i < N(cases); i++) {
		const char *got;

		set_resolv_conf(names, cases[i].resolv_conf);
		got = resolve(base, names, cases[i].host);
		if (strcmp(got, cases[i].want))
			fail_msg("%s: %s", cases[i].name, got);
	}
	fake_dns_stop(first);
	fake_dns_stop(second);
	fake_dns_stop(link_local);
	end(base, names);
}

static void test_no_names(void **state)
{
	char longest[300];
	char label[80] = "";
	struct names_request *request;
	struct event_base *base;
	struct names *names;

	(void)state;
	begin(&base, &names);
	for (size_t i = 0; i < N(no_names); i++)
		if (names_resolve(names, no_names[i], on_done, NULL, &request) != -EINVAL)
			fail_msg("'%s'", no_names[i]);
	for (size_t i = 0; i < 254; i++)
		longest[i] = i % 2 ? '.' : 'a';
	longest[253] = '\0';
	assert_string_equal(resolve(base, names, longest), "-11"); /* no name server */
	memcpy(longest + 253, "b", 2);
	assert_int_equal(names_resolve(names, longest, on_done, NULL, &request), -EINVAL);
	memset(label, 'a', 64);
	assert_int_equal(names_resolve(names, label, on_done, NULL, &request), -EINVAL);
	label[63] = '\0';
	assert_string_equal(resolve(base, names, label), "-11");
	end(base, names);
}

/* Nobody hears of what was cancelled, in whatever state it was; nothing leaks. */
static void test_cancel(void **state)
{
	struct lookup never = {};
	struct names_request *asked[2], *found, *nobody;
	struct event_base *base;
	struct names *names;
	pid_t pid;

	(void)state;
	begin(&base, &names);
	never.base = base;
	assert_int_equal(names_resolve(names, "v4.test", on_done, &never, &nobody), 0);
	pid = fake_dns_start("127.0.0.1", zone);
	set_resolv_conf(names, ONE);
	assert_int_equal(names_resolve(names, "v4.test", on_done, &never, &asked[0]), 0);
	assert_int_equal(names_resolve(names, "silent.test", on_done, &never, &asked[1]), 0);
	assert_int_equal(names_resolve(names, "localhost", on_done, &never, &found), 0);
	names_cancel(nobody);
	names_cancel(asked[0]);
	names_cancel(asked[1]);
	names_cancel(found);
	names_cancel(NULL);
	assert_string_equal(resolve(base, names, "v4.test"), "192.0.2.4");
	assert_int_equal(never.n_done, 0);
	/* And with the resolver go those that are open. */
	assert_int_equal(names_resolve(names, "v4.test", on_done, &never, &asked[0]), 0);
	assert_int_equal(names_resolve(names, "localhost", on_done, &never, &found), 0);
	names_free(names);
	assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	assert_int_equal(never.n_done, 0);
	event_base_free(base);
	names_free(NULL);
	fake_dns_stop(pid);
}

/* Each line of options, and what is beyond its bounds. */
static void test_options(void **state)
{
	static const struct {
		const char *text;
		int timeout_s, attempts;
	} options[] = {
		{ "", 2, 2 },
		{ "options timeout:7 attempts:3", 7, 3 },
		{ "options ndots:3\toptions attempts:4 rotate\noptions timeout:1", 1, 4 },
		{ "options timeout:0 attempts:0", 1, 1 },
		{ "options timeout:99 attempts:99999999999999999999", 30, 5 },
		{ "options timeout:-3 attempts: timeout:x", 2, 2 },
		{ "options mytimeout:3\n#options timeout:3\ntimeout:3", 2, 2 },
	};

	(void)state;
	for (size_t i = 0; i < N(options); i++) {
		struct name_servers servers;
		char text[200];

		snprintf(text, sizeof(text), "%s", options[i].text);
		resolv_conf_parse(text, &servers);
		if (servers.timeout_s != options[i].timeout_s ||
		    servers.attempts != options[i].attempts || servers.n != 1)
			fail_msg("%s: %d %d", options[i].text, servers.timeout_s, servers.attempts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_cases),
		NEEDS_ROOT(test_no_names),
		NEEDS_ROOT(test_cancel),
		cmocka_unit_test(test_options),
	};

	is_private = netns_may();
	if (is_private)
		netns_fresh();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
