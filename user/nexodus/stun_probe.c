// SPDX-License-Identifier: Apache-2.0
/*
 * All that happens in a round happens in go_on(): answers, names and the clock only leave their
 * mark on a server (stun_server.h) and call it. The one timer is set to when something is due next.
 */
#include "nexodus/stun_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "nexodus/stun_server.h"

#define AT_ONCE 2
#define PATIENCE_MIN_MS 500
#define PATIENCE_MAX_MS 1500
#define READ_MAX 64 /* packets for each turn of the loop */

struct stun_probe {
	struct loop *loop;
	struct io readable;
	struct timer timer;
	int fd;
	uint16_t port;
	size_t n_servers, first; /* index of who is asked first in the next round */
	bool is_going_on;
	int64_t end_ms;
	uint32_t patience_ms;
	struct stun_server *order[STUN_SERVERS_MAX]; /* of this round */
	const struct stun_server *answered;          /* the first one */
	size_t n_answered;
	bool is_symmetric;
	stun_probe_done *done;
	void *arg;
	struct stun_server servers[STUN_SERVERS_MAX];
};

static void take_answer(struct stun_probe *probe, const struct sockaddr_in *from,
			const uint8_t *message, size_t len)
{
	struct stun_server *server = probe->servers;
	const struct sockaddr_in *first;

	while (!stun_server_take(server, from, message, len))
		if (++server == probe->servers + probe->n_servers)
			return;
	if (server->state != STUN_SERVER_ANSWERED)
		return;
	probe->n_answered++;
	if (!probe->answered)
		probe->answered = server;
	first = &probe->answered->mapped;
	if (first->sin_addr.s_addr != server->mapped.sin_addr.s_addr ||
	    first->sin_port != server->mapped.sin_port)
		probe->is_symmetric = true;
}

/* Return: whether there may be more. */
static bool read_packet(struct stun_probe *probe)
{
	uint8_t packet[STUN_PACKET_MAX];
	struct iovec iov = { packet, sizeof(packet) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(probe->fd, &msg, MSG_DONTWAIT);
	const uint8_t *message;
	struct sockaddr_in from;
	size_t len;

	if (n < 0)
		return errno != EAGAIN;
	if (!(msg.msg_flags & MSG_TRUNC) &&
	    !stun_datagram_parse(packet, n, probe->port, &from, &message, &len))
		take_answer(probe, &from, message, len);
	return true;
}

static void give_up(struct stun_probe *probe)
{
	probe->is_going_on = false;
	io_stop(&probe->readable);
	timer_stop(&probe->timer);
	for (size_t i = 0; i < probe->n_servers; i++)
		stun_server_reset(&probe->servers[i]);
}

static int why_none(const struct stun_probe *probe)
{
	int err = 0;

	for (size_t i = 0; i < probe->n_servers; i++) {
		const struct stun_server *server = probe->order[i];

		if (!server->err) /* silent, or not asked for want of time */
			return -ETIMEDOUT;
		err = server->err;
	}
	return err;
}

/* The last thing that is done: the probe may be gone when this returns. */
static void finish(struct stun_probe *probe)
{
	const struct stun_server *answered = probe->answered;
	struct sockaddr_in mapped;
	int err;

	if (answered) {
		mapped = answered->mapped;
		give_up(probe);
		probe->done(probe->arg, 0, &mapped, answered->text, probe->is_symmetric);
	} else {
		err = why_none(probe);
		give_up(probe);
		probe->done(probe->arg, err, NULL, NULL, false);
	}
}

/* Send what is due, ask another one for each that fails or lets us wait. Return: when to look
 * again. @ret_left: how many may still answer. */
static int64_t go_through(struct stun_probe *probe, int64_t now, size_t *ret_left)
{
	size_t hopeful = probe->n_answered, left = 0;
	int64_t next = probe->end_ms;

	for (size_t i = 0; i < probe->n_servers; i++) {
		struct stun_server *server = probe->order[i];

		if (server->state == STUN_SERVER_NEW && hopeful < AT_ONCE)
			stun_server_ask(server, probe->loop, now + probe->patience_ms);
		if (server->state == STUN_SERVER_ASKED && server->send_ms <= now)
			stun_server_send(server, probe->fd, probe->port, now);
		if (server->state == STUN_SERVER_ASKED && server->send_ms < next)
			next = server->send_ms;
		if (server->state == STUN_SERVER_RESOLVING || server->state == STUN_SERVER_ASKED) {
			left++;
			if (now < server->patient_ms) {
				hopeful++;
				if (server->patient_ms < next)
					next = server->patient_ms;
			}
		}
	}
	*ret_left = left;
	return next;
}

static void go_on(struct stun_probe *probe)
{
	int64_t now = clock_ms(), next;
	size_t left;

	if (probe->n_answered >= AT_ONCE || now >= probe->end_ms) {
		finish(probe);
		return;
	}
	next = go_through(probe, now, &left);
	if (left)
		timer_arm(&probe->timer, next - now);
	else
		finish(probe);
}

/* First of all what has come since the last round, so that there is room when the answers come. */
static void on_readable(void *arg)
{
	struct stun_probe *probe = arg;

	for (int i = 0; i < READ_MAX && read_packet(probe); i++)
		;
	go_on(probe);
}

static void on_timer(void *arg)
{
	go_on(arg);
}

static void on_resolved(void *arg)
{
	go_on(arg);
}

static void start_round(struct stun_probe *probe, uint32_t limit_ms)
{
	uint32_t share = limit_ms / probe->n_servers;

	if (share > PATIENCE_MAX_MS)
		share = PATIENCE_MAX_MS;
	probe->patience_ms = share < PATIENCE_MIN_MS ? PATIENCE_MIN_MS : share;
	probe->end_ms = clock_ms() + limit_ms;
	probe->answered = NULL;
	probe->n_answered = 0;
	probe->is_symmetric = false;
	for (size_t i = 0; i < probe->n_servers; i++) {
		probe->order[i] = &probe->servers[(probe->first + i) % probe->n_servers];
		stun_server_reset(probe->order[i]);
	}
	probe->first = (probe->first + 1) % probe->n_servers;
	probe->is_going_on = true;
}

int stun_probe_start(struct stun_probe *probe, uint32_t limit_ms, stun_probe_done *done, void *arg)
{
	if (probe->is_going_on)
		give_up(probe);
	io_start(&probe->readable, probe->loop, probe->fd, IO_READ, on_readable, probe);
	timer_arm(&probe->timer, 0);
	probe->done = done;
	probe->arg = arg;
	start_round(probe, limit_ms);
	return 0;
}

static bool copy_servers(struct stun_probe *probe, const char *const *servers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct stun_server *server = &probe->servers[i];

		if (strlen(servers[i]) >= sizeof(server->text))
			return false;
		snprintf(server->text, sizeof(server->text), "%s", servers[i]);
		server->on_resolved = on_resolved;
		server->arg = probe;
	}
	probe->n_servers = n;
	return true;
}

struct stun_probe *stun_probe_new(struct loop *loop, int fd, uint16_t port,
				  const char *const *servers, size_t n)
{
	struct stun_probe *probe;
	uint8_t random = 0;

	if (n < 1 || n > STUN_SERVERS_MAX)
		return NULL;
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return NULL;
	probe->loop = loop;
	probe->fd = -1;
	probe->port = port;
	timer_init(&probe->timer, loop, on_timer, probe);
	if (!copy_servers(probe, servers, n)) {
		stun_probe_free(probe);
		return NULL;
	}
	(void)getrandom(&random, sizeof(random), GRND_NONBLOCK); /* else with the first one */
	probe->first = random % n;
	probe->fd = fd;
	return probe;
}

void stun_probe_free(struct stun_probe *probe)
{
	if (!probe)
		return;
	if (probe->is_going_on)
		give_up(probe);
	if (probe->fd >= 0)
		close(probe->fd);
	free(probe);
}
