// SPDX-License-Identifier: Apache-2.0
#include "peers/source.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "nexodus/agent.h"
#include "peers/border.h"
#include "peers/peer_file.h"
#include "peers/refused_call.h"
#include "peers/sandbox.h"

struct source {
	struct event_base *base;
	int sock;
	struct agent *agent; /* NULL for a source that parses files only */
	int err;
};

static void stop(struct source *source, int err)
{
	source->err = err;
	event_base_loopbreak(source->base);
}

static int take_file(struct source *source, int fd, uint32_t list)
{
	if (source->agent)
		return agent_file(source->agent, fd, list);
	return peer_file_send(fd, source->sock, list);
}

/* @fd: that came along, or -1; set to -1 when it was taken. */
static int told(struct source *source, const struct border_record *record, int *fd)
{
	if (record->kind == BORDER_FILE)
		return *fd < 0 ? -EPROTO : take_file(source, *fd, record->list);
	if (!source->agent)
		return -EPROTO;
	switch (record->kind) {
	case BORDER_GIVE:
		return *fd < 0 ? -EPROTO : agent_give(source->agent, record->gift, fd);
	case BORDER_START:
		return agent_start(source->agent, record->list);
	case BORDER_PING:
		agent_pong(source->agent, record->ping);
		return 0;
	case BORDER_KEEP:
		agent_keep_again(source->agent);
		return 0;
	case BORDER_AGAIN:
		agent_again(source->agent);
		return 0;
	default:
		return -EPROTO;
	}
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
	err = n == 1 ? told(source, &records[0], &fd) : -EPROTO;
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
	return source->err ?: source->agent ? agent_error(source->agent) : 0;
}

int source_main(bool network)
{
	struct source source = { .sock = BORDER_SOURCE_FD };
	int type = 0, err;
	socklen_t len = sizeof(type);

	if (getsockopt(source.sock, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_SEQPACKET) {
		log_err(0, "source: started by `nex-relay run` only");
		return 2;
	}
	err = sandbox_drop(BORDER_SOURCE_FD);
	if (!err) {
		source.base = event_base_new();
		err = source.base ? 0 : -ENOMEM;
	}
	if (!err && network) {
		source.agent = agent_new(source.base, source.sock);
		err = source.agent ? 0 : -ENOMEM;
	}
	if (!err)
		err = refused_call_tell(source.sock);
	if (!err)
		err = sandbox_filter(network ? SANDBOX_NETWORK : SANDBOX_FILES);
	if (err)
		return log_err(err, "source: enter the sandbox"), SOURCE_EXIT_SANDBOX;
	err = loop(&source);
	agent_free(source.agent);
	event_base_free(source.base);
	/* Nobody hears us any more: the node says that we have ended, and starts another. */
	if (err == -ENOMEM || err == -ESTALE)
		return err == -ENOMEM ? SOURCE_EXIT_MEMORY : SOURCE_EXIT_STALE;
	return err && err != -EPIPE ? 1 : 0;
}
