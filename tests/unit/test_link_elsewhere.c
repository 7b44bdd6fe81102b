// SPDX-License-Identifier: Apache-2.0
/*
 * test_link_elsewhere.c - an interface that was moved to another network namespace is found there.
 *
 * In network namespaces of the test's own: that needs root.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "netns.h"
#include "tunnel/link.h"

static bool is_private;

/* A process in a network namespace of its own. */
static pid_t start_other(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void test_moved(void **state)
{
	uint32_t ifindex;
	pid_t other;

	(void)state;
	if (!is_private)
		skip();
	netns_fresh();
	other = start_other();
	ifindex = if_nametoindex("t1");
	assert_false(link_is_elsewhere(ifindex, "veth")); /* it is here */
	netns_run("ip link set t1 netns %d", (int)other);
	assert_int_equal(if_nametoindex("t1"), 0);
	assert_true(link_is_elsewhere(ifindex, "veth"));
	assert_false(link_is_elsewhere(ifindex, "wireguard"));
	assert_false(link_is_elsewhere(ifindex + 100, "veth"));
	netns_ip("link delete t0"); /* and its other end with it */
	assert_false(link_is_elsewhere(ifindex, "veth"));
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_int_equal(waitpid(other, NULL, 0), other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "test_moved (needs root, for a network namespace)", test_moved, NULL, NULL,
		  NULL },
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
