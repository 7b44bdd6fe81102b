// SPDX-License-Identifier: Apache-2.0
/*
 * nl_batch.c - many netlink requests, many to one send.
 *
 * The kernel works a send off before it returns and answers into the socket's receive buffer, so
 * what limits a batch is the room for its acknowledgements (about 1 KiB each, as memory is
 * counted), not the request.
 */
#include "tunnel/nl_batch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define BATCH_REQUESTS 100
#define ANSWER_BYTES 8192 /* an error quotes its request where NETLINK_CAP_ACK is unknown */
#define RECEIVE_BUFFER (1024 * 1024) /* several times what a batch needs */

struct batch {
	struct mnl_socket *socket;
	nl_fill fill;
	nl_result result;
	void *data;
	size_t first;              /* the request that sent[0] is about */
	bool sent[BATCH_REQUESTS]; /* and not answered yet */
	unsigned int waiting;      /* how many those are */
	char bytes[BATCH_REQUESTS * NL_REQUEST_BYTES];
};

/* Return: how many bytes are to be sent. */
static size_t fill_batch(struct batch *batch, size_t n)
{
	size_t len = 0;

	for (size_t k = 0; k < BATCH_REQUESTS && batch->first + k < n; k++) {
		struct nlmsghdr *msg = mnl_nlmsg_put_header(batch->bytes + len);

		batch->sent[k] = batch->fill(msg, batch->first + k, batch->data);
		if (!batch->sent[k])
			continue;
		msg->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
		msg->nlmsg_seq = (uint32_t)(batch->first + k);
		len += MNL_ALIGN(msg->nlmsg_len);
		batch->waiting++;
	}
	return len;
}

static void take_answer(struct batch *batch, const struct nlmsghdr *msg)
{
	uint32_t k = msg->nlmsg_seq - (uint32_t)batch->first;
	int err;

	if (msg->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(msg) < sizeof(err))
		return;
	if (msg->nlmsg_pid != mnl_socket_get_portid(batch->socket))
		return;
	if (k >= BATCH_REQUESTS || !batch->sent[k])
		return;
	memcpy(&err, mnl_nlmsg_get_payload(msg), sizeof(err));
	batch->sent[k] = false;
	batch->waiting--;
	batch->result(batch->first + k, err, batch->data);
}

static int receive_answers(struct batch *batch)
{
	char bytes[ANSWER_BYTES] __attribute__((aligned(MNL_ALIGNTO)));

	while (batch->waiting) {
		const struct nlmsghdr *msg = (const void *)bytes;
		ssize_t got = mnl_socket_recvfrom(batch->socket, bytes, sizeof(bytes));
		int len = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (; mnl_nlmsg_ok(msg, len); msg = mnl_nlmsg_next(msg, &len))
			take_answer(batch, msg);
	}
	return 0;
}

static int send_batch(struct batch *batch, size_t len)
{
	ssize_t sent;

	/* Interrupted means that nothing was taken yet. */
	do {
		sent = mnl_socket_sendto(batch->socket, batch->bytes, len);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

static void make_room(struct mnl_socket *socket)
{
	int fd = mnl_socket_get_fd(socket), bytes = RECEIVE_BUFFER, on = 1;

	/* What is refused is noticed: answers that find no room are -ENOBUFS. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	(void)mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
}

int nl_batch(int bus, size_t n, nl_fill fill, nl_result result, void *data)
{
	auto_free struct batch *batch = calloc(1, sizeof(*batch));
	int err;

	if (!batch)
		return -ENOMEM;
	err = nl_open(bus, &batch->socket);
	if (err)
		return err;
	make_room(batch->socket);
	batch->fill = fill;
	batch->result = result;
	batch->data = data;
	for (; !err && batch->first < n; batch->first += BATCH_REQUESTS) {
		size_t len = fill_batch(batch, n);

		if (len)
			err = send_batch(batch, len) ?: receive_answers(batch);
	}
	mnl_socket_close(batch->socket);
	return err;
}
