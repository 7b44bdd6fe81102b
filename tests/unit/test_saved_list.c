// SPDX-License-Identifier: Apache-2.0
/*
 * test_saved_list.c - a list is written, and read as every peer file is: it is the same then.
 *
 * Lists are in the notation of notation.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/saved_list.h"
#include "notation.h"
#include "peers/border_list.h"
#include "peers/peer_file.h"

#define LIST 5
#define MANY 10000
#define DEADLINE_MS 30000

static char folder[] = "/tmp/nex-list-XXXXXX";
static char path[sizeof(folder) + 16];

/* clang-format off */
static const char *const lists[] = {
	"",
	"a:100.64.0.1",
	"a:100.64.0.1,200::1",
	"a:100.64.0.1,200::1",
	"a!:100.64.0.1,200::1;10.0.0.0/8,fd00::/8,192.0.2.1",
	"a:200::1,200::2,100.64.0.1",
	"a@1:100.64.0.1,200::1 b@18446744073709551614:200::2",
	"a:100.64.0.1 b!:100.64.0.2;0.0.0.0/0,::/0 c:200::3",
};

/* As they may be after printable_copy(). */
static const char *const names[] = {
	"", "web-1", "a\"b", "back\\slash", "\\u0041", "</script>", "'", "a/b", " ", "?[31m",
	"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "null", "{}", ",", "%s%n",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};
/* clang-format on */

static struct border_list heard;

static void hear(int sock)
{
	struct border_record records[BORDER_BATCH_MAX];
	struct pollfd pollfd = { .fd = sock, .events = POLLIN };
	bool whole = false;
	ssize_t n;

	for (;;) {
		assert_int_equal(poll(&pollfd, 1, DEADLINE_MS), 1);
		n = border_receive(sock, records, NULL);
		if (!n)
			break;
		for (ssize_t i = 0; i < n; i++) {
			int ret;

			/* Not one warning: nothing in it needs an excuse. */
			if (records[i].kind == BORDER_WARNING ||
			    records[i].kind == BORDER_LIST_ERROR)
				fail_msg("%.*s", BORDER_TEXT_MAX, records[i].text);
			ret = border_list_add(&heard, &records[i], LIST);
			assert_in_range(ret, 0, 1);
			whole = ret;
		}
	}
	assert_true(whole);
}

/* Through the source's parser, in a process of its own: the socket is small. */
static void read_back(void)
{
	int sock[2], fd = open(path, O_RDONLY | O_CLOEXEC), status;
	pid_t child;

	assert_true(fd >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	child = fork();
	if (child == 0) {
		close(sock[0]);
		_exit(peer_file_send(fd, sock[1], LIST) ? 1 : 0);
	}
	close(sock[1]);
	hear(sock[0]);
	close(sock[0]);
	close(fd);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void check_same(const struct device_list *list)
{
	const struct device_list *back = &heard.devices;

	assert_int_equal(back->n_devices, list->n_devices);
	assert_int_equal(back->n_prefixes, list->n_prefixes);
	for (size_t i = 0; i < list->n_devices; i++) {
		const struct device *is = &back->devices[i], *was = &list->devices[i];

		if (memcmp(is, was, sizeof(*is)) != 0)
			fail_msg("device %zu '%s': '%s', %u prefixes, %u addresses", i, was->name,
				 is->name, is->n_prefixes, is->n_addresses);
	}
	for (size_t i = 0; i < list->n_prefixes; i++)
		assert_true(prefix_compare(&back->prefixes[i], &list->prefixes[i]) == 0);
}

static void check_round_trip(const struct device_list *list)
{
	struct stat st;

	assert_int_equal(saved_list_write(path, list, 0), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	read_back();
	check_same(list);
	border_list_done(&heard);
}

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(lists); i++) {
		struct device_list list = notation_list(lists[i]);

		check_round_trip(&list);
		device_list_done(&list);
	}
}

static void test_names(void **state)
{
	struct device_list list = {};

	(void)state;
	for (size_t i = 0; i < N(names); i++) {
		struct device device = {};
		struct prefix address = notation_prefix("100.64.0.0");

		address.addr[3] = i;
		memset(device.public_key, 'a' + (int)i, sizeof(device.public_key));
		snprintf(device.name, sizeof(device.name), "%s", names[i]);
		assert_int_equal(device_list_add(&list, &device), 0);
		assert_int_equal(device_list_add_prefix(&list, &address), 0);
		list.devices[i].n_addresses = 1;
	}
	check_round_trip(&list);
	device_list_done(&list);
}

static struct device_list many_devices(void)
{
	struct device_list list = {};
	struct prefix four = notation_prefix("100.64.0.0"), six = notation_prefix("200::");

	for (uint32_t i = 1; i <= MANY; i++) {
		struct device device = { .n_addresses = 2 };

		memset(device.public_key, 'a', sizeof(device.public_key));
		memcpy(device.public_key, &i, sizeof(i));
		snprintf(device.name, sizeof(device.name), "device-%u", i);
		four.addr[2] = six.addr[14] = i >> 8;
		four.addr[3] = six.addr[15] = i;
		assert_int_equal(device_list_add(&list, &device), 0);
		assert_int_equal(device_list_add_prefix(&list, &four), 0);
		assert_int_equal(device_list_add_prefix(&list, &six), 0);
	}
	return list;
}

static void test_many(void **state)
{
	struct device_list list = many_devices();

	(void)state;
	check_round_trip(&list);
	device_list_done(&list);
}

/* Nobody may lead it to write anywhere else, and a list that cannot be written is no list. */
static void test_other_places(void **state)
{
	struct device_list list = notation_list("a:10.0.0.1");
	char fresh[sizeof(path) + 8];

	(void)state;
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(symlink("/dev/full", fresh), 0);
	check_round_trip(&list);
	assert_int_equal(access(fresh, F_OK), -1);
	assert_int_equal(saved_list_write("/nowhere/devices.json", &list, 0), -ENOENT);
	device_list_done(&list);
}

/* A disk that takes no more: the old list stays as it was. */
static void test_full_disk(void **state)
{
	struct device_list old = notation_list("a:10.0.0.1"), list;
	char fresh[sizeof(path) + 8];

	(void)state;
	if (geteuid() || unshare(CLONE_NEWNS) || mount("", "/", "", MS_REC | MS_PRIVATE, NULL)) {
		device_list_done(&old);
		skip();
	}
	list = many_devices();
	assert_int_equal(mount("small", folder, "tmpfs", 0, "size=256k"), 0);
	assert_int_equal(saved_list_write(path, &old, 0), 0);
	assert_int_equal(saved_list_write(path, &list, 0), -ENOSPC);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	assert_int_equal(access(fresh, F_OK), -1);
	read_back();
	check_same(&old);
	border_list_done(&heard);
	assert_int_equal(umount(folder), 0);
	device_list_done(&old);
	device_list_done(&list);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/devices.json", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path) || rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_other_places),
		{ "test_full_disk (needs root)", test_full_disk, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
