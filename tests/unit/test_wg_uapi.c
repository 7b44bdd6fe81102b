// SPDX-License-Identifier: Apache-2.0
/*
 * test_wg_uapi.c - the text protocol of userspace WireGuard: good, hostile, truncated, too long.
 *
 * Every row is fed whole and then byte by byte: where the pieces end must not matter.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tunnel/wg_uapi.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define NO_KEY "0000000000000000000000000000000000000000000000000000000000000000"
#define PEER_A "public_key=" KEY_A "\n"
#define PEER_B "public_key=" KEY_B "\n"
#define END "errno=0\n\n"

/* clang-format off */
static const struct {
	const char *name, *text;
	int ret;
	const char *device; /* "port first-key-byte@keepalive!endpoint:allowed,allowed ..." */
} cases[] = {
	{ "no peers",             "listen_port=51820\n" END,                       1, "51820" },
	{ "nothing but success",  END,                                             1, "0" },
	{ "zero private key",     "private_key=" NO_KEY "\n" END,                  1, "0" },
	{ "peer without AllowedIPs", PEER_A END,                                   1, "0 aa:" },
	{ "both families",        PEER_A "allowed_ip=100.64.0.2/32\nallowed_ip=200::2/128\n" END,
	  1, "0 aa:100.64.0.2/32,200::2/128" },
	{ "two peers",            PEER_A "allowed_ip=10.0.0.0/8\n" PEER_B "allowed_ip=200::/64\n" END,
	  1, "0 aa:10.0.0.0/8 bb:200::/64" },
	{ "everything else is skipped",
	  "fwmark=1\n" PEER_A "preshared_key=" NO_KEY "\nprotocol_version=1\nendpoint=[2001:db8::1]:7\n"
	  "last_handshake_time_sec=1\nlast_handshake_time_nsec=2\ntx_bytes=3\nrx_bytes=4\n"
	  "unheard_of=\n" END,                                                      1, "0 aa!2001:db8::1/128:" },
	{ "keepalive",            PEER_A "persistent_keepalive_interval=25\n" PEER_B "persistent_keepalive_interval=5\n" END,
	  1, "0 aa@25: bb@5:" },
	{ "endpoint",             PEER_A "endpoint=192.0.2.1:7\n" PEER_B END, 1, "0 aa!192.0.2.1/32: bb:" },
	{ "endpoint of a link",   PEER_A "endpoint=[fe80::1%eth0]:7\n" END,        1, "0 aa!fe80::1/128:" },
	{ "keepalive off",        PEER_A "persistent_keepalive_interval=0\n" END, 1, "0 aa:" },
	{ "keepalive largest",    PEER_A "persistent_keepalive_interval=65535\n" END, 1, "0 aa@65535:" },
	{ "IPv4 host bits are cleared", PEER_A "allowed_ip=10.1.2.3/8\n" END,      1, "0 aa:10.0.0.0/8" },
	{ "IPv6 host bits are cleared", PEER_A "allowed_ip=200::1/64\n" END,       1, "0 aa:200::/64" },
	{ "everything allowed",   PEER_A "allowed_ip=0.0.0.0/0\nallowed_ip=::/0\n" END,
	  1, "0 aa:0.0.0.0/0,::/0" },
	{ "bytes after the end",  END "listen_port=1\n",                           1, "0" },

	{ "nothing yet",          "",                                              0, NULL },
	{ "no end of the line",   "listen_port=51820",                             0, NULL },
	{ "no empty line",        PEER_A "errno=0\n",                              0, NULL },
	{ "end without result",   PEER_A "\n",                                     -EPROTO, NULL },
	{ "empty answer",         "\n",                                            -EPROTO, NULL },
	{ "negative errno",       "errno=-5\n\n",                                  -EIO, NULL },
	{ "positive errno",       "errno=1\n\n",                                   -EPERM, NULL },
	{ "errno behind a peer",  PEER_A "errno=5\n\n",                            -EIO, NULL },
	{ "errno too large",      "errno=4096\n\n",                                -EPROTO, NULL },
	{ "errno is no number",   "errno=x\n\n",                                   -EPROTO, NULL },
	{ "errno is a sign",      "errno=-\n\n",                                   -EPROTO, NULL },
	{ "errno is empty",       "errno=\n\n",                                    -EPROTO, NULL },

	{ "no equals sign",       "listen_port\n" END,                             -EPROTO, NULL },
	{ "no name",              "=1\n" END,                                      -EPROTO, NULL },
	{ "line ends of another world", "listen_port=1\r\n" END,                   -EPROTO, NULL },
	{ "port too large",       "listen_port=65536\n" END,                       -EPROTO, NULL },
	{ "port largest",         "listen_port=65535\n" END,                       1, "65535" },
	{ "port negative",        "listen_port=-1\n" END,                          -EPROTO, NULL },
	{ "port wraps around",    "listen_port=4294967297\n" END,                  -EPROTO, NULL },
	{ "port empty",           "listen_port=\n" END,                            -EPROTO, NULL },
	{ "port with blank",      "listen_port= 1\n" END,                          -EPROTO, NULL },
	{ "port of a peer",       PEER_A "listen_port=1\n" END,                    -EPROTO, NULL },
	{ "private key of a peer", PEER_A "private_key=" NO_KEY "\n" END,          -EPROTO, NULL },
	{ "keepalive too large",  PEER_A "persistent_keepalive_interval=65536\n" END, -EPROTO, NULL },
	{ "keepalive in words",   PEER_A "persistent_keepalive_interval=off\n" END, -EPROTO, NULL },
	{ "endpoint of nobody",   "endpoint=192.0.2.1:7\n" PEER_A END,              -EPROTO, NULL },
	{ "endpoint that is no address", PEER_A "endpoint=relay:7\n" END,          -EPROTO, NULL },
	{ "endpoint that is a network", PEER_A "endpoint=[2001:db8::/32]:7\n" END, -EPROTO, NULL },
	{ "endpoint empty",       PEER_A "endpoint=\n" END,                        -EPROTO, NULL },
	{ "keepalive of nobody",  "persistent_keepalive_interval=25\n" PEER_A END, -EPROTO, NULL },
	{ "key too short",        "public_key=aa\n" END,                           -EPROTO, NULL },
	{ "key too long",         "public_key=" KEY_A "aa\n" END,                  -EPROTO, NULL },
	{ "key not hex",          "public_key=g" NO_KEY "\n" END,                  -EPROTO, NULL },
	{ "last digit not hex",
	  "public_key=000000000000000000000000000000000000000000000000000000000000000g\n" END,
	  -EPROTO, NULL },
	{ "private key not hex",
	  "private_key=/000000000000000000000000000000000000000000000000000000000000000\n" END,
	  -EPROTO, NULL },
	{ "AllowedIP of nobody",  "allowed_ip=10.0.0.0/8\n" END,                   -EPROTO, NULL },
	{ "AllowedIP without length", PEER_A "allowed_ip=10.0.0.0\n" END,          -EPROTO, NULL },
	{ "IPv4 length too large", PEER_A "allowed_ip=10.0.0.0/33\n" END,          -EPROTO, NULL },
	{ "IPv6 length too large", PEER_A "allowed_ip=200::/129\n" END,            -EPROTO, NULL },
	{ "AllowedIP no address", PEER_A "allowed_ip=relay/32\n" END,              -EPROTO, NULL },
	{ "AllowedIP only length", PEER_A "allowed_ip=/0\n" END,                   -EPROTO, NULL },
	{ "AllowedIP two lengths", PEER_A "allowed_ip=10.0.0.0/8/8\n" END,         -EPROTO, NULL },
	{ "AllowedIP very long",  PEER_A "allowed_ip=" KEY_A KEY_A "/8\n" END,     -EPROTO, NULL },
};
/* clang-format on */

static void describe(const struct wg_device *device, char *text, size_t size)
{
	char allowed[PREFIX_TEXT_MAX];
	size_t n = snprintf(text, size, "%u", device->listen_port);

	for (size_t i = 0; i < device->n_peers; i++) {
		const struct wg_peer *peer = &device->peers[i];

		n += snprintf(text + n, size - n, " %02x", peer->public_key[0]);
		if (peer->keepalive_s)
			n += snprintf(text + n, size - n, "@%u", peer->keepalive_s);
		if (peer->endpoint.family)
			n += snprintf(text + n, size - n, "!%s",
				      prefix_format(&peer->endpoint, allowed));
		n += snprintf(text + n, size - n, ":");
		for (size_t j = 0; j < peer->n_allowed; j++)
			n += snprintf(text + n, size - n, "%s%s", j ? "," : "",
				      prefix_format(&peer->allowed[j], allowed));
	}
}

static int feed(struct wg_uapi *uapi, const char *bytes, size_t len, size_t piece)
{
	int ret = 0;

	for (size_t at = 0; !ret && at < len; at += piece)
		ret = wg_uapi_feed(uapi, bytes + at, piece < len - at ? piece : len - at);
	return ret;
}

static void test_table(void **state)
{
	static const size_t pieces[] = { 1, 7, 100000 };
	struct wg_uapi uapi;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t j = 0; j < sizeof(pieces) / sizeof(*pieces); j++) {
			int ret;

			memset(&uapi, 0, sizeof(uapi));
			ret = feed(&uapi, cases[i].text, strlen(cases[i].text), pieces[j]);
			if (ret != cases[i].ret)
				fail_msg("%s: %d", cases[i].name, ret);
			describe(&uapi.collect.device, text, sizeof(text));
			if (cases[i].device && strcmp(text, cases[i].device) != 0)
				fail_msg("%s: read as %s", cases[i].name, text);
			wg_uapi_done(&uapi);
		}
	}
}

/* Our own key comes from the private one, of which nothing stays behind. */
static void test_own_key(void **state)
{
	static const char answer[] =
		"private_key=4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60\n";
	/* What `wg pubkey` makes of the bytes 0x41, 0x42, ... */
	static const char public_key[] = "ZLEBsdC+WocEvQePmJUAH8A+jp+VIvGI3RKNmEbUhGY=";
	char text[WG_KEY_TEXT];
	struct wg_uapi uapi = {};

	(void)state;
	assert_int_equal(wg_uapi_feed(&uapi, answer, sizeof(answer) - 1), 0);
	assert_string_equal(wg_key_format(uapi.collect.device.public_key, text), public_key);
	assert_null(memmem(&uapi, sizeof(uapi), "ABCDEFGH", 8));
	assert_null(memmem(&uapi, sizeof(uapi), "4142434445464748", 16));
	assert_int_equal(wg_uapi_feed(&uapi, END, strlen(END)), 1);
	wg_uapi_done(&uapi);
}

static void test_nul_byte(void **state)
{
	static const char text[] = "listen_port=1\02\n" END;
	struct wg_uapi uapi = {};

	(void)state;
	assert_int_equal(wg_uapi_feed(&uapi, text, sizeof(text) - 1), -EPROTO);
	wg_uapi_done(&uapi);
}

/* A line of the longest length is taken, one byte more is not. */
static void test_line_length(void **state)
{
	static char line[WG_UAPI_LINE_MAX + 1];
	struct wg_uapi uapi = {};

	(void)state;
	memset(line, 'x', sizeof(line));
	line[1] = '=';
	line[WG_UAPI_LINE_MAX - 1] = '\n';
	assert_int_equal(wg_uapi_feed(&uapi, line, WG_UAPI_LINE_MAX), 0);
	line[WG_UAPI_LINE_MAX - 1] = 'x';
	line[WG_UAPI_LINE_MAX] = '\n';
	assert_int_equal(wg_uapi_feed(&uapi, line, WG_UAPI_LINE_MAX + 1), -EPROTO);
	wg_uapi_done(&uapi);
}

/* Many peers come out in order, and one more than WireGuard can have is refused. */
static void test_many_peers(void **state)
{
	char text[256];
	struct wg_uapi uapi = {};
	int len;

	(void)state;
	for (int i = 0; i < WG_PEERS_MAX; i++) {
		len = snprintf(text, sizeof(text), "public_key=%064x\n", i);
		assert_int_equal(wg_uapi_feed(&uapi, text, len), 0);
	}
	assert_int_equal(uapi.collect.device.n_peers, WG_PEERS_MAX);
	assert_int_equal(uapi.collect.device.peers[0x1234].public_key[WG_KEY_BYTES - 1], 0x34);
	assert_int_equal(uapi.collect.device.peers[0x1234].public_key[WG_KEY_BYTES - 2], 0x12);
	assert_int_equal(wg_uapi_feed(&uapi, PEER_A, strlen(PEER_A)), -E2BIG);
	wg_uapi_done(&uapi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),      cmocka_unit_test(test_own_key),
		cmocka_unit_test(test_nul_byte),   cmocka_unit_test(test_line_length),
		cmocka_unit_test(test_many_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
