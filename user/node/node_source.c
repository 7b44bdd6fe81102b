// SPDX-License-Identifier: Apache-2.0
/*
 * node_source.c - the peer file, and the source process that parses it.
 *
 * The node opens the file and hands the descriptor over; it never looks inside. When the source
 * dies, forwarding does not notice, and another is started.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "node/node_private.h"
#include "peers/peer_file.h"

#define RESTART_MIN_MS 50
#define RESTART_MAX_MS 10000
#define RESTART_CALM_MS                                                           \
	60000 /* a source that lived so long begins with the shortest delay again \
	       */
#define MESSAGES_AT_ONCE 64
#define FOLDER_AGAIN_MS 2000
/* The largest list takes two seconds; a source that takes so much longer hangs. */
#define LIST_DEADLINE_MS 30000
#define SAID_MAX 32 /* messages for one list; a source with more to say is not trusted */

/* Said once: one that dies at every start does so for days. `status` has the newest. */
static void note_lost(struct node *node, const char *why, int after_ms)
{
	double after_s = loop_ms(node->loop, after_ms) / 1000.0;
	struct helper_loss *lost = &node->lost;

	if (strcmp(lost->why, why) != 0)
		log_warn("the helper process %s; starting another in %.1f s, forwarding goes on",
			 why, after_s);
	snprintf(lost->why, sizeof(lost->why), "%s", why);
	lost->at = time(NULL);
	lost->next_at = lost->at + (time_t)(after_s + 1);
	if (node->settings->account)
		node_control_lost(node);
	node_write_status(node);
}

void node_source_is_well(struct node *node)
{
	if (!*node->lost.why)
		return;
	*node->lost.why = '\0';
	node_write_status(node);
}

void node_source_lost(struct node *node, const char *why)
{
	int after_ms = (int)pace_failed_here(&node->restart_pace, clock_ms());

	note_lost(node, why, after_ms);
	io_stop(&node->on_source);
	helper_ping_stop(&node->control.ping);
	source_child_stop(&node->child);
	border_list_done(&node->incoming);
	timer_stop(&node->deadline);
	timer_arm_hurried(&node->restart, after_ms);
}

/* For the source, which may open nothing itself. Return: descriptor, or -1, said. */
static int open_peer_file(struct node *node)
{
	int fd = open(node->settings->peers, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		why = strerror(errno);
		/* Out of descriptors, maybe: no event tells when that is over. */
		node_list_again(node);
	} else if (!S_ISREG(st.st_mode)) {
		why = "not a regular file";
	} else if (st.st_size > (off_t)PEER_FILE_BYTES_MAX) {
		why = "byte 134217729: larger than 128 MiB";
	} else {
		return fd;
	}
	node_list_failed(node, why);
	if (fd >= 0)
		close(fd);
	return -1;
}

void node_source_read(struct node *node)
{
	struct border_record record = { .kind = BORDER_FILE };
	auto_close int fd = -1;
	int err;

	if (node->settings->account) {
		node_control_again(node);
		return;
	}
	node->unsent = node->child.sock < 0;
	if (node->unsent)
		return;
	fd = open_peer_file(node);
	if (fd < 0)
		return;
	timer_stop(&node->list_again);
	record.list = ++node->want_list;
	node->n_said = 0;
	timer_arm(&node->deadline, LIST_DEADLINE_MS);
	err = border_send(node->child.sock, &record, 1, fd);
	node->unsent = err == -EAGAIN; /* busy with earlier ones: on_source() tries again */
	if (err && err != -EAGAIN)
		node_source_lost(node, "does not listen");
}

/* What a warning is about. */
static const char *warned_of(const struct node *node)
{
	if (!node->settings->account)
		return node_list_name(node);
	return node->control.is_disk_read ? node->control.list_path : node->settings->account->api;
}

/* Return: 0; negative errno when the source breaks a rule. */
static int take_record(struct node *node, const struct border_record *record)
{
	char text[BORDER_TEXT_MAX];
	int done = 0;

	if (record->kind == BORDER_REFUSED) {
		node->refused_call = record->call;
		return 0;
	}
	if (node->settings->account)
		done = node_control_record(node, record);
	if (done)
		return done < 0 ? done : 0;
	if (record->list != node->want_list ||
	    (record->kind != BORDER_WARNING && record->kind != BORDER_LIST_ERROR)) {
		done = border_list_add(&node->incoming, record, node->want_list);
		if (done == 1) {
			timer_stop(&node->deadline);
			timer_stop(&node->list_again);
			if (!node->settings->account)
				node_source_is_well(node);
			node_list(node, &node->incoming.devices);
		}
		return done < 0 ? done : 0;
	}
	/* A server may have a lot to be warned of; a file has that much at most. */
	if (!node->settings->account && ++node->n_said > SAID_MAX)
		return -EPROTO;
	border_text(text, record->text, sizeof(record->text));
	if (record->kind == BORDER_WARNING) {
		log_line_of(LOG_LEVEL_WARN, "helper's warning", "%s: %s", warned_of(node), text);
	} else if (node->settings->account) {
		log_warn("%s: %s; not used, continuing: waiting for the server's list",
			 node->control.list_path, text);
	} else {
		timer_stop(&node->deadline);
		node_source_is_well(node);
		node_list_failed(node, text);
	}
	return 0;
}

static void has_ended(struct node *node)
{
	char why[SOURCE_END_MAX];
	int status;

	if (source_child_ended(&node->child, &status))
		node_source_lost(node, source_end_text(status, node->refused_call, why));
	else
		node_source_lost(node, "has closed its socket");
}

static void on_source(void *arg)
{
	struct border_record records[BORDER_BATCH_MAX];
	struct node *node = arg;

	if (node->settings->account)
		helper_ping_heard(&node->control.ping);
	for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
		ssize_t n = border_receive(node->child.sock, records, NULL);
		int err = n < 0 ? (int)n : 0;

		if (n == -EAGAIN)
			break;
		for (ssize_t r = 0; !err && r < n; r++)
			err = take_record(node, &records[r]);
		if (n == 0 || err == -ECONNRESET) {
			has_ended(node);
			return;
		}
		if (err) {
			node_source_lost(node, "broke the protocol");
			return;
		}
	}
	if (node->unsent)
		node_source_read(node);
}

static void on_deadline(void *arg)
{
	struct node *node = arg;

	node->unsent = true;
	node_source_lost(node, "does not answer");
}

static void on_restart(void *arg)
{
	struct node *node = arg;
	int err;

	err = source_child_start(&node->child, node->settings->account);
	if (err) {
		log_warn("start the helper process: %s, trying again", strerror(-err));
		timer_arm(&node->restart, RESTART_MAX_MS);
		return;
	}
	pace_well(&node->restart_pace, clock_ms());
	node->refused_call = SOURCE_END_NO_CALL;
	io_start(&node->on_source, node->loop, node->child.sock, IO_READ, on_source, node);
	if (node->settings->account) {
		if (node_control_begin(node))
			node_source_lost(node, "does not listen");
		else
			helper_ping_begin(&node->control.ping);
		return;
	}
	/* What the lost one was working on, or was never told. */
	if (node->unsent || node->incoming.list != node->want_list)
		node_source_read(node);
}

static void on_file(void *arg);

/* (Re)open the watch; while the folder is not there, try again. */
static void watch_folder(struct node *node)
{
	int err;

	io_stop(&node->on_file);
	file_watch_close(&node->watch);
	err = file_watch_open(&node->watch, node->settings->peers);
	if (err)
		log_debug("watch %s: %s", node->watch.dir, strerror(-err));
	if (err)
		timer_arm(&node->folder_again, FOLDER_AGAIN_MS);
	else
		io_start(&node->on_file, node->loop, node->watch.fd, IO_READ, on_file, node);
}

static void on_file(void *arg)
{
	struct node *node = arg;
	int changed;

	if (node->watch.fd < 0) {
		watch_folder(node);
		node->list_is_new = true;
		if (node->watch.fd >= 0)
			node_source_read(node);
		return;
	}
	changed = file_watch_changed(&node->watch);
	if (changed < 0)
		watch_folder(node);
	if (!changed)
		return;
	node->list_is_new = true;
	node_source_read(node);
}

/* The list is still here; it is the kernel that could not take it. */
static void apply_again(struct node *node)
{
	AUTO(device_list_done) struct device_list list = {};

	if (!node->incoming.base_list || device_list_copy(&node->incoming.base, &list))
		return;
	node_list(node, &list);
}

static void on_list_again(void *arg)
{
	struct node *node = arg;

	if (node->settings->account)
		apply_again(node);
	else
		node_source_read(node);
}

int node_source_start(struct node *node)
{
	node->watch.fd = -1;
	node->restart_pace = (struct pace){ .min_ms = RESTART_MIN_MS,
					    .max_ms = RESTART_MAX_MS,
					    .calm_ms = RESTART_CALM_MS };
	timer_init(&node->restart, node->loop, on_restart, node);
	timer_init(&node->deadline, node->loop, on_deadline, node);
	timer_init(&node->list_again, node->loop, on_list_again, node);
	timer_init(&node->folder_again, node->loop, on_file, node);
	node->list_is_new = true;
	if (node->settings->account) {
		node_control_start(node);
	} else {
		watch_folder(node);
		node->unsent = true;
	}
	on_restart(node);
	return 0;
}

void node_source_stop(struct node *node)
{
	io_stop(&node->on_source);
	io_stop(&node->on_file);
	timer_stop(&node->folder_again);
	timer_stop(&node->restart);
	timer_stop(&node->deadline);
	timer_stop(&node->list_again);
	file_watch_close(&node->watch);
	source_child_stop(&node->child);
	border_list_done(&node->incoming);
	node_control_stop(node);
}
