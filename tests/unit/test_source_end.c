// SPDX-License-Identifier: Apache-2.0
/* test_source_end.c - what the operator is told of a helper process that has ended. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/source_end.h"
#include "peers/border.h"
#include "peers/refused_call.h"
#include "peers/sandbox.h"
#include "peers/source.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define EXIT(status) ((status) << 8)

/* The address sanitizer maps terabytes. In place of the C library's. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return resource == RLIMIT_AS ? 0 : syscall(SYS_setrlimit, resource, limit);
}

static void test_texts(void **state)
{
	/* clang-format off */
	static const struct {
		int status, call;
		const char *text;
	} cases[] = {
		{ SIGSEGV, -1, "was killed by SIGSEGV" },
		{ SIGABRT, -1, "was killed by SIGABRT" },
		{ SIGKILL, -1, "was killed by SIGKILL (by hand, or because the host has no memory left)" },
		{ SIGSYS, -1, "was killed by SIGSYS" },
		{ SIGSYS, SYS_execve, "was killed by SIGSYS: system call execve is refused" },
		{ SIGSYS, SYS_ptrace, "was killed by SIGSYS: system call ptrace is refused" },
		{ SIGSYS, 123456, "was killed by SIGSYS: system call 123456 is refused" },
		{ SIGSYS, INT32_MIN, "was killed by SIGSYS" },
		{ SIGSEGV, SYS_execve, "was killed by SIGSEGV" }, /* it says what it likes */
		{ EXIT(0), -1, "has ended with exit status 0" },
		{ EXIT(1), SYS_execve, "has ended with exit status 1" },
		{ EXIT(SOURCE_EXIT_MEMORY), -1, "has reached its memory limit of 512 MiB" },
		{ EXIT(SOURCE_EXIT_SANDBOX), -1, "could not enter its sandbox (seccomp, rlimits): see the line before" },
	};
	/* clang-format on */
	char text[SOURCE_END_MAX];

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_string_equal(source_end_text(cases[i].status, cases[i].call, text),
				    cases[i].text);
}

/* In the helper process: by then it has its sandbox. */
static void make_the_call(int sock, enum sandbox_profile profile, long call)
{
	if (dup2(sock, BORDER_SOURCE_FD) < 0 || sandbox_drop(BORDER_SOURCE_FD) ||
	    refused_call_tell(BORDER_SOURCE_FD) || sandbox_filter(profile))
		syscall(SYS_exit_group, 100);
	syscall(call, 0, 0, 0, 0, 0);
	syscall(SYS_exit_group, 101);
}

/* The relay hears which call it was, and sees SIGSYS; whatever the profile. */
static void test_refused_call_is_told(void **state)
{
	static const long calls[] = { SYS_execve, SYS_ptrace, SYS_bpf };

	(void)state;
	for (size_t i = 0; i < 2 * N(calls); i++) {
		struct border_record records[BORDER_BATCH_MAX];
		int sock[2], status;
		pid_t pid;

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
		pid = fork();
		if (!pid)
			make_the_call(sock[1], i % 2 ? SANDBOX_NETWORK : SANDBOX_FILES,
				      calls[i / 2]);
		close(sock[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
		assert_int_equal(border_receive(sock[0], records, NULL), 1);
		assert_int_equal(records[0].kind, BORDER_REFUSED);
		assert_int_equal(records[0].call, calls[i / 2]);
		assert_int_equal(border_receive(sock[0], records, NULL), 0);
		close(sock[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_refused_call_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
