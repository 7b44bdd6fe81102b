// SPDX-License-Identifier: Apache-2.0
/*
 * test_control_files.c - what goes from the node to the source in descriptors, and what comes back
 * in pieces.
 *
 * Pieces are written "0+220/300": offset, bytes and total.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/control_files.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define PIECE 220

_Static_assert(PIECE == BORDER_STATE_PIECE && BORDER_STATE_BYTES_MAX == 16384,
	       "as the rows have it");

/* clang-format off */
static const struct {
	const char *pieces; /* each before the last is taken with 0 */
	int ret;
} rows[] = {
	{ "0+1/1", 1 },
	{ "0+220/220", 1 },
	{ "0+220/221 220+1/221", 1 },
	{ "0+100/221 100+121/221", 1 },
	{ "0+220/300", 0 },
	{ "0+220/300 0+220/300 220+80/300", 1 }, /* begun again */
	{ "0+220/300 0+1/1", 1 },
	{ "0+0/0", -EPROTO },
	{ "0+0/1", -EPROTO },
	{ "0+1/0", -EPROTO },
	{ "0+221/300", -EPROTO },
	{ "0+2/1", -EPROTO },
	{ "0+220/16385", -EPROTO },
	{ "0+220/4294967295", -EPROTO },
	{ "0+4294967295/4294967295", -EPROTO },
	{ "0+4294967295/16384", -EPROTO },
	{ "1+1/2", -EPROTO },
	{ "220+80/300", -EPROTO },
	{ "0+220/500 221+220/500", -EPROTO },
	{ "0+220/500 219+220/500", -EPROTO },
	{ "0+220/500 440+60/500", -EPROTO },
	{ "0+220/500 220+220/501", -EPROTO },
	{ "0+220/500 220+220/440", -EPROTO },
	{ "0+220/300 220+81/300", -EPROTO },
	{ "0+220/300 220+0/300", -EPROTO },
	{ "0+220/300 4294967295+80/300", -EPROTO },
	{ "0+1/1 1+1/1", -EPROTO },
	{ "0+1/1 1+0/1", -EPROTO },
};
/* clang-format on */

/* Byte number @at of every state. */
static uint8_t byte_of(uint32_t at)
{
	return at * 7 + at / 251;
}

static int add(struct control_state *state, uint32_t offset, uint32_t n, uint32_t total)
{
	struct border_record record = { .kind = BORDER_STATE };

	record.state.offset = offset;
	record.state.n = n;
	record.state.total = total;
	for (uint32_t i = 0; i < BORDER_STATE_PIECE; i++)
		record.state.bytes[i] = byte_of(offset + i);
	return control_state_add(state, &record);
}

static int add_text(struct control_state *state, const char *piece)
{
	char *rest;
	uint32_t offset = strtoul(piece, &rest, 10), n = strtoul(rest + 1, &rest, 10);

	return add(state, offset, n, strtoul(rest + 1, NULL, 10));
}

static void check_bytes(const struct control_state *state)
{
	assert_int_equal(state->len, state->total);
	for (uint32_t i = 0; i < state->len; i++)
		assert_int_equal(state->bytes[i], byte_of(i));
}

static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		/* On the heap: the sanitizer sees a byte behind it. */
		struct control_state *got = calloc(1, sizeof(*got));
		char copy[100], *rest = copy;
		int ret = 0;

		assert_non_null(got);
		snprintf(copy, sizeof(copy), "%s", rows[i].pieces);
		for (char *piece; (piece = strsep(&rest, " "));) {
			assert_true(ret >= 0);
			ret = add_text(got, piece);
		}
		if (ret != rows[i].ret)
			fail_msg("%s: %d", rows[i].pieces, ret);
		if (ret == 1)
			check_bytes(got);
		free(got);
	}
}

static void test_largest(void **state)
{
	static struct control_state got;
	uint32_t at = 0;
	int ret;

	(void)state;
	do {
		uint32_t n = BORDER_STATE_BYTES_MAX - at;

		if (n > BORDER_STATE_PIECE)
			n = BORDER_STATE_PIECE;
		ret = add(&got, at, n, BORDER_STATE_BYTES_MAX);
		at += n;
	} while (!ret);
	assert_int_equal(ret, 1);
	assert_int_equal(at, BORDER_STATE_BYTES_MAX);
	check_bytes(&got);
}

/* Whole, and never to be changed: whoever has it next can rely on what was checked. */
static void test_account(void **state)
{
	static struct account account = { .api = "https://a", .listen_port = 1 }, back;
	int fd = control_sealed_fd("account", &account, sizeof(account));
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GET_SEALS), seals);
	assert_int_equal(pread(fd, &back, sizeof(back), 0), sizeof(back));
	assert_memory_equal(&back, &account, sizeof(back));
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_ptr_equal(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(lseek(fd, 0, SEEK_END), sizeof(account));
	close(fd);
}

static void test_no_descriptor(void **state)
{
	static const struct account account;
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(control_sealed_fd("account", &account, sizeof(account)), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
