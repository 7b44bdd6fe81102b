// SPDX-License-Identifier: Apache-2.0
#include "nexodus/stun_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#define RETRANSMIT_MS 500

static void fail(struct stun_server *server, int err)
{
	server->state = STUN_SERVER_FAILED;
	server->err = err;
}

void stun_server_reset(struct stun_server *server)
{
	resolve_cancel(server->request);
	server->request = NULL;
	server->state = STUN_SERVER_NEW;
	server->is_sent = false;
	server->err = 0;
}

/* "host:port"; the host is for the resolver to judge. */
static int split(const char *text, char ret_host[static STUN_SERVER_MAX], uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	unsigned long port = 0;

	if (!colon || colon == text || !colon[1] || strlen(colon + 1) > 5)
		return -EINVAL;
	for (const char *digit = colon + 1; *digit; digit++) {
		if (*digit < '0' || *digit > '9')
			return -EINVAL;
		port = port * 10 + (*digit - '0');
	}
	if (port < 1 || port > UINT16_MAX)
		return -EINVAL;
	snprintf(ret_host, STUN_SERVER_MAX, "%.*s", (int)(colon - text), text);
	*ret_port = port;
	return 0;
}

static void take_addresses(void *arg, int err, const struct sockaddr_storage *addresses, size_t n)
{
	struct stun_server *server = arg;

	server->request = NULL;
	fail(server, err ? err : -EAFNOSUPPORT); /* unless there is an IPv4 address */
	for (size_t i = 0; !err && i < n; i++) {
		if (addresses[i].ss_family != AF_INET)
			continue;
		memcpy(&server->to, &addresses[i], sizeof(server->to));
		server->to.sin_port = htons(server->port);
		server->state = STUN_SERVER_ASKED;
		server->err = 0;
		server->send_ms = 0;
		server->wait_ms = RETRANSMIT_MS;
		break;
	}
	server->on_resolved(server->arg); /* last: it may free us */
}

void stun_server_ask(struct stun_server *server, struct loop *loop, int64_t patient_ms)
{
	char host[STUN_SERVER_MAX];
	int err = split(server->text, host, &server->port);
	size_t size = sizeof(server->transaction);

	server->patient_ms = patient_ms;
	server->state = STUN_SERVER_RESOLVING;
	if (!err && getrandom(server->transaction, size, GRND_NONBLOCK) != (ssize_t)size)
		err = -EIO;
	if (!err)
		err = resolve_start(loop, host, take_addresses, server, &server->request);
	if (err)
		fail(server, err);
}

void stun_server_send(struct stun_server *server, int fd, uint16_t port, int64_t now_ms)
{
	uint8_t datagram[STUN_DATAGRAM_BYTES];
	struct sockaddr_in to = server->to;
	struct iovec iov = { datagram, sizeof(datagram) };
	struct msghdr msg = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1
	};

	to.sin_port = 0; /* raw sockets have none */
	stun_datagram_make(port, server->port, server->transaction, datagram);
	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		server->is_sent = true;
		server->err = 0;
	} else if (!server->is_sent) {
		server->err = -errno;
	}
	server->send_ms = now_ms + server->wait_ms;
	server->wait_ms *= 2;
}

bool stun_server_take(struct stun_server *server, const struct sockaddr_in *from,
		      const uint8_t *message, size_t len)
{
	int err;

	if (server->state != STUN_SERVER_ASKED || !server->is_sent ||
	    server->to.sin_addr.s_addr != from->sin_addr.s_addr ||
	    server->to.sin_port != from->sin_port)
		return false;
	err = stun_response(message, len, server->transaction, &server->mapped);
	if (err == -EBADMSG) /* somebody else's, or forged: the right one may still come */
		return false;
	if (err)
		fail(server, err);
	else
		server->state = STUN_SERVER_ANSWERED;
	return true;
}
