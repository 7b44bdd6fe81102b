// SPDX-License-Identifier: Apache-2.0
/*
 * test_wg_uapi_edit.c - edits of peers as operations of the text protocol: what is in them, in
 * which order, and how large they are. What wireguard-go does with them: test_wg_edit_live.c.
 *
 * Lines are written without "set=1", with a blank for each end, keys as one letter, and a few
 * letters for each name: "key=a only keep=25 ip=10.0.0.1/32 gone"; "|" between operations. The
 * decoy's key is Z.
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

#include <cmocka.h>

#include "tunnel/wg_uapi_pack.h"
#include "wg_notation.h"

#define OPERATION_BYTES 4096

static const uint8_t decoy[WG_KEY_BYTES] = "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ";

/* clang-format off */
static const struct {
	const char *name, *edits, *lines;
} cases[] = {
	{ "peer alone",              "+a0",                           "key=a keep=0" },
	{ "peer and its AllowedIPs", "+a25 +a:10.0.0.1 +a:200::1",    "key=a keep=25 ip=10.0.0.1/32 ip=200::1/128" },
	{ "largest keepalive",       "+a65535",                       "key=a keep=65535" },
	{ "two peers",               "+a0 +a:10.0.0.1 +b5 +b:200::2", "key=a keep=0 ip=10.0.0.1/32 key=b keep=5 ip=200::2/128" },
	{ "known peer is not made",  "+a:10.0.0.1 +a:200::1",         "key=a only ip=10.0.0.1/32 ip=200::1/128" },
	{ "networks",                "+a:10.0.0.0/8 +a:0.0.0.0/0 +a:::/0 +a:200::/64",
	  "key=a only ip=10.0.0.0/8 ip=0.0.0.0/0 ip=::/0 ip=200::/64" },
	{ "peers go",                "-a -b",                         "key=a only gone key=b only gone" },
	{ "order is kept",           "+b0 -a +a0 +a:10.0.0.1",
	  "key=b keep=0 key=a only gone key=a keep=0 ip=10.0.0.1/32" },
	{ "removed peer is not gone on with", "-a +a:10.0.0.1",       "key=a only gone key=a only ip=10.0.0.1/32" },
	{ "set again",               "+a:10.0.0.1 +a5 +a:200::1",
	  "key=a only ip=10.0.0.1/32 key=a keep=5 ip=200::1/128" },
	{ "peer in between",         "+a:10.0.0.1 +b:200::2 +a:200::1",
	  "key=a only ip=10.0.0.1/32 key=b only ip=200::2/128 key=a only ip=200::1/128" },
	{ "single ones go by a decoy", "-a:10.0.0.1 -a:200::1 -b:200::2",
	  "key=Z ip=10.0.0.1/32 ip=200::1/128 ip=200::2/128 key=Z gone" },
	{ "single ones are apart",   "-a:10.0.0.1 -b -c:200::1 +c:200::2",
	  "key=Z ip=10.0.0.1/32 key=Z gone | key=b only gone | key=Z ip=200::1/128 key=Z gone | "
	  "key=c only ip=200::2/128" },
};

static const struct {
	const char *line, *shown;
} names[] = {
	{ "public_key=", "key=" },
	{ "update_only=true", "only" },
	{ "persistent_keepalive_interval=", "keep=" },
	{ "allowed_ip=", "ip=" },
	{ "remove=true", "gone" },
};
/* clang-format on */

static size_t show_line(const char *line, char *text)
{
	for (size_t i = 0; i < N(names); i++) {
		size_t len = strlen(names[i].line);
		unsigned int byte;

		if (strncmp(line, names[i].line, len) != 0)
			continue;
		if (i)
			return sprintf(text, "%s%s", names[i].shown, line + len);
		assert_int_equal(strlen(line + len), 2 * WG_KEY_BYTES);
		assert_int_equal(sscanf(line + len, "%2x", &byte), 1);
		return sprintf(text, "%s%c", names[i].shown, byte);
	}
	fail_msg("unknown line: %s", line);
	return 0;
}

/* All operations for these edits, none larger than @size. Return: their number. */
static size_t pack_all(const struct wg_edit *edits, size_t n, size_t size, char *text)
{
	/* malloc'd to the byte, so that the sanitizer knows where it ends */
	char *bytes = malloc(size);
	size_t operations = 0, done = 0, at = 0, len;

	text[0] = '\0';
	while (done < n) {
		size_t packed = wg_uapi_pack(edits + done, n - done, decoy, bytes, size, &len);
		char *copy, *rest;

		assert_true(packed > 0 && packed <= n - done);
		assert_true(len <= size);
		assert_memory_equal(bytes, "set=1\n", 6);
		assert_memory_equal(bytes + len - 2, "\n\n", 2);
		done += packed;
		rest = copy = strndup(bytes + 6, len - 8);
		at += sprintf(text + at, "%s", operations++ ? " |" : "");
		for (char *line; (line = strsep(&rest, "\n"));) {
			at += sprintf(text + at, "%s", at ? " " : "");
			at += show_line(line, text + at);
		}
		free(copy);
	}
	free(bytes);
	return operations;
}

static void test_table(void **state)
{
	struct wg_edit edits[WG_NOTATION_EDITS_MAX];
	char text[NOTATION_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		size_t n = wg_notation_edits(cases[i].edits, edits);

		pack_all(edits, n, OPERATION_BYTES, text);
		if (strcmp(text, cases[i].lines) != 0)
			fail_msg("%s: %s", cases[i].name, text);
	}
}

static void test_key(void **state)
{
	char text[WG_UAPI_KEY_TEXT];
	uint8_t key[WG_KEY_BYTES];

	(void)state;
	for (int i = 0; i < WG_KEY_BYTES; i++)
		key[i] = i * 8 + i % 8;
	assert_string_equal(wg_uapi_format_key(key, text),
			    "0009121b242d363f4049525b646d767f8089929ba4adb6bfc0c9d2dbe4edf6ff");
}

/* The whole of an operation is used, and not a byte more. */
static void test_size(void **state)
{
	static const char *const lists[] = {
		"+a25 +a:10.0.0.1 +a:200::1 +b0 +b:10.0.0.2",
		"+a25 +a:10.0.0.1 +b0",
		"-a -b -c",
		"-a:10.0.0.1 -a:200::1 -b:10.0.0.2 -c:10.0.0.3",
	};
	struct wg_edit edits[WG_NOTATION_EDITS_MAX];
	char bytes[OPERATION_BYTES];
	size_t len, less;

	(void)state;
	for (size_t i = 0; i < N(lists); i++) {
		size_t n = wg_notation_edits(lists[i], edits);

		assert_int_equal(wg_uapi_pack(edits, n, decoy, bytes, sizeof(bytes), &len), n);
		assert_int_equal(wg_uapi_pack(edits, n, decoy, bytes, len, &less), n);
		assert_int_equal(less, len);
		assert_int_equal(wg_uapi_pack(edits, n, decoy, bytes, len - 1, &less), n - 1);
		assert_true(less < len);
	}
}

/* 10,000 AllowedIPs of one peer, in both directions: all of them, in order. */
static void test_many(void **state)
{
	static struct wg_edit edits[10000];
	static char text[1 << 20];
	char prefix[PREFIX_TEXT_MAX];

	(void)state;
	for (int removes = 0; removes < 2; removes++) {
		const char *at = text;
		size_t operations;

		for (size_t i = 0; i < N(edits); i++) {
			edits[i] = wg_notation_edit(i % 2 ? "+a:10.0.0.0" : "+a:200::");
			edits[i].kind = removes ? WG_ALLOWED_REMOVE : WG_ALLOWED_ADD;
			edits[i].allowed.addr[i % 2 ? 2 : 14] = i >> 8;
			edits[i].allowed.addr[i % 2 ? 3 : 15] = i & 0xff;
		}
		operations = pack_all(edits, N(edits), 16384, text);
		assert_true(operations <= N(edits) * 26 / 16000 + 1);
		for (size_t i = 0; i < N(edits); i++) {
			at = strstr(at, prefix_format(&edits[i].allowed, prefix));
			if (!at)
				fail_msg("%s is not there, or not in its place", prefix);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
