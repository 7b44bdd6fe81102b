// SPDX-License-Identifier: Apache-2.0
#include "peers/source.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "peers/border.h"
#include "peers/peer_file.h"
#include "peers/sandbox.h"

struct source {
	struct event_base *base;
	int sock;
	int err;
};

static void stop(struct source *source, int err)
{
	source->err = err;
	event_base_loopbreak(source->base);
}

static void on_node(evutil_socket_t sock, short what, void *arg)
{
	struct border_record records[BORDER_BATCH_MAX];
	struct source *source = arg;
	auto_close int fd = -1;
	ssize_t n;
	int err;

	(void)what;
	n = border_receive(sock, records, &fd);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		stop(source, n); /* 0: the node has closed, and so do we */
		return;
	}
	if (n != 1 || records[0].kind != BORDER_FILE || fd < 0) {
		stop(source, -EPROTO);
		return;
	}
	err = peer_file_send(fd, sock, records[0].list);
	if (err)
		stop(source, err);
}

static int loop(struct source *source)
{
	struct event *from_node =
		event_new(source->base, source->sock, EV_READ | EV_PERSIST, on_node, source);
	int err = from_node ? event_add(from_node, NULL) : -1;

	if (err) {
		if (from_node)
			event_free(from_node);
		return -ENOMEM;
	}
	event_base_dispatch(source->base);
	event_free(from_node);
	return source->err;
}

int source_main(void)
{
	struct source source = { .sock = BORDER_SOURCE_FD };
	int type = 0, err;
	socklen_t len = sizeof(type);

	if (getsockopt(source.sock, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_SEQPACKET) {
		log_err(0, "source: started by `nex-relay run` only");
		return 2;
	}
	err = sandbox_drop(BORDER_SOURCE_FD);
	if (!err)
		source.base = event_base_new();
	if (!err)
		err = source.base ? sandbox_filter(SANDBOX_FILES) : -ENOMEM;
	if (err)
		return log_err(err, "source: enter the sandbox"), 1;
	err = loop(&source);
	event_base_free(source.base);
	/* Nobody hears us any more: the node says that we have ended, and starts another. */
	return err && err != -EPIPE ? 1 : 0;
}
