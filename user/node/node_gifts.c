// SPDX-License-Identifier: Apache-2.0
/*
 * node_gifts.c - descriptors for a source that may open nothing: who we are, whom to trust, how
 * names are resolved, what was kept of the last run. Those that may change are watched, and given
 * again.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "node/control_files.h"
#include "node/node_private.h"
#include "peers/peer_file.h"

#define FILE_CHECK_S 60 /* a file that could not be watched is looked at so often */

static const enum border_gift watched_gifts[NODE_CONTROL_FILES] = { BORDER_CA, BORDER_RESOLV_CONF,
								    BORDER_UPLINKS, BORDER_HOSTS };

static const char *path_of(const struct node *node, enum border_gift gift)
{
	return control_file_path(gift, node->settings->ca_file);
}

/* A gift that cannot be made is no reason to stop: without hosts there is still DNS. */
static int give(struct node *node, enum border_gift gift, int fd)
{
	struct border_record record = { .kind = BORDER_GIVE, .gift = gift };

	return border_send(node->child.sock, &record, 1, fd);
}

static int give_file(struct node *node, enum border_gift gift, const char *path)
{
	auto_close int fd = -1;
	const char *why = NULL;
	struct stat st;

	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	/* Its resolver is gone, and asks nobody. The others may be away to be replaced. */
	if (fd < 0 && errno == ENOENT && gift == BORDER_UPLINKS)
		fd = memfd_create("no uplinks", MFD_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a regular file";
	if (!why)
		return give(node, gift, fd);
	/* Without the others there is less to go by; these somebody has asked for. */
	if (path == node->settings->ca_file)
		log_warn("%s: %s; continuing with the certificates of before, if there are any",
			 path, why);
	return 0;
}

/* What was kept of a registration: a secret, which nobody else can have read or written. */
static int give_state(struct node *node)
{
	const char *path = node->control.state_path, *why = NULL;
	auto_close int fd = -1;
	struct stat st = {};

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st))
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a regular file";
	else if (st.st_uid != geteuid() || st.st_mode & 0077)
		why = "others can read or change it, and must not (mode 0600, owned by root)";
	if (!why) {
		kept_file_read(&node->control.state_file, &st);
		return give(node, BORDER_SAVED_STATE, fd);
	}
	log_warn("%s: %s; not used, continuing: registering again", path, why);
	return 0;
}

static int give_account(struct node *node)
{
	auto_close int fd = control_account_fd(&node->control.account);

	return fd < 0 ? fd : give(node, BORDER_ACCOUNT, fd);
}

/* Return: why it cannot be what this relay has written, or NULL. */
static const char *not_ours(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_uid != geteuid())
		return "it belongs to another user";
	return st->st_size > (off_t)PEER_FILE_BYTES_MAX ? "larger than 128 MiB" : NULL;
}

/* The list of an earlier run, as list number 1, when there is none yet. */
static int give_saved_list(struct node *node)
{
	struct border_record record = { .kind = BORDER_FILE };
	auto_close int fd = -1;
	const char *why;
	struct stat st = {};

	if (node->sync.has_list)
		return 0;
	fd = open(node->control.list_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	why = fd < 0 || fstat(fd, &st) ? strerror(errno) : not_ours(&st);
	if (why) {
		log_warn("%s: %s; not used, continuing: waiting for the server's list",
			 node->control.list_path, why);
		return 0;
	}
	node->control.saved_at = st.st_mtime;
	kept_file_read(&node->control.list_file, &st);
	record.list = node->control.disk_list = ++node->want_list;
	node->control.is_disk_read = true;
	return border_send(node->child.sock, &record, 1, fd);
}

static int give_files(struct node *node)
{
	int err = 0;

	for (size_t i = 0; !err && i < NODE_CONTROL_FILES; i++)
		err = give_file(node, watched_gifts[i], path_of(node, watched_gifts[i]));
	return err;
}

int node_control_begin(struct node *node)
{
	struct node_control *control = &node->control;
	struct border_record record = { .kind = BORDER_START };
	int err = give_files(node);

	control->is_disk_read = false;
	if (!err)
		err = give_state(node);
	if (!err && control->stun_fd >= 0)
		err = give(node, BORDER_STUN_SOCKET, control->stun_fd);
	if (!err)
		err = give_account(node);
	if (!err)
		err = give_saved_list(node);
	record.list = node->want_list;
	control->state.len = control->state.total = 0;
	control->addresses = (struct border_addresses_coming){};
	return err ?: border_send(node->child.sock, &record, 1, -1);
}

void node_control_again(struct node *node)
{
	struct border_record record = { .kind = BORDER_AGAIN };

	/* A full socket: it is about to be told anyway. */
	if (node->child.sock >= 0 && !give_files(node))
		(void)border_send(node->child.sock, &record, 1, -1);
}

static void on_file(evutil_socket_t fd, short what, void *arg);

static void watch(struct node_control_file *file)
{
	struct timeval check = { .tv_sec = FILE_CHECK_S };
	const char *path = path_of(file->node, file->gift);
	int err;

	if (file->event)
		event_free(file->event);
	file_watch_close(&file->watch);
	err = path ? file_watch_open(&file->watch, path) : -ENOENT;
	file->event = event_new(file->node->base, err ? -1 : file->watch.fd,
				EV_PERSIST | (err ? 0 : EV_READ), on_file, file);
	if (file->event)
		(void)event_add(file->event, err ? &check : NULL);
}

static void on_file(evutil_socket_t fd, short what, void *arg)
{
	struct node_control_file *file = arg;
	struct node *node = file->node;
	int changed = 1;

	(void)what;
	if (fd >= 0)
		changed = file_watch_changed(&file->watch);
	if (fd < 0 || changed < 0)
		watch(file);
	/* Lost when the socket is full or the source gone: the next one gets all of them. */
	if (changed && node->child.sock >= 0)
		(void)give_file(node, file->gift, path_of(file->node, file->gift));
}

void node_gifts_start(struct node *node)
{
	struct node_control *control = &node->control;

	for (size_t i = 0; i < NODE_CONTROL_FILES; i++) {
		control->files[i] =
			(struct node_control_file){ .node = node, .gift = watched_gifts[i] };
		control->files[i].watch.fd = -1;
		watch(&control->files[i]);
	}
}

void node_gifts_stop(struct node *node)
{
	for (size_t i = 0; i < NODE_CONTROL_FILES; i++) {
		struct node_control_file *file = &node->control.files[i];

		if (!file->node)
			continue;
		if (file->event)
			event_free(file->event);
		file_watch_close(&file->watch);
	}
}
