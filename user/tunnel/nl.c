// SPDX-License-Identifier: Apache-2.0
/* nl.c - one netlink question and its answer, on libmnl. */
#include "tunnel/nl.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/cleanup.h"

#define ANSWER_BYTES 32768 /* the kernel never puts more into one message of a dump */
#define DUMP_TRIES 32      /* of a dump that changes interrupt */

struct answer {
	nl_take take;
	void *data;
	int err; /* what take() returned */
};

static int on_message(const struct nlmsghdr *msg, void *data)
{
	struct answer *answer = data;

	answer->err = answer->take ? answer->take(msg, answer->data) : 0;
	if (!answer->err)
		return MNL_CB_OK;
	errno = -answer->err;
	return MNL_CB_ERROR;
}

/*
 * NLMSG_ERROR (0 is the acknowledgement) and NLMSG_DONE both begin with the result. libmnl's own
 * handler takes every NLMSG_DONE for success.
 */
static int on_result(const struct nlmsghdr *msg, void *data)
{
	int result = 0;

	(void)data;
	if (mnl_nlmsg_get_payload_len(msg) >= sizeof(result))
		memcpy(&result, mnl_nlmsg_get_payload(msg), sizeof(result));
	if (!result)
		return MNL_CB_STOP;
	errno = result < 0 ? -result : result;
	return MNL_CB_ERROR;
}

static int on_overrun(const struct nlmsghdr *msg, void *data)
{
	(void)msg;
	(void)data;
	errno = ENOBUFS;
	return MNL_CB_ERROR;
}

static int receive(struct mnl_socket *socket, unsigned int seq, struct answer *answer)
{
	mnl_cb_t control[] = {
		[NLMSG_ERROR] = on_result,
		[NLMSG_DONE] = on_result,
		[NLMSG_OVERRUN] = on_overrun,
	};
	auto_free char *bytes = malloc(ANSWER_BYTES);
	unsigned int port = mnl_socket_get_portid(socket);
	int more, err = 0;
	ssize_t len;

	if (!bytes)
		return -ENOMEM;
	do {
		len = mnl_socket_recvfrom(socket, bytes, ANSWER_BYTES);
		if (len < 0 && errno == EINTR) {
			more = MNL_CB_OK;
			continue;
		}
		if (len < 0) {
			err = errno == EAGAIN ? -ETIMEDOUT : -errno;
			break;
		}
		more = mnl_cb_run2(bytes, len, seq, port, on_message, answer, control,
				   MNL_ARRAY_SIZE(control));
		if (more < 0)
			err = -errno;
	} while (more > 0);
	explicit_bzero(bytes, ANSWER_BYTES); /* WireGuard sends keys */
	return err;
}

int nl_open(int bus, struct mnl_socket **ret_socket)
{
	const struct timeval limit = { .tv_sec = NL_TIMEOUT_S };
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	int err;

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))) {
		err = -errno;
		mnl_socket_close(socket);
		return err;
	}
	*ret_socket = socket;
	return 0;
}

static int converse(int bus, struct nlmsghdr *request, struct answer *answer, bool strict)
{
	/* The socket is new, so any number tells its one answer from nothing else. */
	const unsigned int seq = 1;
	int on = 1;
	struct mnl_socket *socket = NULL;
	int err;

	err = nl_open(bus, &socket);
	if (err)
		return err;
	if (strict) /* without it, the answer is only longer */
		(void)mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	request->nlmsg_seq = seq;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		err = -errno;
	else
		err = receive(socket, seq, answer);
	mnl_socket_close(socket);
	return err;
}

int nl_ask(int bus, struct nlmsghdr *request, nl_take take, void *data)
{
	struct answer answer = { .take = take, .data = data };

	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	return converse(bus, request, &answer, false);
}

static int dump(int bus, struct nlmsghdr *request, struct answer *answer, nl_restart restart,
		bool strict)
{
	int err;

	request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	for (int i = 0; i < DUMP_TRIES; i++) {
		err = converse(bus, request, answer, strict);
		/* -EINTR is how libmnl reports NLM_F_DUMP_INTR, if it is not from take() itself. */
		if (err != -EINTR || answer->err)
			return err;
		restart(answer->data);
	}
	return -EAGAIN;
}

int nl_dump(int bus, struct nlmsghdr *request, nl_take take, nl_restart restart, void *data)
{
	struct answer answer = { .take = take, .data = data };

	return dump(bus, request, &answer, restart, false);
}

int nl_dump_strict(int bus, struct nlmsghdr *request, nl_take take, nl_restart restart, void *data)
{
	struct answer answer = { .take = take, .data = data };

	return dump(bus, request, &answer, restart, true);
}
