// SPDX-License-Identifier: Apache-2.0
/*
 * test_border_socket.c - messages over a real socket: whole records only, and no descriptor stays
 * behind, whatever the other side sends along.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "notation.h"
#include "peers/border.h"

#define RECORD sizeof(struct border_record)
#define SENT_FDS_MAX 16

static struct border_record records[BORDER_BATCH_MAX + 1];

/* clang-format off */
static const struct {
	const char *name;
	size_t bytes;
	int n_fds;       /* that go along */
	bool want_fd;    /* the receiver has a place for one */
	ssize_t ret;
	bool got_fd;
} messages[] = {
	{ "one record",                     RECORD,                     0, true,  1, false },
	{ "as many as fit",                 BORDER_BATCH_MAX * RECORD,  0, true,  BORDER_BATCH_MAX, false },
	{ "one byte",                       1,                          0, true,  -EPROTO, false },
	{ "one byte too few",               RECORD - 1,                 0, true,  -EPROTO, false },
	{ "one byte too many",              RECORD + 1,                 0, true,  -EPROTO, false },
	{ "one byte more than fits",        BORDER_BATCH_MAX * RECORD + 1, 0, true, -EPROTO, false },
	{ "one record more than fits",      (BORDER_BATCH_MAX + 1) * RECORD, 0, true, -EPROTO, false },
	{ "with a descriptor",              RECORD,                     1, true,  1, true },
	{ "with two: one is closed",        RECORD,                     2, true,  1, true },
	{ "with sixteen: the rest is closed", RECORD,                   16, true, 1, true },
	{ "descriptor nobody wants",        RECORD,                     1, false, 1, false },
	{ "two descriptors nobody wants",   RECORD,                     2, false, 1, false },
	{ "descriptor with a broken message", RECORD + 1,               1, true,  -EPROTO, false },
	{ "two with a broken message",      RECORD - 1,                 2, true,  -EPROTO, false },
	{ "descriptor with a message that is too long", (BORDER_BATCH_MAX + 1) * RECORD, 1, true, -EPROTO, false },
	{ "unwanted with a broken message", 1,                          1, false, -EPROTO, false },
};
/* clang-format on */

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void make_pair(int sock[static 2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
}

static void close_pair(const int sock[static 2])
{
	close(sock[0]);
	close(sock[1]);
}

static void fill_records(void)
{
	for (size_t i = 0; i < N(records); i++)
		records[i] = (struct border_record){ .kind = 100 + i, .list = 1000 + i };
}

/* What a hostile source may do that border_send() never does. */
static void send_raw(int sock, size_t bytes, int fd, int n_fds)
{
	union {
		char bytes[CMSG_SPACE(SENT_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct iovec iov = { .iov_base = records, .iov_len = bytes };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		struct cmsghdr *cmsg = &control.align;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (int i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(sock, &msg, MSG_NOSIGNAL), bytes);
}

static void test_messages(void **state)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), sock[2];

	(void)state;
	fill_records();
	make_pair(sock);
	for (size_t i = 0; i < N(messages); i++) {
		/* Exactly the room that border.h asks for: the sanitizer watches its end. */
		struct border_record *got = malloc(BORDER_BATCH_MAX * sizeof(*got));
		int before = open_descriptors(), fd = 12345;
		ssize_t n;

		assert_non_null(got);
		send_raw(sock[1], messages[i].bytes, null, messages[i].n_fds);
		n = border_receive(sock[0], got, messages[i].want_fd ? &fd : NULL);
		if (n != messages[i].ret)
			fail_msg("%s: %zd", messages[i].name, n);
		if (n > 0 && memcmp(got, records, n * sizeof(*got)) != 0)
			fail_msg("%s: other records", messages[i].name);
		if (messages[i].want_fd && (fd >= 0) != messages[i].got_fd)
			fail_msg("%s: descriptor %d", messages[i].name, fd);
		if (messages[i].got_fd) {
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
			close(fd);
		}
		if (open_descriptors() != before)
			fail_msg("%s: %d descriptors stay", messages[i].name,
				 open_descriptors() - before);
		free(got);
	}
	close_pair(sock);
	close(null);
}

/* Our own sender: records and descriptor come out as they went in. */
static void test_send(void **state)
{
	struct border_record got[BORDER_BATCH_MAX];
	int sock[2], pipe_fd[2], fd = -1;
	char byte = 0;

	(void)state;
	fill_records();
	make_pair(sock);
	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	assert_int_equal(border_send(sock[1], records, BORDER_BATCH_MAX, -1), 0);
	assert_int_equal(border_send(sock[1], records + 3, 2, pipe_fd[1]), 0);
	assert_int_equal(border_receive(sock[0], got, &fd), BORDER_BATCH_MAX);
	assert_memory_equal(got, records, sizeof(got));
	assert_int_equal(fd, -1);
	assert_int_equal(border_receive(sock[0], got, &fd), 2);
	assert_memory_equal(got, records + 3, 2 * sizeof(*got));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(fd);
	close_pair(pipe_fd);
	close_pair(sock);
}

/* Nothing there is not the same as nobody there; what was sent before the end is still read. */
static void test_end(void **state)
{
	struct border_record got[BORDER_BATCH_MAX];
	int sock[2], fd;

	(void)state;
	fill_records();
	make_pair(sock);
	assert_int_equal(border_receive(sock[0], got, NULL), -EAGAIN);
	assert_int_equal(border_receive(sock[0], got, &fd), -EAGAIN);
	assert_int_equal(border_send(sock[1], records, 1, -1), 0);
	close(sock[1]);
	assert_int_equal(border_receive(sock[0], got, NULL), 1);
	assert_int_equal(border_receive(sock[0], got, &fd), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(border_receive(sock[0], got, NULL), 0);
	assert_int_equal(border_send(sock[0], records, 1, -1), -EPIPE);
	close(sock[0]);
}

/* Without room: a socket that does not block says so at once, one with a time-out after it. */
static void test_no_room(void **state)
{
	struct timeval timeout = { .tv_usec = 1000 };
	int sock[2], err = 0;

	(void)state;
	fill_records();
	make_pair(sock);
	assert_int_equal(setsockopt(sock[1], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)),
			 0);
	for (int i = 0; i < 100000 && !err; i++)
		err = border_send(sock[1], records, BORDER_BATCH_MAX, -1);
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(fcntl(sock[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(border_send(sock[1], records, BORDER_BATCH_MAX, -1), -EAGAIN);
	close_pair(sock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
