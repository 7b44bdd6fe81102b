// SPDX-License-Identifier: Apache-2.0
/* test_endpoint_list.c - what is published of where the relay is, and when it is something new. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nexodus/endpoint_list.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/* Addresses as text, "" for none; mapped as "address:port". */
static const struct {
	const char *name, *local, *local_ip, *mapped, *server;
	uint16_t port;
	int err;
	const char *want; /* "source address source address" */
} rows[] = {
	{ "both are known", "10.20.0.4", "", "203.0.113.10:4711", "stun.example.net:3478", 51820, 0,
	  "local 10.20.0.4:51820 stun:stun.example.net:3478 203.0.113.10:4711" },
	{ "no STUN result", "10.20.0.4", "", "", NULL, 51820, 0,
	  "local 10.20.0.4:51820 stun: 10.20.0.4:51820" },
	{ "no STUN result, IPv6", "2001:db8::4", "", "", NULL, 51820, 0,
	  "local [2001:db8::4]:51820 stun: [2001:db8::4]:51820" },
	{ "IPv6 here, IPv4 outside", "2001:db8::4", "", "203.0.113.10:1", "192.0.2.1:19302", 65535,
	  0, "local [2001:db8::4]:65535 stun:192.0.2.1:19302 203.0.113.10:1" },
	{ "no local address", "", "", "203.0.113.10:4711", "a:1", 51820, 0,
	  "local 203.0.113.10:51820 stun:a:1 203.0.113.10:4711" },
	{ "a server without a name", "10.20.0.4", "", "203.0.113.10:4711", NULL, 51820, 0,
	  "local 10.20.0.4:51820 stun: 203.0.113.10:4711" },
	{ "--local-endpoint-ip", "10.20.0.4", "198.51.100.7", "203.0.113.10:4711", "a:1", 256, 0,
	  "local 198.51.100.7:256 stun:a:1 203.0.113.10:4711" },
	{ "--local-endpoint-ip, IPv6", "10.20.0.4", "2001:db8::7", "203.0.113.10:4711", "a:1",
	  51820, 0, "local [2001:db8::7]:51820 stun:a:1 203.0.113.10:4711" },
	{ "--local-endpoint-ip alone", "", "198.51.100.7", "", NULL, 51820, 0,
	  "local 198.51.100.7:51820 stun: 198.51.100.7:51820" },
	{ "--local-endpoint-ip instead of one that is none", "0.0.0.0", "198.51.100.7", "", NULL,
	  51820, 0, "local 198.51.100.7:51820 stun: 198.51.100.7:51820" },
	{ "a name that JSON has to escape", "10.20.0.4", "", "203.0.113.10:1", "\"\\:1", 51820, 0,
	  "local 10.20.0.4:51820 stun:\"\\:1 203.0.113.10:1" },

	{ "nothing is known", "", "", "", NULL, 51820, -ENODATA, NULL },
	{ "no port", "10.20.0.4", "", "", NULL, 0, -EINVAL, NULL },
	{ "no mapped port", "10.20.0.4", "", "203.0.113.10:0", "a:1", 51820, -EINVAL, NULL },
	{ "any address", "0.0.0.0", "", "", NULL, 51820, -EINVAL, NULL },
	{ "any address, IPv6", "::", "", "", NULL, 51820, -EINVAL, NULL },
	{ "any mapped address", "10.20.0.4", "", "0.0.0.0:1", "a:1", 51820, -EINVAL, NULL },
	{ "a multicast address", "224.0.0.1", "", "", NULL, 51820, -EINVAL, NULL },
	{ "a multicast address, IPv6", "ff02::1", "", "", NULL, 51820, -EINVAL, NULL },
	{ "a network", "", "10.0.0.0/8", "", NULL, 51820, -EINVAL, NULL },
	{ "a network, IPv6", "", "2001:db8::/64", "", NULL, 51820, -EINVAL, NULL },
};

static const struct sockaddr_storage *to_sockaddr(const char *text, struct sockaddr_storage *at)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };

	if (!*text)
		return NULL;
	*at = (struct sockaddr_storage){};
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		memcpy(at, &in, sizeof(in));
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		memcpy(at, &in6, sizeof(in6));
	else
		fail_msg("%s", text);
	return at;
}

static const struct sockaddr_in *to_mapped(const char *text, struct sockaddr_in *at)
{
	char copy[64], *colon;

	if (!*text)
		return NULL;
	snprintf(copy, sizeof(copy), "%s", text);
	colon = strchr(copy, ':');
	*colon = '\0';
	*at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(colon + 1)) };
	assert_int_equal(inet_pton(AF_INET, copy, &at->sin_addr), 1);
	return at;
}

/* What a reader of the text gets: it goes out and comes in again. */
static void check_list(const char *name, struct json_object *list, const char *want)
{
	struct json_object *again = json_tokener_parse(json_object_to_json_string(list));
	char text[256] = "";

	assert_int_equal(json_object_array_length(again), 2);
	for (size_t i = 0; i < 2; i++) {
		struct json_object *entry = json_object_array_get_idx(again, i), *value;

		assert_int_equal(json_object_object_length(entry), 2);
		assert_true(json_object_object_get_ex(entry, "source", &value));
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s ", i ? " " : "",
			 json_object_get_string(value));
		assert_true(json_object_object_get_ex(entry, "address", &value));
		strncat(text, json_object_get_string(value), sizeof(text) - strlen(text) - 1);
	}
	if (strcmp(text, want))
		fail_msg("%s: %s", name, text);
	json_object_put(again);
}

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct sockaddr_storage local;
		struct sockaddr_in mapped;
		struct prefix local_ip = {};
		struct json_object *list = NULL;
		struct endpoint_facts facts = { .port = rows[i].port,
						.local = to_sockaddr(rows[i].local, &local),
						.mapped = to_mapped(rows[i].mapped, &mapped),
						.server = rows[i].server };
		int err;

		if (*rows[i].local_ip) {
			assert_int_equal(prefix_parse(rows[i].local_ip, &local_ip), 0);
			facts.local_ip = &local_ip;
		}
		err = endpoint_list_new(&facts, &list);
		if (err != rows[i].err)
			fail_msg("%s: %d", rows[i].name, err);
		if (err)
			assert_null(list);
		else
			check_list(rows[i].name, list, rows[i].want);
		json_object_put(list);
	}
}

static const struct {
	const char *name, *local, *local_ip, *mapped, *want;
} ways[] = {
	{ "no STUN result", "10.20.0.4", "", "",
	  "local 10.20.0.4:51820 stun: [2001:db8::7]:51820" },
	{ "first of a network", "172.16.0.0", "", "",
	  "local 172.16.0.0:51820 stun: [2001:db8::7]:51820" },
	{ "last of a network", "172.31.255.255", "", "",
	  "local 172.31.255.255:51820 stun: [2001:db8::7]:51820" },
	{ "behind a network", "172.32.0.0", "", "",
	  "local 172.32.0.0:51820 stun: 172.32.0.0:51820" },
	{ "192.168.0.0/16", "192.168.1.1", "", "",
	  "local 192.168.1.1:51820 stun: [2001:db8::7]:51820" },
	{ "a provider's NAT", "100.127.1.1", "", "",
	  "local 100.127.1.1:51820 stun: [2001:db8::7]:51820" },
	{ "a public address", "192.0.2.1", "", "", "local 192.0.2.1:51820 stun: 192.0.2.1:51820" },
	{ "IPv6 alone", "2001:db8::7", "", "",
	  "local [2001:db8::7]:51820 stun: [2001:db8::7]:51820" },
	{ "a STUN result", "10.20.0.4", "", "203.0.113.10:4711",
	  "local 10.20.0.4:51820 stun:a:1 203.0.113.10:4711" },
	{ "one that was given", "192.0.2.1", "10.20.0.7", "",
	  "local 10.20.0.7:51820 stun: 10.20.0.7:51820" },
};

static void test_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(ways); i++) {
		struct sockaddr_storage local, way;
		struct sockaddr_in mapped;
		struct prefix given = {};
		struct json_object *list = NULL;
		struct endpoint_facts facts = { .port = 51820,
						.local = to_sockaddr(ways[i].local, &local),
						.way = to_sockaddr("2001:db8::7", &way),
						.mapped = to_mapped(ways[i].mapped, &mapped),
						.server = "a:1" };

		if (*ways[i].local_ip) {
			assert_int_equal(prefix_parse(ways[i].local_ip, &given), 0);
			facts.local_ip = &given;
		}
		assert_int_equal(endpoint_list_new(&facts, &list), 0);
		check_list(ways[i].name, list, ways[i].want);
		json_object_put(list);
	}
}

static void test_strange_sockaddr(void **state)
{
	struct sockaddr_storage local = { .ss_family = AF_UNIX };
	struct endpoint_facts facts = { .port = 1, .local = &local };
	struct json_object *list = NULL;

	(void)state;
	assert_int_equal(endpoint_list_new(&facts, &list), -EINVAL);
	assert_null(list);
}

#define ENTRY(source, address) "{\"source\":\"" source "\",\"address\":\"" address "\"}"
#define LOCAL ENTRY("local", "10.0.0.1:1")
#define OUTSIDE ENTRY("stun:a:1", "192.0.2.1:1")

static const struct {
	const char *name, *a, *b;
	bool is_same;
} pairs[] = {
	{ "equal", "[" LOCAL "," OUTSIDE "]", "[" LOCAL "," OUTSIDE "]", true },
	{ "another server says the same", "[" LOCAL "," OUTSIDE "]",
	  "[" LOCAL "," ENTRY("stun:b:2", "192.0.2.1:1") "]", true },
	{ "the server has no name", "[" LOCAL "," OUTSIDE "]",
	  "[" LOCAL "," ENTRY("stun:", "192.0.2.1:1") "]", true },
	{ "a member that the server has added", "[" LOCAL "]",
	  "[{\"source\":\"local\",\"address\":\"10.0.0.1:1\",\"distance\":0}]", true },
	{ "another mapped port", "[" LOCAL "," OUTSIDE "]",
	  "[" LOCAL "," ENTRY("stun:a:1", "192.0.2.1:2") "]", false },
	{ "another local address", "[" LOCAL "," OUTSIDE "]",
	  "[" ENTRY("local", "10.0.0.2:1") "," OUTSIDE "]", false },
	{ "the other order", "[" LOCAL "," OUTSIDE "]", "[" OUTSIDE "," LOCAL "]", false },
	{ "the same address from another kind of source", "[" LOCAL "]",
	  "[" ENTRY("stun:", "10.0.0.1:1") "]", false },
	{ "one less", "[" LOCAL "," OUTSIDE "]", "[" LOCAL "]", false },
	{ "one more", "[" LOCAL "]", "[" LOCAL "," OUTSIDE "]", false },
	{ "never published", "[" LOCAL "]", "null", false },
	{ "no list", "[" LOCAL "]", "{}", false },
	{ "no objects", "[" LOCAL "]", "[1]", false },
	{ "an address that is no text", "[" LOCAL "]", "[{\"source\":\"local\",\"address\":1}]",
	  false },
};

static void test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(pairs); i++) {
		struct json_object *a = json_tokener_parse(pairs[i].a);
		struct json_object *b = json_tokener_parse(pairs[i].b);

		if (endpoint_list_is_same(a, b) != pairs[i].is_same ||
		    endpoint_list_is_same(b, a) != pairs[i].is_same)
			fail_msg("%s", pairs[i].name);
		json_object_put(a);
		json_object_put(b);
	}
	assert_false(endpoint_list_is_same(NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_way),
		cmocka_unit_test(test_strange_sockaddr),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
