/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured.h - what the code under test writes to stdout or stderr, as text.
 */
#ifndef TESTS_CAPTURED_H
#define TESTS_CAPTURED_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define CAPTURED_MAX 16384

struct captured {
	int to;   /* STDOUT_FILENO or STDERR_FILENO */
	int kept; /* what it was before */
	char text[CAPTURED_MAX];
};

/* From here on, until captured_end(), @to is a file of ours. */
static inline void captured_begin(struct captured *captured, int to)
{
	int fd = memfd_create("captured", MFD_CLOEXEC);

	fflush(NULL);
	captured->to = to;
	captured->kept = dup(to);
	assert_true(fd >= 0 && captured->kept >= 0);
	assert_int_equal(dup2(fd, to), to);
	close(fd);
}

/* Return: what was written. */
static inline const char *captured_end(struct captured *captured)
{
	ssize_t len;

	fflush(NULL);
	len = pread(captured->to, captured->text, sizeof(captured->text) - 1, 0);
	assert_int_equal(dup2(captured->kept, captured->to), captured->to);
	close(captured->kept);
	assert_in_range(len, 0, sizeof(captured->text) - 2);
	captured->text[len] = '\0';
	return captured->text;
}

#endif
