// SPDX-License-Identifier: Apache-2.0
/*
 * test_stun_socket.c - what the raw socket sees, and what it does not.
 *
 * On loopback a datagram has arrived, or not, when send() returns: nothing has to be waited for. In
 * network namespaces of the test's own: that needs root.
 */
#include <errno.h>
#include <linux/filter.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "netns.h"
#include "stun_world.h"
#include "tunnel/stun_socket.h"

#define LONGEST STUN_MESSAGE_MAX
#define TRIES 100 /* of the race between socket() and the filter */

static bool is_private;

/* The beginning of a datagram to @port, and its length; the rest is zeros. */
static const struct {
	const char *name;
	uint16_t port;
	uint8_t begin[8];
	size_t len;
	bool is_seen;
} datagrams[] = {
	/* clang-format off */
	{ "a success response", WG_PORT, { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 20, true },
	{ "an error response", WG_PORT, { 1, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 20, true },
	{ "the longest", WG_PORT, { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, LONGEST, true },
	{ "with IP options it could be longer", WG_PORT, { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 },
	  LONGEST + 40, true },
	{ "too long", WG_PORT, { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, LONGEST + 41, false },
	{ "for the next port", WG_PORT + 1, { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 20, false },
	{ "for the port turned round", 0x6cca, { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 20, false },
	{ "a request", WG_PORT, { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 20, false },
	{ "an indication", WG_PORT, { 0, 0x11, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 20, false },
	{ "another cookie", WG_PORT, { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43 }, 20, false },
	{ "another cookie, first byte", WG_PORT, { 1, 1, 0, 0, 0xa1, 0x12, 0xa4, 0x42 }, 20, false },
	{ "too short for a cookie", WG_PORT, { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 7, false },
	{ "too short for a type", WG_PORT, { 1 }, 1, false },
	{ "an empty one", WG_PORT, { 0 }, 0, false },
	{ "WireGuard's handshake", WG_PORT, { 1, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 148, false },
	{ "WireGuard's data", WG_PORT, { 4, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42 }, 32, false },
	/* clang-format on */
};

static int begin(void)
{
	int fd;

	if (!is_private)
		skip();
	netns_fresh();
	fd = stun_socket_open(WG_PORT);
	assert_true(fd >= 0);
	return fd;
}

static ssize_t receive(int fd)
{
	char packet[4096];

	return recv(fd, packet, sizeof(packet), MSG_DONTWAIT);
}

static void send_datagram(int from, size_t i)
{
	uint8_t bytes[2048] = {};
	struct sockaddr_in to = world_at("127.0.0.1", datagrams[i].port);

	memcpy(bytes, datagrams[i].begin, sizeof(datagrams[i].begin));
	assert_int_equal(sendto(from, bytes, datagrams[i].len, 0, (struct sockaddr *)&to,
				sizeof(to)),
			 datagrams[i].len);
}

/* Whole, or in fragments: nothing is seen before it is put together. WireGuard gets all of it. */
static void check_datagrams(const char *mtu)
{
	auto_close int fd = begin(), wg = -1, other = -1;

	netns_run("ip link set lo mtu %s", mtu);
	wg = world_bind("0.0.0.0", WG_PORT);
	other = world_bind("127.0.0.1", 0);
	for (size_t i = 0; i < N(datagrams); i++) {
		ssize_t want = datagrams[i].is_seen ? (ssize_t)datagrams[i].len + 28 : -1, got;

		send_datagram(other, i);
		got = receive(fd);
		if (got != want)
			fail_msg("%s: %zd", datagrams[i].name, got);
		assert_int_equal(receive(fd), -1);
		assert_int_equal(errno, EAGAIN);
		if (datagrams[i].port == WG_PORT)
			assert_int_equal(receive(wg), datagrams[i].len);
	}
	assert_int_equal(receive(wg), -1);
}

static void test_datagrams(void **state)
{
	(void)state;
	check_datagrams("65536");
}

static void test_fragments(void **state)
{
	(void)state;
	check_datagrams("576");
}

/* IPv6 is not its business. */
static void test_ipv6(void **state)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_port = htons(WG_PORT),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	auto_close int fd = begin(), from = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(sendto(from, datagrams[0].begin, 8, 0, (struct sockaddr *)&to, sizeof(to)),
			 8);
	assert_int_equal(receive(fd), -1);
}

static void test_locked(void **state)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, 65535) };
	struct sock_fprog program = { .len = 1, .filter = all };
	int off = 0;
	auto_close int fd = begin();

	(void)state;
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
			 -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof(off)), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &off, sizeof(off)), -1);
	assert_int_equal(errno, EPERM);
}

/* Everything arrives all the time, but nothing of it is ever there to read. */
static void test_race(void **state)
{
	struct sockaddr_in to = world_at("127.0.0.1", WG_PORT);
	auto_close int wg = -1, from = -1;
	pid_t pid;

	(void)state;
	close(begin());
	wg = world_bind("0.0.0.0", WG_PORT);
	from = world_bind("127.0.0.1", 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)sendto(from, "traffic", 7, 0, (struct sockaddr *)&to, sizeof(to));
	}
	while (receive(wg) < 0) /* it has begun */
		;
	for (int i = 0; i < TRIES; i++) {
		auto_close int fd = stun_socket_open(WG_PORT);

		assert_true(fd >= 0);
		if (receive(fd) >= 0)
			fail_msg("try %d", i);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int open_as_nobody(void *data)
{
	int fd = stun_socket_open(WG_PORT);

	(void)data;
	return fd < 0 ? fd : 0;
}

static void test_refused(void **state)
{
	(void)state;
	close(begin());
	assert_int_equal(stun_socket_open(0), -EINVAL);
	assert_int_equal(netns_as_nobody(open_as_nobody, NULL), -EPERM);
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for a network namespace)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_datagrams), NEEDS_ROOT(test_fragments), NEEDS_ROOT(test_ipv6),
		NEEDS_ROOT(test_locked),    NEEDS_ROOT(test_race),      NEEDS_ROOT(test_refused),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
