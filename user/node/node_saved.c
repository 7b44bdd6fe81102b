// SPDX-License-Identifier: Apache-2.0
/* node_saved.c - save the list of the control plane, in a process of its own. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "node/node_private.h"
#include "node/saved_list.h"

#define SAVE_AFTER_MS 2000  /* changes come in swarms */
#define SAVE_AGAIN_MS 30000 /* not more often, and so long after a failure */

/* What comes from disk and is written again is as old as it was. */
static time_t as_of(const struct node_control *control)
{
	return control->from_disk ? control->saved_at : 0;
}

/* In a child: the loop does not wait for a disk. */
static _Noreturn void write_list(const struct node *node)
{
	int err;

	/* The signals that end the node are blocked here, too: it waits for the list. */
	close(node->state_dir.fd); /* its lock is the node's, who may be killed */
	err = saved_list_write(node->control.list_path, &node->sync.list, as_of(&node->control));
	_exit(err ? (-err < 255 ? -err : 255) : 0);
}

static void saved(struct node *node, int err)
{
	struct node_control *control = &node->control;

	if (err)
		(void)trouble_warn(&node->troubles, TROUBLE_SAVE,
				   "trying again, continuing: the list is not kept", "write %s: %s",
				   control->list_path, node_state_why(node, err));
	else
		node_state_written(&control->list_file, control->list_path,
				   trouble_clear(&node->troubles, TROUBLE_SAVE));
	if (!err && !control->from_disk)
		control->saved_at = time(NULL);
	if (err || control->save_pending)
		timer_arm_hurried(&control->save, SAVE_AGAIN_MS);
	node_state_tell(node);
	node_write_status(node);
}

static void on_save(void *arg)
{
	struct node *node = arg;
	struct node_control *control = &node->control;
	int err;

	if (control->saver) {
		control->save_pending = true;
		return;
	}
	control->save_pending = false;
	err = node_state_dir(node);
	if (err) {
		saved(node, err);
		return;
	}
	control->saver = fork();
	if (control->saver == 0)
		write_list(node);
	if (control->saver < 0) {
		control->saver = 0;
		timer_arm_hurried(&control->save, SAVE_AGAIN_MS);
	}
}

static void on_child(void *arg)
{
	struct node *node = arg;
	int status;

	if (!node->control.saver || waitpid(node->control.saver, &status, WNOHANG) <= 0)
		return;
	node->control.saver = 0;
	saved(node, WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO);
}

void node_control_applied(struct node *node)
{
	struct node_control *control = &node->control;

	control->from_disk = node->incoming.list == control->disk_list;
	if (control->from_disk)
		return;
	if (control->saver)
		control->save_pending = true;
	else if (!timer_is_armed(&control->save))
		timer_arm_hurried(&control->save,
				  control->has_saved ? SAVE_AGAIN_MS : SAVE_AFTER_MS);
	control->has_saved = true;
}

void node_saved_again(struct node *node)
{
	struct node_control *control = &node->control;

	if (node->sync.has_list && !control->saver && !timer_is_armed(&control->save) &&
	    kept_file_look(&control->list_file, control->list_path) != KEPT_WELL)
		timer_arm_hurried(&control->save, SAVE_AFTER_MS);
}

void node_saved_start(struct node *node)
{
	struct node_control *control = &node->control;

	timer_init(&control->save, node->loop, on_save, node);
	io_start_children(&control->on_child, node->loop, on_child, node);
}

void node_saved_stop(struct node *node)
{
	struct node_control *control = &node->control;
	bool is_due = timer_is_armed(&control->save);

	if (control->saver > 0)
		(void)waitpid(control->saver, NULL, 0);
	/* The next run begins with what this one knew. */
	if ((is_due || control->save_pending) && node->sync.has_list && !node_state_dir(node))
		(void)saved_list_write(control->list_path, &node->sync.list, as_of(control));
	timer_stop(&control->save);
	io_stop(&control->on_child);
}
