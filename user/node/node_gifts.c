// SPDX-License-Identifier: Apache-2.0
/*
 * node_gifts.c - descriptors of what the helper may not open itself: who we are, whom to trust
 * instead of whom the system trusts, what was kept of the last run.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file_text.h"
#include "base/log.h"
#include "node/ca_file.h"
#include "node/control_files.h"
#include "nexodus/http.h"
#include "node/node_private.h"
#include "peers/peer_file.h"

static int give(struct node *node, enum border_gift gift, int fd)
{
	struct border_record record = { .kind = BORDER_GIVE, .gift = gift };

	return border_send(node->child.sock, &record, 1, fd);
}

/* For the next helper, when the file is not what it was: what one has read goes with it. */
static void keep_ca(struct node_control *control, int fd)
{
	auto_free char *text = NULL;
	int kept = -EIO;

	if (!file_text_read(fd, HTTP_CA_BYTES_MAX, &text))
		kept = control_sealed_fd("ca-file", text, strlen(text));
	if (kept < 0)
		return; /* the ones of before */
	if (control->ca_fd >= 0)
		close(control->ca_fd);
	control->ca_fd = kept;
}

int node_gifts_ca(struct node *node)
{
	struct node_control *control = &node->control;
	const char *path = node->settings->ca_file, *why;
	auto_close int fd = -1;

	if (!path)
		return 0;
	fd = ca_file_open(path, &why);
	if (fd >= 0) {
		control->ca_said = NULL;
		keep_ca(control, fd);
		return give(node, BORDER_CA, fd);
	}
	if (!control->ca_said || strcmp(control->ca_said, why) != 0)
		log_warn("ca-file %s: %s; continuing with the certificates of before", path, why);
	control->ca_said = why;
	/* A helper without any would trust the system's. */
	return control->ca_fd >= 0 ? give(node, BORDER_CA, control->ca_fd) : -ENOENT;
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
	const struct account *account = &node->control.account;
	auto_close int fd = control_sealed_fd("account", account, sizeof(*account));

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

int node_control_begin(struct node *node)
{
	struct node_control *control = &node->control;
	struct border_record record = { .kind = BORDER_START };
	int err = node_gifts_ca(node);

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
	return err ?: border_send(node->child.sock, &record, 1, -1);
}

void node_control_again(struct node *node)
{
	struct border_record record = { .kind = BORDER_AGAIN };

	/* A full socket: it is about to be told anyway. */
	if (node->child.sock >= 0 && !node_gifts_ca(node))
		(void)border_send(node->child.sock, &record, 1, -1);
}
