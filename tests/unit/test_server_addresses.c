// SPDX-License-Identifier: Apache-2.0
/*
 * test_server_addresses.c - the helper tells the relay where its requests go, before the first
 * packet goes there, and the relay keeps the newest of these addresses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "nexodus/agent_private.h"
#include "node/node_private.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static struct agent *agent;
static struct node *node;
static int border[2];

static int setup(void **state)
{
	(void)state;
	agent = calloc(1, sizeof(*agent));
	node = calloc(1, sizeof(*node));
	assert_true(agent && node);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, border), 0);
	agent->batch.sock = border[1];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(border[0]);
	close(border[1]);
	free(agent);
	free(node);
	return 0;
}

static void connect_to(const char *text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		agent_server(agent, (struct sockaddr *)&in);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		agent_server(agent, (struct sockaddr *)&in6);
	else
		fail_msg("%s", text);
}

/* All that has come, to the relay. Return: how many records. */
static int pass_on(void)
{
	struct border_record records[BORDER_BATCH_MAX];
	int n = 0;

	for (ssize_t got; (got = border_receive(border[0], records, NULL)) > 0; n += (int)got)
		for (ssize_t i = 0; i < got; i++)
			assert_int_equal(node_control_record(node, &records[i]), 1);
	return n;
}

/* As the relay has them, the newest first. */
static const char *known(void)
{
	static char text[2048];
	char one[PREFIX_TEXT_MAX];
	size_t len = 0;

	*text = '\0';
	for (size_t i = node->sync.n_servers; i > 0; i--)
		len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "",
				prefix_format(&node->sync.servers[i - 1], one));
	return text;
}

static void test_each_is_told_once(void **state)
{
	(void)state;
	connect_to("192.0.2.1");
	assert_int_equal(pass_on(), 1);
	connect_to("2001:db8::1");
	connect_to("192.0.2.1");
	connect_to("::ffff:192.0.2.1"); /* the packets go to the IPv4 address */
	connect_to("2001:db8::1");
	assert_int_equal(pass_on(), 1);
	assert_string_equal(known(), "2001:db8::1/128 192.0.2.1/32");
	agent_server(agent, &(struct sockaddr){ .sa_family = AF_UNIX });
	assert_int_equal(pass_on(), 0);
}

/* Both sides forget the same. */
static void test_sixteen_are_kept(void **state)
{
	char text[INET6_ADDRSTRLEN];

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), i % 2 ? "2001:db8:1::%x" : "198.51.100.%d", i);
		connect_to(text);
		assert_int_equal(pass_on(), 1);
		connect_to(text);
		assert_int_equal(pass_on(), 0);
	}
	assert_int_equal(node->sync.n_servers, BORDER_SERVERS_MAX);
	assert_int_equal(strncmp(known(), "2001:db8:1::27/128 198.51.100.38/32 ", 36), 0);
	assert_null(strstr(known(), "198.51.100.22/32"));
	connect_to("198.51.100.22");
	assert_int_equal(pass_on(), 1);
}

/* The helper is not believed. */
static void test_what_is_no_host(void **state)
{
	static const struct prefix bad[] = {
		{ PREFIX_IPV4, 24, { 192, 0, 2 } },
		{ PREFIX_IPV4, 0, {} },
		{ PREFIX_IPV4, 128, { 192, 0, 2, 1 } },
		{ PREFIX_IPV6, 32, { 0x20, 1, 0xd, 0xb8 } },
		{ PREFIX_IPV6, 64, { 0x20, 1 } },
		{ 0, 32, { 192, 0, 2, 1 } },
		{ 99, 128, { 0x20, 1 } },
		{ PREFIX_IPV4, 32, { 192, 0, 2, 1, 1 } },
		{ PREFIX_IPV4, 33, { 192, 0, 2, 1 } },
		{ PREFIX_IPV6, 129, { 0x20, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		struct border_record record = { .kind = BORDER_SERVER, .server = bad[i] };

		if (node_control_record(node, &record) != -EPROTO)
			fail_msg("%zu", i);
	}
	assert_string_equal(known(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sixteen_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_host, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
