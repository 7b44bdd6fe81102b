// SPDX-License-Identifier: Apache-2.0
/*
 * test_wg_edit_live.c - edits on real WireGuard: the kernel's where there is one, and wireguard-go.
 *
 * Needs root, in a world of its own (tools/lab/world). What is there afterwards is asked of `wg`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tunnel/wg_edit.h"
#include "tunnel/wg_userspace.h"
#include "wg_live.h"

#define SOON_S 30 /* in an emulated CPU too */
#define MANY 2000

struct backend {
	const char *name;
	int (*start)(const char *ifname);
};

/* What is done to the peers of one interface, a line after the other. */
static const char *const steps[] = {
	"a:10.0.0.1,200::1 b25:10.0.0.2,200::2",
	"a:10.0.0.1,200::1,10.1.0.0/16,200:1::/64 b25:10.0.0.2,200::2", /* more */
	"a:10.0.0.2,200::2,10.1.0.0/16,200:1::/64 b25:10.0.0.1,200::1", /* two swap */
	"a:10.0.0.2,200:1::/64 b25:200::1",                             /* some go */
	"a25:10.0.0.2,200:1::/64 b:200::1",                             /* keepalive alone */
	"a25 b",                                                        /* no AllowedIP is left */
	"a25:0.0.0.0/0 b:::/0",
	"a25:::/0 b:0.0.0.0/0",
	"c:0.0.0.0/0,::/0 b", /* to a new peer from one that goes */
	"b5:10.0.0.1,200::1 d65535:10.0.0.2,200::2",
	"",
};

static int start_kernel(const char *ifname)
{
	char command[128];

	snprintf(command, sizeof(command), "ip link add %s type wireguard 2>/dev/null", ifname);
	return system(command) ? -EOPNOTSUPP : 0;
}

/* From what there is to what is wanted, after which nothing is left to be done. */
static void reach(const char *ifname, const struct wg_device *want)
{
	for (int pass = 0; pass < 2; pass++) {
		struct wg_device have = {};
		struct wg_plan plan = {};

		assert_int_equal(wg_device_read(ifname, &have), 0);
		assert_int_equal(wg_plan_make(&have, want, &plan), 0);
		if (pass)
			assert_int_equal(plan.n_additions + plan.n_removals, 0);
		assert_int_equal(wg_edit_peers(ifname, plan.additions, plan.n_additions), 0);
		assert_int_equal(wg_edit_peers(ifname, plan.removals, plan.n_removals), 0);
		wg_plan_done(&plan);
		wg_device_done(&have);
	}
}

static void reach_text(const char *ifname, const char *text)
{
	struct wg_device want = wg_notation_device(text);

	reach(ifname, &want);
	wg_device_done(&want);
}

static void start(void **state, const char *ifname)
{
	const struct backend *backend = *state;

	assert_int_equal(backend->start(ifname), 0);
}

/* What a test that failed has left. */
static int clear(void **state)
{
	(void)state;
	(void)!system("ip link delete wga 2>/dev/null; ip link delete wgb 2>/dev/null");
	return 0;
}

static void stop(const char *ifname)
{
	assert_int_equal(wg_edit_flush(ifname), 0);
	run("ip link delete %s", ifname);
}

static void test_steps(void **state)
{
	char text[LONG_TEXT], expected[LONG_TEXT];

	start(state, "wga");
	for (size_t i = 0; i < N(steps); i++) {
		struct wg_device want = wg_notation_device(steps[i]);

		reach("wga", &want);
		show_wanted(&want, expected);
		show_peers("wga", text);
		assert_string_equal(text, expected);
		wg_device_done(&want);
	}
	stop("wga");
}

/* What is planned for a peer that somebody has removed since brings nothing back. */
static void test_peer_is_gone(void **state)
{
	static const struct {
		const char *edits, *peers;
	} rows[] = {
		{ "+a:10.0.0.1 +a:200::1", "" },
		{ "-a", "" },
		{ "-a:10.0.0.1 -a:200::1", "" },
		{ "+b5 +b:10.0.0.1 -b +b:10.0.0.2", "" },
		{ "+b5 +b:10.0.0.1 +a:10.0.0.1 +a:200::1", "b5:10.0.0.1/32" },
	};
	struct wg_edit edits[WG_NOTATION_EDITS_MAX];
	char text[LONG_TEXT];

	start(state, "wga");
	for (size_t i = 0; i < N(rows); i++) {
		size_t n = wg_notation_edits(rows[i].edits, edits);

		assert_int_equal(wg_edit_peers("wga", edits, n), 0);
		show_peers("wga", text);
		assert_string_equal(text, rows[i].peers);
	}
	stop("wga");
}

static void make_key(uint8_t first, uint8_t key[static WG_KEY_BYTES])
{
	memset(key, first, WG_KEY_BYTES);
	key[0] &= 0xf8;
	key[WG_KEY_BYTES - 1] = (key[WG_KEY_BYTES - 1] & 0x7f) | 0x40;
}

static void check_identity(const char *ifname, const char *key, unsigned int port)
{
	struct wg_device device;
	char text[WG_KEY_TEXT];

	assert_int_equal(wg_device_read(ifname, &device), 0);
	assert_int_equal(device.listen_port, port);
	assert_string_equal(wg_key_format(device.public_key, text), key);
	run("test \"$(wg show %s public-key)\" = %s", ifname, key);
	run("test \"$(wg show %s listen-port)\" = %u", ifname, port);
	wg_device_done(&device);
}

static void test_identity(void **state)
{
	/* What `wg pubkey` makes of it. */
	static const char first[] = "ehpOcJvwhaxJSroEabmx7aCrH3ixaqu3n/7akGI+hSI=";
	uint8_t key[WG_KEY_BYTES];

	start(state, "wga");
	make_key(0x41, key);
	assert_int_equal(wg_edit_identity("wga", key, 7001), 0);
	check_identity("wga", first, 7001);
	assert_int_equal(wg_edit_identity("wga", NULL, 7002), 0);
	check_identity("wga", first, 7002);
	assert_int_equal(wg_edit_identity("wga", key, 0), 0);
	check_identity("wga", first, 7002);
	stop("wga");
	assert_int_equal(wg_edit_identity("wga", key, 7001), -ENODEV);
	assert_int_equal(wg_edit_flush("wga"), -ENODEV);
	assert_int_equal(wg_edit_peers("wga", NULL, 0), -ENODEV);
	assert_int_equal(wg_edit_identity("lo", key, 7001), -ENODEV);
	assert_int_equal(wg_edit_identity("not/a name", key, 7001), -ENODEV);
}

static int take_port(int family, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(family, SOCK_DGRAM, 0), on = 1;

	if (family == AF_INET) {
		assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	} else {
		assert_int_equal(setsockopt(fd, SOL_IPV6, 26 /* IPV6_V6ONLY */, &on, sizeof(on)),
				 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
	}
	return fd;
}

/* Whichever family's port it is; and afterwards another one is taken as if nothing had been. */
static void test_port_in_use(void **state)
{
	static const int families[] = { AF_INET, AF_INET6 };
	uint8_t key[WG_KEY_BYTES];

	start(state, "wga");
	make_key(0x41, key);
	assert_int_equal(wg_edit_identity("wga", key, 7001), 0);
	run("ip link set wga up");
	for (size_t i = 0; i < N(families); i++) {
		int fd = take_port(families[i], 7003);

		assert_int_equal(wg_edit_identity("wga", NULL, 7003), -EADDRINUSE);
		assert_int_equal(wg_edit_identity("wga", NULL, 7002), 0);
		run("test $(wg show wga listen-port) = 7002");
		close(fd);
	}
	stop("wga");
}

/* What we know nothing of stays: preshared key and endpoint. */
static void test_foreign_attributes(void **state)
{
	static const char psk[] = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";
	struct shown shown[2];
	char key[WG_KEY_TEXT];
	uint8_t bytes[WG_KEY_BYTES];

	start(state, "wga");
	memset(bytes, 'a', sizeof(bytes));
	reach_text("wga", "a:10.0.0.1,200::1");
	run("echo %s >/run/psk && wg set wga peer %s preshared-key /run/psk endpoint "
	    "127.0.0.1:7009",
	    psk, wg_key_format(bytes, key));
	for (size_t i = 0; i + 1 < N(steps) && strchr(steps[i], 'a'); i++) {
		reach_text("wga", steps[i]);
		assert_int_equal(show("wga", shown, N(shown)), 2);
		if (strcmp(shown[0].key, key) != 0)
			shown[0] = shown[1];
		assert_string_equal(shown[0].key, key);
		assert_string_equal(shown[0].psk, psk);
		assert_string_equal(shown[0].endpoint, "127.0.0.1:7009");
	}
	stop("wga");
}

/* Wait until the first peer of @ifname has had a handshake and received @rx bytes. */
static struct shown await_peer(const char *ifname, const char *key, unsigned long long rx)
{
	const struct timespec step = { .tv_nsec = 50000000 };
	static struct shown peers[4];
	time_t start = time(NULL);

	while (time(NULL) - start < SOON_S) {
		size_t n = show(ifname, peers, N(peers));

		for (size_t i = 0; i < n && i < N(peers); i++)
			if (!strcmp(peers[i].key, key) && peers[i].handshake && peers[i].rx >= rx)
				return peers[i];
		nanosleep(&step, NULL);
	}
	fail_msg("%s: no handshake, or fewer than %llu bytes in %d s", ifname, rx, SOON_S);
	return peers[0];
}

static void begin_end(const char *ifname, uint8_t first, uint16_t port, char key[WG_KEY_TEXT])
{
	struct wg_device device;
	uint8_t private[WG_KEY_BYTES];

	make_key(first, private);
	assert_int_equal(wg_edit_identity(ifname, private, port), 0);
	assert_int_equal(wg_device_read(ifname, &device), 0);
	wg_key_format(device.public_key, key);
	wg_device_done(&device);
	run("ip link set %s up", ifname);
}

/* @text with the peer "S" being the one of @key. */
static void reach_beside(const char *ifname, const char *key, const char *text)
{
	struct wg_device want = wg_notation_device(text);

	for (size_t i = 0; i < want.n_peers; i++)
		if (want.peers[i].public_key[0] == 'S')
			assert_int_equal(wg_key_parse(key, want.peers[i].public_key), 0);
	reach(ifname, &want);
	wg_device_done(&want);
}

/*
 * A session goes on while AllowedIPs of its peer come, go and move. wga sends a keepalive of 32
 * bytes every second; messages of a handshake have 148 and 92.
 */
static void check_session(void **state, const char *endpoint)
{
	static const char *const edits[] = {
		"S1:10.9.0.2,10.8.0.1,200:8::1 a:10.7.0.1,200:7::1",
		"S1:10.9.0.2,10.8.0.1,200:8::1,10.7.0.1,200:7::1 a",
		"S1:10.9.0.2 a:10.7.0.1,200:7::1",
		"S1:10.9.0.2,0.0.0.0/0,::/0",
		"S1:10.9.0.2",
	};
	char key_a[WG_KEY_TEXT], key_b[WG_KEY_TEXT];
	struct shown a, b, later;

	start(state, "wga");
	start(state, "wgb");
	begin_end("wga", 0x41, 7001, key_a);
	begin_end("wgb", 0x61, 7002, key_b);
	reach_beside("wgb", key_a, "S:10.9.0.1");
	reach_beside("wga", key_b, "S:10.9.0.2");
	run("wg set wga peer %s endpoint %s:7002", key_b, endpoint);
	reach_beside("wga", key_b, "S1:10.9.0.2"); /* sends at once */
	b = await_peer("wgb", key_a, 148 + 32);
	a = await_peer("wga", key_b, 92);
	for (size_t i = 0; i < N(edits); i++) {
		reach_beside("wga", key_b, edits[i]);
		reach_beside("wgb", key_a, edits[i]);
	}
	/* wgb has got the keepalive too, as the edits say: both send now. */
	later = await_peer("wgb", key_a, b.rx + 3 * 32);
	assert_int_equal(later.handshake, b.handshake);
	assert_int_equal((later.rx - b.rx) % 32, 0);
	later = await_peer("wga", key_b, a.rx + 3 * 32);
	assert_int_equal(later.handshake, a.handshake);
	assert_int_equal((later.rx - a.rx) % 32, 0);
	stop("wga");
	stop("wgb");
}

static void test_session_ipv4(void **state)
{
	check_session(state, "127.0.0.1");
}

static void test_session_ipv6(void **state)
{
	check_session(state, "[::1]");
}

static struct wg_device make_many(void)
{
	struct wg_device device = {};
	uint8_t key[WG_KEY_BYTES] = "many";

	for (int i = 0; i < MANY; i++) {
		struct prefix ipv4 = notation_prefix("10.0.0.0/32"),
			      ipv6 = notation_prefix("200::/128");
		struct wg_peer *peer;

		key[30] = ipv4.addr[2] = ipv6.addr[14] = i >> 8;
		key[31] = ipv4.addr[3] = ipv6.addr[15] = i;
		peer = wg_notation_add_peer(&device, key);
		peer->keepalive_s = 25;
		wg_notation_add_allowed(peer, &ipv4);
		wg_notation_add_allowed(peer, &ipv6);
	}
	return device;
}

/* Thousands of peers: made, robbed of one address each, half of them removed, flushed. */
static void test_many(void **state)
{
	struct wg_device want = make_many();
	struct shown none;

	start(state, "wga");
	reach("wga", &want);
	assert_int_equal(show("wga", &none, 0), MANY);
	for (int i = 0; i < MANY; i++)
		want.peers[i].n_allowed = 1;
	reach("wga", &want);
	assert_int_equal(show("wga", &none, 0), MANY);
	for (int i = MANY / 2; i < MANY; i++)
		free(want.peers[i].allowed);
	want.n_peers = MANY / 2;
	reach("wga", &want);
	assert_int_equal(show("wga", &none, 0), MANY / 2);
	assert_int_equal(wg_edit_flush("wga"), 0);
	assert_int_equal(show("wga", &none, 0), 0);
	stop("wga");
	wg_device_done(&want);
}

#define ON(test, backend) cmocka_unit_test_prestate_setup_teardown(test, clear, NULL, backend)

static int try_backend(struct backend *backend)
{
	const struct CMUnitTest tests[] = {
		ON(test_steps, backend),
		ON(test_peer_is_gone, backend),
		ON(test_identity, backend),
		ON(test_port_in_use, backend),
		ON(test_foreign_attributes, backend),
		ON(test_session_ipv4, backend),
		ON(test_session_ipv6, backend),
		ON(test_many, backend),
	};

	return cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
}

int main(void)
{
	struct backend backends[] = { { "kernel", start_kernel },
				      { "wireguard-go", wg_userspace_start } };
	bool there[N(backends)];
	int failed = 0;

	if (geteuid() || !getenv("NEX_LAB_WORLD")) {
		puts("1..0 # SKIP needs root, and a world of its own (tools/lab/world)");
		return 0;
	}
	for (size_t i = 0; i < N(backends); i++) {
		int err = backends[i].start("wga");

		there[i] = !err;
		if (there[i])
			there[i] = !system("ip link delete wga");
		else
			printf("1..0 # SKIP no WireGuard of the kind %s: %s\n", backends[i].name,
			       strerror(-err));
	}
	fflush(stdout);
	for (size_t i = 0; i < N(backends); i++)
		if (there[i])
			failed += try_backend(&backends[i]);
	return failed;
}
