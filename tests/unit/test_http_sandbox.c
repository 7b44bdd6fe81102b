// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_sandbox.c - HTTPS with all that belongs to it, in a process that has given up all else.
 *
 * That process is a program of its own (this one, run again), which begins with no library used
 * yet. As in test_sandbox.c the bound on memory is not set: the address sanitizer could not live
 * with it. In a network namespace of the test's own: that needs root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "http_client.h"
#include "peers/sandbox.h"

#define KEEP_FD 3
#define AS_SOURCE "as-source"
#define SAID_MAX 512
#define AUTHORITIES 200 /* about as many as a system has */

/* clang-format off */
/* All of them in one process, one after the other. */
static const struct {
	const char *url; /* %d is the server's port */
	uint16_t *other_port;
	int err;
	long status;
} calls[] = {
	{ "https://v4.test:%d/ok",       NULL, 0, 200 },
	{ "https://v6.test:%d/ok",       NULL, 0, 200 },
	{ "https://both.test:%d/chunked", NULL, 0, 200 },
	{ "https://half.test:%d/ok",     NULL, 0, 200 },
	{ "https://127.0.0.1:%d/ok",     NULL, 0, 200 },
	{ "https://[::1]:%d/ok",         NULL, 0, 200 },
	{ "https://moves.test:%d/ok",    NULL, 0, 200 },
	{ "https://v4.test:%d/429s",    NULL, 0, 429 },
	{ "https://v4.test:%d/short-cut",      NULL, -ECONNRESET, 200 },
	{ "https://v6.test:%d/chunk-reset",    NULL, -ECONNRESET, 200 },
	{ "https://v4.test:%d/garbage",  NULL, -ECONNRESET, 0 },
	{ "https://v4.test:%d/silence",  NULL, -ETIMEDOUT, 0 },
	{ "https://v4.test:%d/long-body", NULL, -EMSGSIZE, 200 },
	{ "https://v4.test:%d/ok",       &silent_port, -ETIMEDOUT, 0 },
	{ "https://v6.test:%d/ok",       &silent_port, -ETIMEDOUT, 0 },
	{ "https://both.test:%d/ok",     &closed_port, -ECONNREFUSED, 0 },
	{ "https://expired.test:%d/ok",  NULL, -EKEYREJECTED, 0 },
	{ "https://wrong.test:%d/ok",    NULL, -EKEYREJECTED, 0 },
	{ "https://none.test:%d/ok",     NULL, -EHOSTUNREACH, 0 },
	{ "https://silent.test:%d/ok",   NULL, -EHOSTUNREACH, 0 },
	{ "https://large.test:%d/ok",    NULL, 0, 200 },
	{ "https://short:%d/ok",         NULL, 0, 200 },
	{ "https://198.51.100.1:%d/ok",  NULL, -EHOSTUNREACH, 0 },
	{ "https://[2001:db8::1]:%d/ok", NULL, -EHOSTUNREACH, 0 },
	{ "https://v4.test.:%d/ok",      NULL, 0, 200 },
};
/* clang-format on */

#ifdef __SANITIZE_ADDRESS__
/* In place of the C library's. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return resource == RLIMIT_AS ? 0 : syscall(SYS_setrlimit, resource, limit);
}
#endif

static int receive_file(void)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(KEEP_FD, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

static void send_file(int sock, int fd)
{
	char byte = 'f', control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	assert_int_equal(sendmsg(sock, &message, 0), 1);
}

static int say(const char *text)
{
	return write(KEEP_FD, text, strlen(text)) > 0 ? 1 : 2;
}

/* Return: 0 when all went as in the table; else what it was has been said. */
static int call_all(struct loop *loop, struct http *http)
{
	char url[128], said[SAID_MAX];

	for (size_t i = 0; i < N(calls); i++) {
		struct http_limits limits = { 20000, 5000, 5000 };
		struct outcome outcome = { .loop = loop };
		struct http_request request = { .method = "GET",
						.url = url,
						.bearer = "DT:x",
						.on_done = on_done,
						.arg = &outcome };
		struct http_call *call;

		if (calls[i].other_port == &silent_port)
			limits.connect_ms = 500;
		http_set_limits(http, &limits);
		snprintf(url, sizeof(url), calls[i].url,
			 calls[i].other_port ? *calls[i].other_port : server.port);
		if (http_start(http, &request, &call))
			return say(url);
		while (!outcome.n_done)
			loop_run(loop);
		snprintf(said, sizeof(said), "%s: err %d status %ld %s", url, outcome.answer.err,
			 outcome.answer.status, outcome.why);
		if (outcome.answer.err != calls[i].err || outcome.answer.status != calls[i].status)
			return say(said);
	}
	return 0;
}

static int be_source(void)
{
	struct loop *loop;
	struct http *http;
	int failed;

	if (sandbox_drop(KEEP_FD))
		return say("cannot drop");
	loop = loop_new();
	http = http_new(loop, NULL, NULL);
	if (!loop || !http || sandbox_filter(SANDBOX_NETWORK))
		return say("cannot start");
	/* Twice: they may change while it runs. */
	for (int i = 0; i < 2; i++)
		if (http_set_ca(http, receive_file()))
			return say("cannot read certificates");
	failed = call_all(loop, http);
	http_free(http);
	loop_free(loop);
	return failed;
}

static _Noreturn void run_source(int sock)
{
	char ports[3][8];

	snprintf(ports[0], sizeof(ports[0]), "%d", server.port);
	snprintf(ports[1], sizeof(ports[1]), "%d", silent_port);
	snprintf(ports[2], sizeof(ports[2]), "%d", closed_port);
	dup2(sock, KEEP_FD);
	execl("/proc/self/exe", AS_SOURCE, ports[0], ports[1], ports[2], NULL);
	_Exit(102);
}

static void test_calls(void **state)
{
	auto_close int ca = -1;
	int pair[2], status;
	char said[SAID_MAX] = "";
	pid_t pid;

	(void)state;
	if (!is_private)
		skip();
	host_names_write("/etc/hosts", "127.0.0.1 localhost\n::1 moves.test\n");
	ca = tls_authorities_fd(AUTHORITIES);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (!pid)
		run_source(pair[1]);
	close(pair[1]);
	send_file(pair[0], ca);
	send_file(pair[0], ca);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)recv(pair[0], said, sizeof(said) - 1, MSG_DONTWAIT);
	if (status)
		fail_msg("status %x: %s", status, said);
	close(pair[0]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_calls),
	};

	if (argc == 4 && !strcmp(argv[0], AS_SOURCE)) {
		server.port = atoi(argv[1]);
		silent_port = atoi(argv[2]);
		closed_port = atoi(argv[3]);
		syscall(SYS_exit_group, be_source());
	}
	is_private = netns_may();
	return cmocka_run_group_tests(tests, setup, teardown);
}
