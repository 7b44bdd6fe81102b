/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stun_server.h - one server in a round of stun_probe.c: its name, its request, its answer.
 */
#ifndef NEXODUS_STUN_SERVER_H
#define NEXODUS_STUN_SERVER_H

#include <stdbool.h>

#include "nexodus/stun_datagram.h"
#include "nexodus/stun_probe.h"

enum stun_server_state {
	STUN_SERVER_NEW,
	STUN_SERVER_RESOLVING,
	STUN_SERVER_ASKED,
	STUN_SERVER_ANSWERED,
	STUN_SERVER_FAILED,
};

struct stun_server {
	char text[STUN_SERVER_MAX]; /* "host:port" */
	void (*on_resolved)(void *arg);
	void *arg;
	/* Of this round; times are ms of CLOCK_BOOTTIME. */
	enum stun_server_state state;
	struct resolve *request;
	uint16_t port;
	struct sockaddr_in to, mapped;
	uint8_t transaction[STUN_TRANSACTION_BYTES];
	bool is_sent;       /* once at least */
	int err;            /* why it failed, or could not be sent to as yet */
	int64_t patient_ms; /* until then nobody else is asked instead */
	int64_t send_ms;    /* then the request goes out (again) */
	uint32_t wait_ms;   /* from then to the next time */
};

/** stun_server_reset() - a new round: state NEW. A name that is being resolved is cancelled. */
void stun_server_reset(struct stun_server *server);

/** stun_server_ask() - find its address: state RESOLVING, or FAILED with server->err. */
void stun_server_ask(struct stun_server *server, struct loop *loop, int64_t patient_ms);

/** stun_server_send() - the request, from @port of this host; send_ms moves on. What cannot be sent
 * now is tried again like what is lost. */
void stun_server_send(struct stun_server *server, int fd, uint16_t port, int64_t now_ms);

/**
 * stun_server_take() - a message from @from.
 *
 * Return: whether it was this server's answer, so that the state is now ANSWERED or FAILED.
 */
bool stun_server_take(struct stun_server *server, const struct sockaddr_in *from,
		      const uint8_t *message, size_t len);

#endif
