// SPDX-License-Identifier: Apache-2.0
#include "peers/source.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "nexodus/agent.h"
#include "peers/border.h"
#include "peers/peer_file.h"
#include "peers/refused_call.h"
#include "peers/sandbox.h"

struct source {
	struct loop *loop;
	struct io from_node;
	int sock;
	struct agent *agent; /* NULL for a source that parses files only */
};

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

static void on_node(void *arg)
{
	struct border_record records[BORDER_BATCH_MAX];
	struct source *source = arg;
	auto_close int fd = -1;
	ssize_t n;
	int err;

	n = border_receive(source->sock, records, &fd);
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		loop_end(source->loop, n); /* 0: the node has closed, and so do we */
		return;
	}
	err = n == 1 ? told(source, &records[0], &fd) : -EPROTO;
	if (err)
		loop_end(source->loop, err);
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
		source.loop = loop_new();
		err = source.loop ? 0 : -ENOMEM;
	}
	if (!err && network) {
		source.agent = agent_new(source.loop, source.sock);
		err = source.agent ? 0 : -ENOMEM;
	}
	if (!err)
		err = refused_call_tell(source.sock);
	if (!err)
		err = sandbox_filter(network ? SANDBOX_NETWORK : SANDBOX_FILES);
	if (err)
		return log_err(err, "source: enter the sandbox"), SOURCE_EXIT_SANDBOX;
	io_start(&source.from_node, source.loop, source.sock, IO_READ, on_node, &source);
	err = loop_run(source.loop);
	io_stop(&source.from_node);
	agent_free(source.agent);
	loop_free(source.loop);
	/* Nobody hears us any more: the node says that we have ended, and starts another. */
	if (err == -ENOMEM || err == -ESTALE)
		return err == -ENOMEM ? SOURCE_EXIT_MEMORY : SOURCE_EXIT_STALE;
	return err && err != -EPIPE ? 1 : 0;
}
