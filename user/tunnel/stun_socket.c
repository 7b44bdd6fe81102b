// SPDX-License-Identifier: Apache-2.0
#include "tunnel/stun_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/membarrier.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COOKIE 0x2112a442
#define BINDING_SUCCESS 0x0101
#define BINDING_ERROR 0x0111
#define UDP_HEADER_BYTES 8
#define PACKET_MAX (60 + UDP_HEADER_BYTES + 1500) /* IPv4 with options, UDP, STUN_MESSAGE_MAX */
#define DRAIN_MAX 65536                           /* packets; a receive buffer holds far fewer */

#define N(array) (sizeof(array) / sizeof(*(array)))

static int attach(int fd, struct sock_filter *code, size_t n)
{
	struct sock_fprog program = { .len = n, .filter = code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

static int attach_nothing(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	return attach(fd, code, N(code));
}

/* A raw socket's packets begin with the IP header. They are UDP, and whole: raw sockets are served
 * after reassembly. A load beyond the end drops the packet. */
static int attach_answers(int fd, uint16_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MAX, 8, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), /* X: length of the IP header */
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),  /* destination port */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, UDP_HEADER_BYTES + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, COOKIE, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, UDP_HEADER_BYTES),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BINDING_SUCCESS, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BINDING_ERROR, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, PACKET_MAX),
	};

	return attach(fd, code, N(code));
}

static int drain(int fd)
{
	char byte;

	for (int i = 0; i < DRAIN_MAX; i++) {
		if (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
			continue;
		if (errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
	return -EBUSY;
}

/*
 * From socket() on all UDP of this network namespace is queued, before any filter can be there: the
 * first one lets nothing in, so that what has come until then can be thrown away to the last. A
 * packet that another CPU is about to queue has not seen the filter: membarrier() waits for the end
 * of all that (its global command is an RCU grace period). Kernels with nohz_full refuse it; there
 * such a packet may be left, and whoever reads checks what he reads anyway.
 */
static int close_up(int fd, uint16_t port)
{
	int err, on = 1;

	err = attach_nothing(fd);
	(void)syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	if (!err)
		err = drain(fd);
	if (!err)
		err = attach_answers(fd, port);
	if (!err && setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)) < 0)
		err = -errno;
	return err;
}

int stun_socket_open(uint16_t port)
{
	int fd, err;

	if (!port)
		return -EINVAL;
	fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	if (fd < 0)
		return -errno;
	err = close_up(fd, port);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
