// SPDX-License-Identifier: Apache-2.0
/*
 * test_napi.c - threaded NAPI of just the interface that is meant.
 *
 * In a network namespace of the test's own with a /sys of its own: that needs root.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "netns.h"
#include "tunnel/napi.h"

static bool is_private;

static void begin(void)
{
	if (!is_private)
		skip();
	netns_fresh();
	assert_int_equal(mount("sys", "/sys", "sysfs", 0, NULL), 0);
}

/* A TAP device, with a NAPI context or without, as long as the descriptor is open. */
static int make_tap(const char *name, bool with_napi)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		print_message("# no /dev/net/tun: skipped\n");
		skip();
	}
	if (with_napi)
		request.ifr_flags |= IFF_NAPI;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, TUNSETIFF, &request), 0);
	return fd;
}

static char threaded(const char *name)
{
	return netns_run("cat /sys/class/net/%s/threaded", name)[0];
}

static void test_switch(void **state)
{
	uint32_t ifindex;

	(void)state;
	begin();
	auto_close int tap = make_tap("n0", true);
	assert_true(tap >= 0);
	ifindex = if_nametoindex("n0");
	assert_int_equal(threaded("n0"), '0');
	assert_int_equal(napi_threaded_set("n0", ifindex, false), 0);
	assert_int_equal(threaded("n0"), '0');
	for (int again = 0; again <= 1; again++) {
		assert_int_equal(napi_threaded_set("n0", ifindex, true), 0);
		assert_int_equal(threaded("n0"), '1');
	}
	assert_int_equal(napi_threaded_set("n0", ifindex, false), 0);
	assert_int_equal(threaded("n0"), '0');
}

static void test_no_context(void **state)
{
	(void)state;
	begin();
	auto_close int tap = make_tap("n0", false);
	assert_true(tap >= 0);
	assert_int_equal(napi_threaded_set("n0", if_nametoindex("n0"), true), -EOPNOTSUPP);
	assert_int_equal(napi_threaded_set("n0", if_nametoindex("n0"), false), 0);
}

static void test_which_interface(void **state)
{
	uint32_t ifindex;

	(void)state;
	begin();
	auto_close int tap = make_tap("n0", true);
	assert_true(tap >= 0);
	ifindex = if_nametoindex("n0");
	assert_int_equal(napi_threaded_set("n0", ifindex + 1, true), -ENODEV);
	assert_int_equal(napi_threaded_set("n0", 0, true), -ENODEV);
	assert_int_equal(napi_threaded_set("t0", ifindex, true), -ENODEV);
	assert_int_equal(napi_threaded_set("n1", ifindex, true), -ENODEV);
	assert_int_equal(napi_threaded_set("", ifindex, true), -EINVAL);
	assert_int_equal(napi_threaded_set(".", ifindex, true), -EINVAL);
	assert_int_equal(napi_threaded_set("../net/n0", ifindex, true), -EINVAL);
	assert_int_equal(napi_threaded_set("sixteen-letters1", ifindex, true), -EINVAL);
	assert_int_equal(threaded("n0"), '0');
}

/* /sys still shows the namespace before, which has an interface of that name. */
static void test_other_namespace(void **state)
{
	uint32_t ifindex;

	(void)state;
	begin();
	netns_ip("link add x0 type veth peer name x1; link del x0"); /* uses up two numbers */
	auto_close int theirs = make_tap("n0", true);
	assert_true(theirs >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	auto_close int tap = make_tap("n0", true);
	assert_true(tap >= 0);
	ifindex = if_nametoindex("n0");
	assert_int_equal(napi_threaded_set("n0", ifindex, true), -ENODEV);
	assert_int_equal(threaded("n0"), '0');
	assert_int_equal(mount("sys", "/sys", "sysfs", 0, NULL), 0);
	assert_int_equal(napi_threaded_set("n0", ifindex, true), 0);
	assert_int_equal(threaded("n0"), '1');
}

static void test_no_switch(void **state)
{
	(void)state;
	begin();
	/* A kernel before 5.12 has the folder and in it no such file. */
	netns_run("mount -t tmpfs tmpfs /sys && mkdir -p /sys/class/net /sys/devices/t0 && "
		  "ln -s ../../devices/t0 /sys/class/net/t0 && echo %u >/sys/devices/t0/ifindex",
		  if_nametoindex("t0"));
	assert_int_equal(napi_threaded_set("t0", if_nametoindex("t0"), false), -ENOENT);
	/* And what else could be there is not followed, and not believed. */
	netns_run("echo 0 >/sys/threaded && ln -s /sys/threaded /sys/devices/t0/threaded");
	assert_int_equal(napi_threaded_set("t0", if_nametoindex("t0"), true), -ELOOP);
	netns_run("rm /sys/devices/t0/threaded && echo zero >/sys/devices/t0/threaded");
	assert_int_equal(napi_threaded_set("t0", if_nametoindex("t0"), true), -EPROTO);
	netns_run("echo -1 >/sys/devices/t0/ifindex");
	assert_int_equal(napi_threaded_set("t0", if_nametoindex("t0"), true), -EPROTO);
}

static int switch_on(void *data)
{
	(void)data;
	return napi_threaded_set("n0", if_nametoindex("n0"), true);
}

static void test_without_capability(void **state)
{
	(void)state;
	begin();
	auto_close int tap = make_tap("n0", true);
	assert_true(tap >= 0);
	assert_int_equal(netns_as_nobody(switch_on, NULL), -EACCES);
	assert_int_equal(threaded("n0"), '0');
}

/* clang-format off */
#define NEEDS_ROOT(test) { #test " (needs root, for /sys, and /dev/net/tun)", test, NULL, NULL, NULL }
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_switch),          NEEDS_ROOT(test_no_context),
		NEEDS_ROOT(test_which_interface), NEEDS_ROOT(test_other_namespace),
		NEEDS_ROOT(test_no_switch),       NEEDS_ROOT(test_without_capability),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
