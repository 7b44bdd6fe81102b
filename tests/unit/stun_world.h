/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun_world.h - STUN servers on loopback, in a process of their own, and who holds WireGuard's
 * port. Needs root.
 */
#ifndef TESTS_STUN_WORLD_H
#define TESTS_STUN_WORLD_H

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "nexodus/stun.h"

#define WG_PORT 51820
#define STUN_PORT 3478
#define WORLD_SERVERS_MAX 8
#define WORLD_MESSAGE_MAX 64

/* What a server does with a request. */
enum behaviour {
	ANSWER_A, /* 203.0.113.10:4711 */
	ANSWER_B, /* 203.0.113.10:4712 */
	ANSWER_C, /* 203.0.113.11:4711 */
	SILENT,
	DROP_ONE, /* then A */
	DROP_TWO,
	REFUSE,        /* an error response */
	NO_MAPPED,     /* a success that says nothing */
	LIE,           /* everything wrong that there is */
	LIE_THEN_TELL, /* and A at the end */
	OTHER_PORT,    /* A, from another port */
	OTHER_ADDRESS, /* A, from another address */
};

struct world_server {
	enum behaviour behaviour;
	int fd, other_port, other_address;
	unsigned int requests; /* shared with the test */
	unsigned int strange;  /* what is no request, or from another port than WireGuard's */
};

static struct world_server *servers; /* server i is 127.0.1.(i+1):3478 */
static size_t n_servers;
static pid_t servers_pid;

static inline int64_t world_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline struct sockaddr_in world_at(const char *address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
	return at;
}

static inline int world_bind(const char *address, uint16_t port)
{
	struct sockaddr_in at = world_at(address, port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* A success response with XOR-MAPPED-ADDRESS. Return: its length. */
static inline size_t world_answer(const uint8_t *request, uint8_t last, uint16_t port, uint8_t *ret)
{
	uint8_t value[12] = { 0, 0x20, 0, 8, 0, 1, 0, 0, 203, 0, 113, last };

	memcpy(ret, request, 20);
	ret[0] = ret[1] = 1;
	ret[2] = 0;
	ret[3] = sizeof(value);
	value[6] = (port >> 8) ^ ret[4];
	value[7] = port ^ ret[5];
	for (int i = 0; i < 4; i++)
		value[8 + i] ^= ret[4 + i];
	memcpy(ret + 20, value, sizeof(value));
	return 20 + sizeof(value);
}

static inline void world_lie(int fd, const uint8_t *request, const struct sockaddr_in *to)
{
	static const struct {
		size_t at;
		uint8_t flip;
	} lies[] = {
		{ 0, 0x02 },  /* another method */
		{ 1, 0x10 },  /* success to error: tried apart, below */
		{ 3, 0x04 },  /* another length */
		{ 7, 0x01 },  /* another cookie */
		{ 8, 0x80 },  /* another transaction */
		{ 19, 0x01 }, /* another transaction */
		{ 21, 0x05 }, /* an attribute that nobody knows */
		{ 23, 0x08 }, /* an attribute beyond the end */
		{ 25, 0x06 }, /* no such family */
	};
	uint8_t answer[WORLD_MESSAGE_MAX];
	size_t len;

	for (size_t i = 0; i < N(lies); i++) {
		len = world_answer(request, 66, 666, answer);
		answer[lies[i].at] ^= lies[i].flip;
		if (lies[i].at == 1)
			answer[8]++; /* an error for somebody else */
		(void)sendto(fd, answer, len, 0, (struct sockaddr *)to, sizeof(*to));
	}
	len = world_answer(request, 66, 666, answer);
	(void)sendto(fd, answer, len - 1, 0, (struct sockaddr *)to, sizeof(*to));
	(void)sendto(fd, request, 20, 0, (struct sockaddr *)to, sizeof(*to));
	(void)sendto(fd, "", 0, 0, (struct sockaddr *)to, sizeof(*to));
}

static inline void world_tell(const struct world_server *server, int fd, const uint8_t *request,
			      const struct sockaddr_in *to)
{
	uint8_t answer[WORLD_MESSAGE_MAX];
	size_t len = world_answer(request, server->behaviour == ANSWER_C ? 11 : 10,
				  server->behaviour == ANSWER_B ? 4712 : 4711, answer);

	if (server->behaviour == REFUSE || server->behaviour == NO_MAPPED) {
		answer[1] = server->behaviour == REFUSE ? 0x11 : 0x01;
		answer[3] = 0;
		len = 20;
	}
	(void)sendto(fd, answer, len, 0, (struct sockaddr *)to, sizeof(*to));
}

static inline void world_serve(struct world_server *server)
{
	static const uint8_t begin[8] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
	uint8_t request[WORLD_MESSAGE_MAX];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t len =
		recvfrom(server->fd, request, sizeof(request), 0, (struct sockaddr *)&from, &size);

	if (len != STUN_REQUEST_BYTES || memcmp(request, begin, sizeof(begin)) ||
	    from.sin_port != htons(WG_PORT)) {
		server->strange++;
		return;
	}
	server->requests++;
	if (server->behaviour == SILENT ||
	    (server->behaviour == DROP_ONE && server->requests < 2) ||
	    (server->behaviour == DROP_TWO && server->requests < 3))
		return;
	if (server->behaviour == LIE || server->behaviour == LIE_THEN_TELL)
		world_lie(server->fd, request, &from);
	if (server->behaviour == LIE)
		return;
	world_tell(server,
		   server->behaviour == OTHER_PORT      ? server->other_port
		   : server->behaviour == OTHER_ADDRESS ? server->other_address
							: server->fd,
		   request, &from);
}

static inline void world_serve_all(void)
{
	struct pollfd ready[WORLD_SERVERS_MAX];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < n_servers; i++)
		ready[i] = (struct pollfd){ .fd = servers[i].fd, .events = POLLIN };
	for (;;) {
		poll(ready, n_servers, -1);
		for (size_t i = 0; i < n_servers; i++)
			if (ready[i].revents)
				world_serve(&servers[i]);
	}
}

/* Requests are queued from here on, and answered by and by. */
static inline void world_begin(const enum behaviour *behaviours, size_t n)
{
	assert_true(n <= WORLD_SERVERS_MAX);
	servers = mmap(NULL, sizeof(*servers) * WORLD_SERVERS_MAX, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(servers != MAP_FAILED);
	n_servers = n;
	for (size_t i = 0; i < n; i++) {
		char address[64];

		snprintf(address, sizeof(address), "127.0.1.%zu", i + 1);
		servers[i].behaviour = behaviours[i];
		servers[i].fd = world_bind(address, STUN_PORT);
		servers[i].other_port = world_bind(address, STUN_PORT + 1);
		snprintf(address, sizeof(address), "127.0.2.%zu", i + 1);
		servers[i].other_address = world_bind(address, STUN_PORT);
	}
	servers_pid = fork();
	assert_true(servers_pid >= 0);
	if (!servers_pid)
		world_serve_all();
}

static inline void world_end(void)
{
	kill(servers_pid, SIGKILL);
	assert_int_equal(waitpid(servers_pid, NULL, 0), servers_pid);
	for (size_t i = 0; i < n_servers; i++) {
		if (servers[i].strange)
			fail_msg("server %zu: %u strange datagrams", i, servers[i].strange);
		close(servers[i].fd);
		close(servers[i].other_port);
		close(servers[i].other_address);
	}
	munmap(servers, sizeof(*servers) * WORLD_SERVERS_MAX);
}

#endif
