// SPDX-License-Identifier: Apache-2.0
/*
 * test_wg_genl.c - messages of kernel WireGuard, as drivers/net/wireguard/netlink.c writes them.
 *
 * A message is written as text: one letter each for what the kernel puts into it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tunnel/wg_genl.h"

#define MESSAGE_BYTES 8192

/*
 * D device attributes; A, B, C peer of that key; 4 and 6 AllowedIPs 10.N.0.0/16 and
 * 200:N::/32, N counting up; e IPv4 with /33; s IPv6 with four bytes; f no family; m no length;
 * a no address; k peer with a short key; n peer without a key; t keepalive of 25 s, u one of four
 * bytes, w IPv4 endpoint, v IPv6 one, written "!" (behind the peer's letter); p short listen port;
 * q short own key; | next message.
 */
/* clang-format off */
static const struct {
	const char *name, *messages;
	int err;
	const char *device;
} cases[] = {
	{ "no peers",                           "D",            0, "51820" },
	{ "peer without AllowedIPs",            "DA",           0, "51820 A:" },
	{ "both families",                      "DA46",         0, "51820 A:10.1.0.0/16,200:2::/32" },
	{ "two peers",                          "DA4B6",        0, "51820 A:10.1.0.0/16 B:200:2::/32" },
	{ "peers in the next message",          "DA4|B6|C",     0, "51820 A:10.1.0.0/16 B:200:2::/32 C:" },
	{ "peer goes on in the next message",   "DA4|A6B4",     0,
	  "51820 A:10.1.0.0/16,200:2::/32 B:10.3.0.0/16" },
	{ "peer goes on twice",                 "DA4|A6|A4|B",  0,
	  "51820 A:10.1.0.0/16,200:2::/32,10.3.0.0/16 B:" },
	{ "nothing of the peer fitted before",  "DA|A4",        0, "51820 A:10.1.0.0/16" },
	{ "message without anything",           "DA4||B",       0, "51820 A:10.1.0.0/16 B:" },
	{ "keepalive",                          "DAt4Bt",       0, "51820 A25:10.1.0.0/16 B25:" },
	{ "keepalive of one that goes on",      "DAt4|A6B",     0, "51820 A25:10.1.0.0/16,200:2::/32 B:" },
	{ "endpoint",                           "DAw4B6",       0, "51820 A!192.0.2.7/32:10.1.0.0/16 B:200:2::/32" },
	{ "IPv6 endpoint",                      "DAv4B6",       0, "51820 A!2001:db8::7/128:10.1.0.0/16 B:200:2::/32" },
	{ "endpoint of one that goes on",       "DAw4|A6B",     0, "51820 A!192.0.2.7/32:10.1.0.0/16,200:2::/32 B:" },
	{ "keepalive of four bytes",            "DAu4",         -EPROTO, NULL },
	{ "IPv4 length too large",              "DAe",          -EPROTO, NULL },
	{ "IPv6 with four bytes",               "DAs",          -EPROTO, NULL },
	{ "AllowedIP without family",           "DAf",          -EPROTO, NULL },
	{ "AllowedIP without length",           "DAm",          -EPROTO, NULL },
	{ "AllowedIP without address",          "DAa",          -EPROTO, NULL },
	{ "peer with a short key",              "Dk",           -EPROTO, NULL },
	{ "peer without a key",                 "Dn",           -EPROTO, NULL },
	{ "short listen port",                  "p",            -EPROTO, NULL },
	{ "short own key",                      "q",            -EPROTO, NULL },
};
/* clang-format on */

static void put_device(struct nlmsghdr *msg)
{
	uint8_t key[WG_KEY_LEN];

	mnl_attr_put_u16(msg, WGDEVICE_A_LISTEN_PORT, 51820);
	mnl_attr_put_u32(msg, WGDEVICE_A_FWMARK, 7);
	mnl_attr_put_u32(msg, WGDEVICE_A_IFINDEX, 3);
	mnl_attr_put_strz(msg, WGDEVICE_A_IFNAME, "wg0");
	memset(key, 0x55, sizeof(key));
	mnl_attr_put(msg, WGDEVICE_A_PRIVATE_KEY, sizeof(key), key);
	memset(key, 0x77, sizeof(key));
	mnl_attr_put(msg, WGDEVICE_A_PUBLIC_KEY, sizeof(key), key);
}

static void put_allowed(struct nlmsghdr *msg, char what, int number)
{
	bool ipv4 = what == '4' || what == 'e';
	struct nlattr *nest = mnl_attr_nest_start(msg, 0);
	char text[32];
	uint8_t addr[16];

	snprintf(text, sizeof(text), ipv4 ? "10.%d.0.0" : "200:%d::", number);
	assert_int_equal(inet_pton(ipv4 ? AF_INET : AF_INET6, text, addr), 1);
	if (what != 'm')
		mnl_attr_put_u8(msg, WGALLOWEDIP_A_CIDR_MASK, what == 'e' ? 33 : ipv4 ? 16 : 32);
	if (what != 'f')
		mnl_attr_put_u16(msg, WGALLOWEDIP_A_FAMILY, ipv4 ? AF_INET : AF_INET6);
	if (what != 'a')
		mnl_attr_put(msg, WGALLOWEDIP_A_IPADDR, ipv4 || what == 's' ? 4 : 16, addr);
	mnl_attr_nest_end(msg, nest);
}

/* One peer and its AllowedIPs. Return: what is left of @what. */
static const char *put_peer(struct nlmsghdr *msg, const char *what, int *number)
{
	struct sockaddr_in at4 = { .sin_family = AF_INET, .sin_port = 7 };
	struct sockaddr_in6 at6 = { .sin6_family = AF_INET6, .sin6_flowinfo = 7 };
	struct nlattr *list, *nest = mnl_attr_nest_start(msg, 0);
	uint8_t key[WG_KEY_LEN];

	assert_int_equal(inet_pton(AF_INET, "192.0.2.7", &at4.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::7", &at6.sin6_addr), 1);
	memset(key, *what, sizeof(key));
	if (*what != 'n')
		mnl_attr_put(msg, WGPEER_A_PUBLIC_KEY, *what == 'k' ? 31 : sizeof(key), key);
	mnl_attr_put(msg, WGPEER_A_PRESHARED_KEY, sizeof(key), key);
	mnl_attr_put_u64(msg, WGPEER_A_RX_BYTES, 1);
	if (what[1] == 't')
		mnl_attr_put_u16(msg, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	else if (what[1] == 'u')
		mnl_attr_put_u32(msg, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	else if (what[1] == 'w')
		mnl_attr_put(msg, WGPEER_A_ENDPOINT, sizeof(at4), &at4);
	else if (what[1] == 'v')
		mnl_attr_put(msg, WGPEER_A_ENDPOINT, sizeof(at6), &at6);
	what += what[1] && strchr("tuwv", what[1]);
	list = mnl_attr_nest_start(msg, WGPEER_A_ALLOWEDIPS);
	for (what++; *what && strchr("46esfma", *what); what++)
		put_allowed(msg, *what, ++*number);
	mnl_attr_nest_end(msg, list);
	mnl_attr_nest_end(msg, nest);
	return what;
}

/* One message of those before the next '|'. Return: what is left. */
static const char *put_message(struct nlmsghdr *msg, const char *what, int *number)
{
	struct nlattr *peers;

	mnl_nlmsg_put_extra_header(msg, sizeof(struct genlmsghdr));
	if (*what == 'D') {
		put_device(msg);
		what++;
	} else if (*what == 'p') {
		mnl_attr_put_u8(msg, WGDEVICE_A_LISTEN_PORT, 1);
		what++;
	} else if (*what == 'q') {
		mnl_attr_put_u32(msg, WGDEVICE_A_PUBLIC_KEY, 1);
		what++;
	}
	peers = mnl_attr_nest_start(msg, WGDEVICE_A_PEERS);
	while (*what && *what != '|')
		what = put_peer(msg, what, number);
	mnl_attr_nest_end(msg, peers);
	return *what ? what + 1 : what;
}

static void describe(const struct wg_device *device, char *text, size_t size)
{
	char allowed[PREFIX_TEXT_MAX];
	size_t n = snprintf(text, size, "%u", device->listen_port);

	for (size_t i = 0; i < device->n_peers; i++) {
		const struct wg_peer *peer = &device->peers[i];

		n += snprintf(text + n, size - n, " %c", peer->public_key[0]);
		if (peer->keepalive_s)
			n += snprintf(text + n, size - n, "%u", peer->keepalive_s);
		if (peer->endpoint.family)
			n += snprintf(text + n, size - n, "!%s",
				      prefix_format(&peer->endpoint, allowed));
		n += snprintf(text + n, size - n, ":");
		for (size_t j = 0; j < peer->n_allowed; j++)
			n += snprintf(text + n, size - n, "%s%s", j ? "," : "",
				      prefix_format(&peer->allowed[j], allowed));
	}
}

static void test_table(void **state)
{
	static _Alignas(8) char bytes[MESSAGE_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *what = cases[i].messages;
		struct wg_collect collect = {};
		int number = 0, err = 0;
		char text[256];

		while (!err && *what) {
			struct nlmsghdr *msg = mnl_nlmsg_put_header(bytes);

			what = put_message(msg, what, &number);
			err = wg_genl_take(msg, &collect);
		}
		if (err != cases[i].err)
			fail_msg("%s: %d", cases[i].name, err);
		describe(&collect.device, text, sizeof(text));
		if (cases[i].device && strcmp(text, cases[i].device) != 0)
			fail_msg("%s: read as %s", cases[i].name, text);
		if (cases[i].device)
			assert_int_equal(collect.device.public_key[31], 0x77);
		wg_collect_done(&collect);
	}
}

/* Whatever byte of a good message is wrong: no crash, no read beyond its end (sanitizers watch). */
static void test_damaged(void **state)
{
	static _Alignas(8) char good[MESSAGE_BYTES];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(good);
	int number = 0;
	size_t len;

	(void)state;
	(void)put_message(msg, "DA46B6", &number);
	len = msg->nlmsg_len;
	for (size_t at = sizeof(*msg); at < len; at++) {
		for (int value = 0; value < 256; value += 17) {
			/* malloc'd to the byte, so that the sanitizer knows where it ends */
			char *bytes = malloc(len);
			struct wg_collect collect = {};

			memcpy(bytes, good, len);
			bytes[at] = value;
			(void)wg_genl_take((struct nlmsghdr *)bytes, &collect);
			wg_collect_done(&collect);
			free(bytes);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
