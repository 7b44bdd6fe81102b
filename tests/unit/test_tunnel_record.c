// SPDX-License-Identifier: Apache-2.0
/* test_tunnel_record.c - only what we wrote ourselves may be read back and removed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tunnel/tunnel_record.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define TEXT_MAX 16384

/* clang-format off */
static const struct {
	const char *name, *text;
	bool good;
	bool made;
	uint32_t ifindex;
	size_t n;
} cases[] = {
	{ "nothing",                  "",                                      true,  false, 0, 0 },
	{ "about to make it",         "interface 0\n",                         true,  true,  0, 0 },
	{ "made",                     "interface 7\n",                         true,  true,  7, 0 },
	{ "largest number",           "interface 2147483647\n",                true,  true,  2147483647, 0 },
	{ "with addresses", "interface 7\naddress 100.64.0.1/32\naddress 200::1/64\n", true, true, 7, 2 },
	{ "addresses on another's interface", "address 200::1/64\naddress 100.64.0.1/32\n", true, false, 0, 2 },
	{ "IPv4 with host bits",      "address 100.64.0.1/10\n",               true,  false, 0, 1 },
	{ "IPv6 with host bits",      "address 200::1/64\n",                   true,  false, 0, 1 },
	{ "IPv4 length zero",         "address 100.64.0.1/0\n",                true,  false, 0, 1 },
	{ "IPv6 length zero",         "address 200::1/0\n",                    true,  false, 0, 1 },
	{ "IPv6 host",                "address 200::1/128\n",                  true,  false, 0, 1 },
	{ "longest address", "address 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff/128\n", true, false, 0, 1 },
	{ "one address, two lengths", "address 200::1/64\naddress 200::1/128\n", true, false, 0, 2 },

	{ "taken over",               "interface 7\ntaken-over\n",             true,  true,  7, 0 },
	{ "taken over, with addresses", "interface 7\ntaken-over\naddress 200::1/64\n", true, true, 7, 1 },
	{ "taken over, of nothing",   "taken-over\n",                          false, 0, 0, 0 },
	{ "taken over first",         "taken-over\ninterface 7\n",             false, 0, 0, 0 },
	{ "taken over twice",         "interface 7\ntaken-over\ntaken-over\n", false, 0, 0, 0 },
	{ "taken over last",          "interface 7\naddress 200::1/64\ntaken-over\n", false, 0, 0, 0 },
	{ "taken over and more",      "interface 7\ntaken-over 1\n",           false, 0, 0, 0 },

	{ "no end of line",           "interface 7",                           false, 0, 0, 0 },
	{ "no end of the last line",  "interface 7\naddress 200::1/64",        false, 0, 0, 0 },
	{ "empty line",               "interface 7\n\n",                       false, 0, 0, 0 },
	{ "only a newline",           "\n",                                    false, 0, 0, 0 },
	{ "carriage return",          "interface 7\r\n",                       false, 0, 0, 0 },
	{ "unknown line",             "route 200::/64\n",                      false, 0, 0, 0 },
	{ "capital",                  "Interface 7\n",                         false, 0, 0, 0 },
	{ "interface twice",          "interface 7\ninterface 7\n",            false, 0, 0, 0 },
	{ "two interfaces",           "interface 7\ninterface 8\n",            false, 0, 0, 0 },
	{ "interface last",           "address 200::1/64\ninterface 7\n",      false, 0, 0, 0 },
	{ "interface has no number",  "interface \n",                          false, 0, 0, 0 },
	{ "interface has a name",     "interface wg0\n",                       false, 0, 0, 0 },
	{ "number is negative",       "interface -1\n",                        false, 0, 0, 0 },
	{ "number with a plus",       "interface +7\n",                        false, 0, 0, 0 },
	{ "number with a zero",       "interface 07\n",                        false, 0, 0, 0 },
	{ "number with a tail",       "interface 7x\n",                        false, 0, 0, 0 },
	{ "two numbers",              "interface 7 8\n",                       false, 0, 0, 0 },
	{ "two blanks",               "interface  7\n",                        false, 0, 0, 0 },
	{ "number too large",         "interface 2147483648\n",                false, 0, 0, 0 },
	{ "number wraps around",      "interface 4294967303\n",                false, 0, 0, 0 },
	{ "number far too large",     "interface 18446744073709551623\n",      false, 0, 0, 0 },
	{ "no address",               "address \n",                            false, 0, 0, 0 },
	{ "IPv4 without length",      "address 100.64.0.1\n",                  false, 0, 0, 0 },
	{ "IPv6 without length",      "address 200::1\n",                      false, 0, 0, 0 },
	{ "IPv4 too long",            "address 100.64.0.1/33\n",               false, 0, 0, 0 },
	{ "IPv6 too long",            "address 200::1/129\n",                  false, 0, 0, 0 },
	{ "length is missing",        "address 200::1/\n",                     false, 0, 0, 0 },
	{ "length is negative",       "address 200::1/-1\n",                   false, 0, 0, 0 },
	{ "length with a zero",       "address 200::1/064\n",                  false, 0, 0, 0 },
	{ "length with a tail",       "address 200::1/64 x\n",                 false, 0, 0, 0 },
	{ "two lengths",              "address 200::1/64/64\n",                false, 0, 0, 0 },
	{ "IPv6 spelled otherwise",   "address 0200::1/64\n",                  false, 0, 0, 0 },
	{ "IPv6 in capitals",         "address 200::A/64\n",                   false, 0, 0, 0 },
	{ "IPv4 cut short",           "address 100.64.1/32\n",                 false, 0, 0, 0 },
	{ "no address at all",        "address wg0/64\n",                      false, 0, 0, 0 },
	{ "same address twice, IPv4", "address 100.64.0.1/32\naddress 100.64.0.1/32\n", false, 0, 0, 0 },
	{ "same address twice, IPv6", "address 200::1/64\naddress 200::1/64\n", false, 0, 0, 0 },
	{ "very long line", "address 200::1/64                                                                           \n",
	  false, 0, 0, 0 },
};
/* clang-format on */

static char dir[64];
static char file[80];

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/nex-relay-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/tunnel", dir);
	return 0;
}

/* No temporary file may be left. */
static int tear_down(void **state)
{
	(void)state;
	(void)unlink(file);
	return rmdir(dir);
}

static void put(const char *bytes, size_t n)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static size_t get(char text[static TEXT_MAX])
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, TEXT_MAX - 1);

	close(fd);
	text[n] = '\0';
	return n;
}

static void check_refused(const char *name)
{
	struct tunnel_record record, before;
	int err;

	memset(&record, 0xa5, sizeof(record));
	before = record;
	err = tunnel_record_load(file, &record);
	if (err != -EBADMSG)
		fail_msg("%s: %d", name, err);
	assert_memory_equal(&record, &before, sizeof(record));
}

/* What is read is written again as it was. */
static void test_table(void **state)
{
	char text[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct tunnel_record record;
		int err;

		put(cases[i].text, strlen(cases[i].text));
		if (!cases[i].good) {
			check_refused(cases[i].name);
			continue;
		}
		err = tunnel_record_load(file, &record);
		if (err || record.made != cases[i].made || record.ifindex != cases[i].ifindex ||
		    record.n_addresses != cases[i].n)
			fail_msg("%s: %d", cases[i].name, err);
		assert_int_equal(unlink(file), 0);
		assert_int_equal(tunnel_record_save(file, &record), 0);
		get(text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_nul_bytes(void **state)
{
	static const char behind[] = "interface 7\n\0", inside[] = "interface 7\0\n";
	static const char in_front[] = "\0interface 7\n";

	(void)state;
	put(behind, sizeof(behind) - 1);
	check_refused("behind");
	put(inside, sizeof(inside) - 1);
	check_refused("inside");
	put(in_front, sizeof(in_front) - 1);
	check_refused("in front");
}

/* @i-th address of either family. */
static struct prefix address(int i)
{
	struct prefix prefix = { PREFIX_IPV4, 10, { 100, 64, i >> 8, i } };

	if (i % 2)
		prefix = (struct prefix){ PREFIX_IPV6, 64, { 2, [14] = i >> 8, [15] = i } };
	return prefix;
}

/* As many addresses as there may be; one more is neither written nor read. */
static void test_full(void **state)
{
	struct tunnel_record record = { .made = true, .taken_over = true, .ifindex = INT_MAX },
			     again;
	char text[TEXT_MAX];
	struct stat st;
	size_t len;

	(void)state;
	for (int i = 0; i < TUNNEL_RECORD_ADDRESSES_MAX; i++)
		record.addresses[record.n_addresses++] = address(i);
	assert_int_equal(tunnel_record_save(file, &record), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(tunnel_record_load(file, &again), 0);
	assert_true(again.made);
	assert_true(again.taken_over);
	assert_int_equal(again.ifindex, INT_MAX);
	assert_int_equal(again.n_addresses, record.n_addresses);
	for (int i = 0; i < TUNNEL_RECORD_ADDRESSES_MAX; i++) {
		struct prefix want = address(i), other = address(i + 1000);

		assert_int_equal(prefix_compare(&again.addresses[i], &want), 0);
		assert_true(tunnel_record_has(&again, &want));
		assert_false(tunnel_record_has(&again, &other));
		want.bits--;
		assert_false(tunnel_record_has(&again, &want));
	}
	len = get(text);
	strcpy(text + len, "address 10.0.0.1/32\n");
	put(text, strlen(text));
	check_refused("one more");
	memset(text, '\n', sizeof(text));
	put(text, sizeof(text));
	check_refused("large");
	record.n_addresses++;
	assert_int_equal(tunnel_record_save(file, &record), -EINVAL);
}

/* What could not be read back is not written, and the record that is there stays. */
static void test_unsound(void **state)
{
	/* clang-format off */
	static const struct { const char *name; struct tunnel_record record; } rows[] = {
		{ "number without an interface", { .ifindex = 7 } },
		{ "nothing taken over", { .taken_over = true } },
		{ "number too large", { .made = true, .ifindex = 1U << 31 } },
		{ "no family",        { .addresses = { { 0, 0, { 0 } } }, .n_addresses = 1 } },
		{ "IPv4 too long",    { .addresses = { { 4, 33, { 10 } } }, .n_addresses = 1 } },
		{ "IPv6 too long",    { .addresses = { { 6, 129, { 2 } } }, .n_addresses = 1 } },
		{ "IPv4 twice",       { .addresses = { { 4, 8, { 10, 1 } }, { 4, 8, { 10, 1 } } }, .n_addresses = 2 } },
		{ "IPv6 twice",       { .addresses = { { 6, 8, { 2, 1 } }, { 6, 8, { 2, 1 } } }, .n_addresses = 2 } },
	};
	/* clang-format on */
	struct tunnel_record record = { .made = true, .ifindex = 7 };

	(void)state;
	assert_int_equal(tunnel_record_save(file, &record), 0);
	for (size_t i = 0; i < N(rows); i++)
		if (tunnel_record_save(file, &rows[i].record) != -EINVAL)
			fail_msg("%s", rows[i].name);
	assert_int_equal(tunnel_record_load(file, &record), 0);
	assert_int_equal(record.ifindex, 7);
}

static void test_no_files(void **state)
{
	char elsewhere[96];
	struct tunnel_record record = { .made = true };

	(void)state;
	assert_int_equal(tunnel_record_load(file, &record), -ENOENT);
	assert_int_equal(mkfifo(file, 0600), 0);
	check_refused("FIFO");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	check_refused("folder");
	assert_int_equal(tunnel_record_save(file, &record), -EISDIR);
	assert_int_equal(rmdir(file), 0);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
	assert_int_equal(symlink(elsewhere, file), 0);
	assert_int_equal(tunnel_record_load(file, &record), -ELOOP);
	/* A new one takes the link's place, and nothing is written through it. */
	assert_int_equal(tunnel_record_save(file, &record), 0);
	assert_int_equal(tunnel_record_load(file, &record), 0);
	assert_int_equal(access(elsewhere, F_OK), -1);
	snprintf(elsewhere, sizeof(elsewhere), "%s/no/tunnel", dir);
	assert_int_equal(tunnel_record_save(elsewhere, &record), -ENOENT);
}

/* A run that crashed has left half a file, or somebody a link. */
static void test_left_over(void **state)
{
	struct tunnel_record record = { .made = true, .ifindex = 7 }, again;
	char new[96], elsewhere[96];

	(void)state;
	snprintf(new, sizeof(new), "%s.new", file);
	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", dir);
	put("interface 9\naddress 200::", 25);
	assert_int_equal(rename(file, new), 0);
	assert_int_equal(tunnel_record_load(file, &again), -ENOENT);
	assert_int_equal(tunnel_record_save(file, &record), 0);
	assert_int_equal(tunnel_record_load(file, &again), 0);
	assert_int_equal(again.ifindex, 7);
	assert_int_equal(access(new, F_OK), -1);
	assert_int_equal(symlink(elsewhere, new), 0);
	assert_int_equal(tunnel_record_save(file, &record), 0);
	assert_int_equal(access(elsewhere, F_OK), -1);
}

static void test_full_disk(void **state)
{
	static char filler[1 << 16];
	struct tunnel_record record = { .made = true, .ifindex = 7 };
	char path[96], new[96];
	int fd;

	(void)state;
	if (geteuid() || unshare(CLONE_NEWNS) || mount("", "/", "", MS_REC | MS_PRIVATE, NULL))
		skip();
	assert_int_equal(mount("run", dir, "tmpfs", 0, "size=64k"), 0);
	assert_int_equal(tunnel_record_save(file, &record), 0);
	snprintf(path, sizeof(path), "%s/filler", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, filler, sizeof(filler)) > 0)
		;
	close(fd);
	record.ifindex = 8;
	assert_int_equal(tunnel_record_save(file, &record), -ENOSPC);
	assert_int_equal(tunnel_record_load(file, &record), 0);
	assert_int_equal(record.ifindex, 7);
	snprintf(new, sizeof(new), "%s.new", file);
	assert_int_equal(access(new, F_OK), -1);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nul_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unsound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_left_over, set_up, tear_down),
		{ "test_full_disk (needs root, to mount a small disk)", test_full_disk, set_up, tear_down, NULL },
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
