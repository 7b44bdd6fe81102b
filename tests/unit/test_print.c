// SPDX-License-Identifier: Apache-2.0
/* test_print.c - sizes for people, JSON for programs, and a stdout that takes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "captured.h"
#include "cmd/cmd.h"
#include "cmd/print.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define KIB 1024ULL
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define TIB (KIB * GIB)
#define PIB (KIB * TIB)
#define EIB (KIB * PIB)

/* clang-format off */
static const struct {
	uint64_t bytes;
	const char *text;
} sizes[] = {
	{ 0,                "0 B" },
	{ 1,                "1 B" },
	{ 512,              "512 B" },
	{ 1023,             "1023 B" },
	{ KIB,              "1.0 KiB" },
	{ KIB + 51,         "1.0 KiB" },
	{ KIB + 52,         "1.1 KiB" },
	{ 1434,             "1.4 KiB" },
	{ 10 * KIB,         "10.0 KiB" },
	{ 1000 * KIB,       "1000.0 KiB" },
	{ MIB - 103,        "1023.9 KiB" },
	{ MIB - 51,         "1.0 MiB" },
	{ MIB - 1,          "1.0 MiB" },
	{ MIB,              "1.0 MiB" },
	{ 20 * GIB,         "20.0 GiB" },
	{ GIB - 1,          "1.0 GiB" },
	{ TIB - 1,          "1.0 TiB" },
	{ TIB * 3 / 2,      "1.5 TiB" },
	{ PIB - 1,          "1.0 PiB" },
	{ EIB - 1,          "1.0 EiB" },
	{ EIB,              "1.0 EiB" },
	{ UINT64_MAX,       "16.0 EiB" },
};
/* clang-format on */

static void test_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(sizes); i++) {
		char text[PRINT_BYTES_MAX];

		assert_ptr_equal(print_bytes(sizes[i].bytes, text), text);
		if (strcmp(text, sizes[i].text) != 0)
			fail_msg("%llu: %s", (unsigned long long)sizes[i].bytes, text);
	}
}

/* Never "1024.0" of anything, and never more text than there is room for. */
static void test_bytes_at_the_edges(void **state)
{
	char text[PRINT_BYTES_MAX];

	(void)state;
	for (uint64_t unit = KIB; unit; unit = unit < EIB ? unit * KIB : 0) {
		for (uint64_t less = unit / 8192; less; less /= 2) {
			print_bytes(unit - less, text);
			if (strlen(text) > strlen("1023.9 KiB") || !strncmp(text, "1024", 4))
				fail_msg("%llu: %s", (unsigned long long)(unit - less), text);
		}
	}
}

static void test_json(void **state)
{
	struct nex_count count = { .packets = UINT64_MAX, .bytes = 1 };
	struct json_object *object;
	struct captured captured;
	int status;

	(void)state;
	object = print_count_json(&count);
	json_object_object_add(object, "path", json_object_new_string("/a/b"));
	captured_begin(&captured, STDOUT_FILENO);
	status = print_json(object);
	assert_string_equal(captured_end(&captured),
			    "{\n  \"packets\": 18446744073709551615,\n  \"bytes\": 1,\n"
			    "  \"path\": \"/a/b\"\n}\n");
	assert_int_equal(status, EXIT_DONE);
}

/* A full disk is a failure that is said, in text and in JSON. */
static void test_stdout_is_full(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), status;
	struct captured captured, said;

	(void)state;
	assert_true(full >= 0);
	for (int json = 0; json < 2; json++) {
		captured_begin(&said, STDERR_FILENO);
		captured_begin(&captured, STDOUT_FILENO);
		assert_int_equal(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
		if (!json)
			puts("text");
		status = json ? print_json(json_object_new_object()) : print_flush();
		assert_int_equal(dup2(captured.kept, STDOUT_FILENO), STDOUT_FILENO);
		close(captured.kept);
		clearerr(stdout);
		captured_end(&said);
		assert_int_equal(status, EXIT_FAILED);
		assert_string_equal(said.text,
				    "nex-relay: write to stdout: No space left on device\n");
	}
	close(full);
	assert_int_equal(print_flush(), EXIT_DONE);
}

static void test_no_pins(void **state)
{
	static const struct {
		int err;
		const char *part;
	} reasons[] = {
		{ -ENOENT, "wg7: no relay is set up here" },
		{ -EPERM, "as root" },
		{ -EACCES, "as root" },
		{ -EIO, "wg7: read the pinned maps: Input/output error" },
	};

	(void)state;
	for (size_t i = 0; i < N(reasons); i++) {
		struct captured captured;
		const char *line;
		int status;

		captured_begin(&captured, STDERR_FILENO);
		status = print_no_pins("wg7", reasons[i].err);
		line = strchr(captured_end(&captured), '\n');
		assert_int_equal(status, EXIT_FAILED);
		if (!strstr(captured.text, reasons[i].part) || !line || line[1])
			fail_msg("%d: %s", reasons[i].err, captured.text);
	}
}

static void test_colours(void **state)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct captured captured;
	bool plain, coloured, unwanted;

	(void)state;
	if (terminal < 0)
		fail_msg("no terminal to be had");
	unsetenv("NO_COLOR");
	captured_begin(&captured, STDOUT_FILENO);
	plain = print_colours();
	dup2(terminal, STDOUT_FILENO);
	coloured = print_colours();
	setenv("NO_COLOR", "1", 1);
	unwanted = print_colours();
	unsetenv("NO_COLOR");
	assert_int_equal(dup2(captured.kept, STDOUT_FILENO), STDOUT_FILENO);
	close(captured.kept);
	close(terminal);
	assert_false(plain);
	assert_true(coloured);
	assert_false(unwanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),   cmocka_unit_test(test_bytes_at_the_edges),
		cmocka_unit_test(test_json),    cmocka_unit_test(test_stdout_is_full),
		cmocka_unit_test(test_no_pins), cmocka_unit_test(test_colours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
