// SPDX-License-Identifier: Apache-2.0
/*
 * test_peer_file.c - a peer file goes in, and what the node hears of it comes out.
 *
 * Files are JSON as in notation_json(); "@a" stands for the public key of device a. What the node
 * hears is put together by its own border_list_add().
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/border_list.h"
#include "peers/peer_file.h"

#define LIST 5
#define MANY 10000
#define DEADLINE_MS 20000
#define GOOD "{'public_key':'@a','allowed_ips':['10.0.0.1']}"

/* What the node heard. */
struct heard {
	struct border_list list;
	bool whole;
	size_t n_warnings, n_errors;
	char warnings[8192]; /* one a line */
	char error[BORDER_TEXT_MAX];
};

/* clang-format off */
static const struct {
	const char *name, *file;
	const char *list;     /* NULL: an error instead of an end */
	const char *error;    /* start of it */
	const char *warnings;
} cases[] = {
	{ "empty array", "[]", "", "", "" },
	{ "two devices",
	  "[{'public_key':'@a','hostname':'x','symmetric_nat':true,'allowed_ips':['10.0.0.1','200::1']},\n"
	  "{'public_key':'@b','allowed_ips':['10.0.0.2'],'advertise_cidrs':['fd00::/8']}]",
	  "a!:10.0.0.1/32,200::1/128 b:10.0.0.2/32;fd00::/8", "", "" },
	{ "tunnel addresses and the VPC's IPv6 prefix",
	  "[{'public_key':'@a','ipv4_tunnel_ips':[{'address':'10.0.0.1','cidr':'10.0.0.0/8'}],"
	  "'ipv6_tunnel_ips':[{'address':'200::1','cidr':'200::/48'}],'advertise_cidrs':['200::1','fd00::/8']},"
	  "{'public_key':'@b','allowed_ips':['10.0.0.2'],'ipv6_tunnel_ips':[{'address':'200::2','cidr':'200::2/128'}]},"
	  "{'public_key':'@c','allowed_ips':['10.0.0.3'],'advertise_cidrs':['10.0.0.4']}]",
	  "a:10.0.0.1/32,200::1/128;fd00::/8 b:10.0.0.2/32,200::2/128 c:10.0.0.3/32;10.0.0.4/32", "", "" },
	{ "more prefixes than fit into one record",
	  "[{'public_key':'@a','allowed_ips':['10.0.0.1','10.0.0.2','10.0.0.3','10.0.0.4','10.0.0.5','10.0.0.6',"
	  "'200::1','200::2','200::3','200::4','200::5','200::6','200::7']}]",
	  "a:10.0.0.1/32,10.0.0.2/32,10.0.0.3/32,10.0.0.4/32,10.0.0.5/32,10.0.0.6/32,"
	  "200::1/128,200::2/128,200::3/128,200::4/128,200::5/128,200::6/128,200::7/128", "", "" },
	{ "more addresses than fit into one record, then CIDRs",
	  "[{'public_key':'@a','allowed_ips':['10.0.0.1','10.0.0.2','10.0.0.3','10.0.0.4','10.0.0.5','10.0.0.6',"
	  "'200::1','200::2','200::3','200::4','200::5','200::6','200::7'],'advertise_cidrs':['10.0.0.0/8']}]",
	  "a:10.0.0.1/32,10.0.0.2/32,10.0.0.3/32,10.0.0.4/32,10.0.0.5/32,10.0.0.6/32,"
	  "200::1/128,200::2/128,200::3/128,200::4/128,200::5/128,200::6/128,200::7/128;10.0.0.0/8", "", "" },
	{ "bad device is left out by name",
	  "[\n{'hostname':'x','allowed_ips':['10.0.0.1']},\n" GOOD "]", "a:10.0.0.1/32", "",
	  "line 2: device 'x': it has no public key, skipping it\n" },
	{ "bad device without a name",
	  "[" GOOD ",\n\n{}]", "a:10.0.0.1/32", "", "line 3: device '?': it has no public key, skipping it\n" },
	{ "bad CIDR is left out",
	  "[\n{'public_key':'@a','hostname':'x','allowed_ips':['10.0.0.1'],'advertise_cidrs':['200::/8','10.0.0.1/33','fd00::/8']}]",
	  "a:10.0.0.1/32;200::/8,fd00::/8", "",
	  "line 2: device 'x': advertised CIDR '10.0.0.1/33' has a prefix length that is too large, skipping it\n" },
	{ "CIDRs with host bits are masked",
	  "[{'public_key':'@a','allowed_ips':['10.0.0.1'],'advertise_cidrs':['192.168.50.1/24','fd00:50::1/64']}]",
	  "a:10.0.0.1/32;192.168.50.0/24,fd00:50::/64", "", "" },
	{ "bad CIDR of a device without a name",
	  "[{'public_key':'@a','allowed_ips':['10.0.0.1'],'advertise_cidrs':['x']}]", "a:10.0.0.1/32", "",
	  "line 1: device 'YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=': advertised CIDR 'x' is no IP address or CIDR, skipping it\n" },

	{ "nothing",          "",                          NULL, "line 1, column 1: empty", "" },
	{ "no array",         "\n\n  {}",                  NULL, "line 3, column 3: not a JSON array", "" },
	{ "cut off",          "[" GOOD ",\n" GOOD,         NULL, "line 2, column ", "" },
	{ "no JSON",          "[" GOOD ",\n{'a':}]",       NULL, "line 2, column 6: ", "" },
	{ "member twice",     "[" GOOD ",\n{'a':1,'a':2}]", NULL, "line 2, column 14: the device that ends here", "" },
	{ "rubbish behind",   "[" GOOD "]\n,",             NULL, "line 2, column 1: something follows", "" },
	{ "warning, then error", "[{},\n1]",               NULL, "line 2, column 1: a device must be a JSON object",
	  "line 1: device '?': it has no public key, skipping it\n" },
};
/* clang-format on */

static void hear_record(struct heard *heard, const struct border_record *record)
{
	size_t len = strlen(heard->warnings);
	int ret;

	assert_int_equal(record->list, LIST);
	assert_false(heard->whole || heard->n_errors); /* nothing comes after the end */
	if (record->kind == BORDER_WARNING) {
		heard->n_warnings++;
		snprintf(heard->warnings + len, sizeof(heard->warnings) - len, "%.*s\n",
			 BORDER_TEXT_MAX, record->text);
	} else if (record->kind == BORDER_LIST_ERROR) {
		heard->n_errors++;
		memcpy(heard->error, record->text, sizeof(heard->error));
	} else {
		ret = border_list_add(&heard->list, record, LIST);
		assert_in_range(ret, 0, 1);
		heard->whole = ret;
	}
}

/* Until the sender has closed its end. */
static void hear(int sock, struct heard *heard)
{
	struct pollfd pollfd = { .fd = sock, .events = POLLIN };
	struct border_record records[BORDER_BATCH_MAX];
	ssize_t n;

	for (;;) {
		if (poll(&pollfd, 1, DEADLINE_MS) != 1)
			fail_msg("nothing to hear for %d ms", DEADLINE_MS);
		n = border_receive(sock, records, NULL);
		assert_true(n >= 0);
		if (!n)
			return;
		for (ssize_t i = 0; i < n; i++)
			hear_record(heard, &records[i]);
	}
}

static int make_file(void)
{
	int fd = memfd_create("peers", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* JSON, with the keys filled in. */
static void put(int fd, const char *text)
{
	static char json[1 << 16];
	size_t len = 0;

	for (; *text; text++) {
		uint8_t key[WG_KEY_BYTES];

		assert_true(len + WG_KEY_TEXT < sizeof(json));
		if (*text != '@') {
			json[len++] = *text == '\'' ? '"' : *text;
			continue;
		}
		memset(key, *++text, sizeof(key));
		wg_key_format(key, json + len);
		len += WG_KEY_TEXT - 1;
	}
	assert_int_equal(write(fd, json, len), len);
}

/* Small enough for the socket's buffer: everything in one process, leaks included. */
static int send_and_hear(int fd, struct heard *heard)
{
	int sock[2], err;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	assert_int_equal(fcntl(sock[1], F_SETFL, O_NONBLOCK), 0);
	err = peer_file_send(fd, sock[1], LIST);
	close(sock[1]);
	hear(sock[0], heard);
	close(sock[0]);
	return err;
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct heard heard = {};
		char text[NOTATION_TEXT_MAX];
		int fd = make_file(), err;

		put(fd, cases[i].file);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		err = send_and_hear(fd, &heard);
		if (err || heard.whole != !!cases[i].list || heard.n_errors != !cases[i].list)
			fail_msg("%s: %d, %s", cases[i].name, err, heard.error);
		if (heard.whole &&
		    strcmp(notation_show(&heard.list.devices, text), cases[i].list) != 0)
			fail_msg("%s: %s", cases[i].name, text);
		if (strncmp(heard.error, cases[i].error, strlen(cases[i].error)) != 0)
			fail_msg("%s: %s", cases[i].name, heard.error);
		if (strcmp(heard.warnings, cases[i].warnings) != 0)
			fail_msg("%s: %s", cases[i].name, heard.warnings);
		assert_true(fcntl(fd, F_GETFD) >= 0); /* it stays open */
		border_list_done(&heard.list);
		close(fd);
	}
}

/* A broken generator does not flood the journal; every device that is left out is counted. */
static void test_many_warnings(void **state)
{
	static const struct {
		int bad, warnings;
		const char *last;
	} counts[] = {
		{ 20, 20, "line 21: device 'x': it has no public key, skipping it\n" },
		{ 21, 21, "1 more devices or CIDRs skipped\n" },
		{ 25, 21, "5 more devices or CIDRs skipped\n" },
		{ 300, 21, "280 more devices or CIDRs skipped\n" },
	};

	(void)state;
	for (size_t i = 0; i < N(counts); i++) {
		struct heard heard = {};
		int fd = make_file();
		const char *last;

		put(fd, "[" GOOD);
		for (int n = 0; n < counts[i].bad; n++)
			put(fd, ",\n{'hostname':'x'}");
		put(fd, "]");
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(send_and_hear(fd, &heard), 0);
		assert_true(heard.whole);
		assert_int_equal(heard.n_warnings, counts[i].warnings);
		assert_int_equal(heard.list.devices.n_skipped, counts[i].bad);
		assert_int_equal(heard.list.devices.n_devices, 1);
		last = heard.warnings + strlen(heard.warnings) - strlen(counts[i].last);
		assert_string_equal(last, counts[i].last);
		border_list_done(&heard.list);
		close(fd);
	}
}

/* Through a process of its own, as it runs: for more than the socket holds at once. */
static void send_from_elsewhere(int fd, struct heard *heard)
{
	int sock[2], status;
	pid_t pid;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(peer_file_send(fd, sock[1], LIST) ? 1 : 0);
	close(sock[1]);
	hear(sock[0], heard);
	close(sock[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_many_devices(void **state)
{
	struct heard heard = {};
	int fd = make_file();
	char text[256];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		uint8_t key[WG_KEY_BYTES] = { i >> 8, i, 1 };
		char key_text[WG_KEY_TEXT];
		int len = snprintf(
			text, sizeof(text),
			"%s{\"public_key\":\"%s\",\"hostname\":\"node-%d\",\"allowed_ips\":"
			"[\"100.64.%d.%d/32\",\"200::%x/128\"],\"symmetric_nat\":%s}",
			i ? ",\n" : "[", wg_key_format(key, key_text), i, i >> 8, i & 255, i + 1,
			i % 3 ? "false" : "true");

		assert_int_equal(write(fd, text, len), len);
	}
	put(fd, "]\n");
	send_from_elsewhere(fd, &heard);
	assert_true(heard.whole);
	assert_int_equal(heard.n_warnings + heard.n_errors, 0);
	assert_int_equal(heard.list.devices.n_devices, MANY);
	for (int i = 0; i < MANY; i++) {
		const struct device *device = &heard.list.devices.devices[i];
		const struct prefix *prefix = &heard.list.devices.prefixes[2 * i];
		char want[32];

		snprintf(text, sizeof(text), "%s %u %u", device->name, device->relay_only,
			 device->public_key[0] << 8 | device->public_key[1]);
		snprintf(want, sizeof(want), "node-%d %d %d", i, i % 3 == 0, i);
		assert_string_equal(text, want);
		assert_int_equal(device->first_prefix, 2 * i);
		assert_int_equal(device->n_prefixes, 2);
		assert_int_equal(prefix[0].addr[2] << 8 | prefix[0].addr[3], i);
		assert_int_equal(prefix[1].addr[14] << 8 | prefix[1].addr[15], i + 1);
	}
	border_list_done(&heard.list);
	close(fd);
}

/* @devices of them, each with @prefixes. */
static int make_large_file(int devices, int prefixes)
{
	int fd = make_file();
	FILE *file = fdopen(dup(fd), "w");

	assert_non_null(file);
	for (int i = 0; i < devices; i++) {
		uint8_t key[WG_KEY_BYTES] = { i >> 16, i >> 8, i, 1 };
		char text[WG_KEY_TEXT];

		fprintf(file, "%s{\"public_key\":\"%s\",\"allowed_ips\":[", i ? "," : "[",
			wg_key_format(key, text));
		for (int p = 0; p < prefixes; p++)
			fprintf(file, "%s\"10.%d.%d.0/24\"", p ? "," : "", p >> 8, p & 255);
		fprintf(file, "]}");
	}
	fprintf(file, "]");
	assert_int_equal(fclose(file), 0);
	return fd;
}

/* As much as a list may hold goes over, and of one more the node hears, but does not get it. */
static void test_list_is_full(void **state)
{
	static const struct {
		int devices, prefixes, heard_devices;
	} sizes[] = {
		{ DEVICES_MAX + 1, 1, DEVICES_MAX },
		{ DEVICE_PREFIXES_MAX / 16384 + 1, 16384, DEVICE_PREFIXES_MAX / 16384 },
	};

	(void)state;
	for (size_t i = 0; i < N(sizes); i++) {
		int fd = make_large_file(sizes[i].devices, sizes[i].prefixes);
		struct heard heard = {};

		send_from_elsewhere(fd, &heard);
		assert_false(heard.whole);
		assert_non_null(strstr(heard.error, ": more than "));
		assert_int_equal(heard.list.devices.n_devices, sizes[i].heard_devices);
		assert_int_equal(heard.list.devices.n_prefixes,
				 sizes[i].heard_devices * sizes[i].prefixes);
		border_list_done(&heard.list);
		close(fd);
	}
}

/* One byte too many is an error; the file as large as it may be is read. */
static void test_size(void **state)
{
	(void)state;
	for (int more = 0; more <= 1; more++) {
		struct heard heard = {};
		int fd = make_file();
		char *map;

		assert_int_equal(ftruncate(fd, PEER_FILE_BYTES_MAX + more), 0);
		map = mmap(NULL, PEER_FILE_BYTES_MAX, PROT_WRITE, MAP_SHARED, fd, 0);
		assert_ptr_not_equal(map, MAP_FAILED);
		memset(map, ' ', PEER_FILE_BYTES_MAX);
		memcpy(map, "[]", 2);
		munmap(map, PEER_FILE_BYTES_MAX);
		assert_int_equal(send_and_hear(fd, &heard), 0);
		assert_int_equal(heard.whole, !more);
		assert_string_equal(heard.error, more ? "larger than 128 MiB" : "");
		border_list_done(&heard.list);
		close(fd);
	}
}

/* The file cannot be read: the node is told. */
static void test_unreadable(void **state)
{
	struct heard heard = {};
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(send_and_hear(fd, &heard), 0);
	assert_false(heard.whole);
	assert_string_equal(heard.error, "line 1: Is a directory");
	border_list_done(&heard.list);
	close(fd);
}

/* The node is gone: at the first message, and in the middle of a list. */
static void test_node_is_gone(void **state)
{
	(void)state;
	for (int devices = 1; devices <= 1000; devices *= 1000) {
		int fd = make_file(), sock[2];

		put(fd, "[" GOOD);
		for (int i = 1; i < devices; i++)
			put(fd, ",{'hostname':'x'}," GOOD);
		put(fd, "]");
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
		close(sock[0]);
		assert_int_equal(peer_file_send(fd, sock[1], LIST), -EPIPE);
		close(sock[1]);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),        cmocka_unit_test(test_many_warnings),
		cmocka_unit_test(test_many_devices), cmocka_unit_test(test_size),
		cmocka_unit_test(test_list_is_full), cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_node_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
