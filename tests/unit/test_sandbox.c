// SPDX-License-Identifier: Apache-2.0
/* test_sandbox.c - what the helper process gives up before it reads its first byte from outside. */
#include "in_sandbox.h"

/* Who only parses has no use for many. */
static void test_descriptors(void **state)
{
	static const int want[] = { [SANDBOX_FILES] = 32, [SANDBOX_NETWORK] = 64 };

	(void)state;
	for (size_t i = 0; i < N(want); i++) {
		pid_t pid = fork();

		if (!pid)
			leave(enter(i) ? 100 : files_max);
		assert_int_equal(wait_for(pid), want[i] << 8);
	}
}

/* Sockets of all kinds can be made, and as many as are needed. */
static int make_sockets(void)
{
	int n = 0;

	for (int i = 0; i < 40; i++)
		n += syscall(SYS_socket, i % 2 ? AF_INET : AF_INET6,
			     (i / 2 % 2 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
			     0) >= 0;
	return n;
}

static void test_sockets(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (!pid)
		leave(enter(SANDBOX_NETWORK) ? 100 : make_sockets());
	assert_int_equal(wait_for(pid), 40 << 8);
}

/* A source that would write to the node's terminal, or read what is typed there. */
static int be_curious(int terminal)
{
	char byte;

	if (dup2(terminal, STDERR_FILENO) < 0 || dup2(terminal, KEEP_FD) < 0 ||
	    sandbox_drop(KEEP_FD))
		return 100;
	if (write(STDERR_FILENO, "before", 6) != 6 || sandbox_filter(SANDBOX_FILES))
		return 101;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (write(fd, "after", 5) != 5 || read(fd, &byte, 1) != 0)
			return 102;
	for (int fd = KEEP_FD + 1; fd < 64; fd++)
		if (read(fd, &byte, 1) != -1 || errno != EBADF)
			return 103;
	return 0;
}

/* Until it stands the sandbox may say what is wrong with it; then nothing leads out any more. */
static void test_terminal(void **state)
{
	char said[64];
	int pair[2];
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[0], "password", 8), 8);
	pid = fork();
	if (!pid)
		leave(be_curious(pair[1]));
	assert_int_equal(wait_for(pid), 0);
	assert_int_equal(recv(pair[0], said, sizeof(said), MSG_DONTWAIT), 6);
	assert_memory_equal(said, "before", 6);
	assert_int_equal(recv(pair[0], said, sizeof(said), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(recv(pair[1], said, sizeof(said), MSG_DONTWAIT), 8); /* unread */
	close(pair[1]);
	close(pair[0]);
}

static bool is_null(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static bool has_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return true;
	for (size_t i = 0; i < N(data); i++)
		if (data[i].effective || data[i].permitted || data[i].inheritable)
			return true;
	return false;
}

/* Return: number of the first thing that was not given up; 0 for none. */
static int check_drop(bool was_root)
{
	struct rlimit core, files;

	if (dup2(STDERR_FILENO, KEEP_FD) < 0 || dup2(STDERR_FILENO, 50) < 0 ||
	    sandbox_drop(KEEP_FD))
		return 1;
	if (!is_null(STDIN_FILENO) || !is_null(STDOUT_FILENO))
		return 2;
	for (int fd = KEEP_FD + 1; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return 3;
	if (was_root && (getuid() != NOBODY || geteuid() != NOBODY || getgid() != NOBODY ||
			 getegid() != NOBODY || getgroups(0, NULL) != 0))
		return 4;
	if (has_capabilities())
		return 5;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
		return 6;
	if (getrlimit(RLIMIT_CORE, &core) || getrlimit(RLIMIT_NOFILE, &files) || core.rlim_max ||
	    files.rlim_max > 64 || memory_max > 1UL << 30)
		return 7;
	return 0;
}

static void test_drop(void **state)
{
	bool was_root = !geteuid();
	pid_t pid = fork();

	(void)state;
	if (!pid)
		leave(check_drop(was_root));
	assert_int_equal(wait_for(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
