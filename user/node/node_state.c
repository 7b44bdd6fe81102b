// SPDX-License-Identifier: Apache-2.0
/* node_state.c - the state folder while the node runs: it may fill up, go, or become another's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "node/node_private.h"
#include "peers/file_view.h"

int node_state_open(struct node *node)
{
	struct private_key_error failed = {};
	int err = state_dir_open(&node->state_dir, node->settings->state_dir, &failed);
	const char *shown;

	if (err) {
		(void)log_err(0, "%s: %s", failed.path, failed.why);
		return err;
	}
	/* Where the helper has to stay root, nothing but the view keeps it from WireGuard's key. */
	shown = file_view_shows(node->state_dir.fd);
	return shown ? log_err(-EACCES,
			       "%s: the helper process can read what is in %s, and this folder is "
			       "for secrets: take another one with --state-dir",
			       node->state_dir.path, shown)
		     : 0;
}

int node_state_dir(struct node *node)
{
	struct private_key_error failed = {};
	int err = state_dir_again(&node->state_dir, &failed);

	node->state_why[0] = '\0';
	if (err == 1)
		log_warn("%s was removed or replaced: going on with the one that is there now",
			 node->state_dir.path);
	if (err < 0)
		snprintf(node->state_why, sizeof(node->state_why), "%.150s: %.300s", failed.path,
			 failed.why);
	return err < 0 ? err : 0;
}

const char *node_state_why(const struct node *node, int err)
{
	return *node->state_why ? node->state_why : strerror(-err);
}

/* The source has it in memory, and here it is written as whatever else is to be kept. */
static void look_at_registration(struct node *node)
{
	struct border_record record = { .kind = BORDER_KEEP };
	struct node_control *control = &node->control;

	if (control->state.total)
		return; /* it is being written */
	if (control->is_revoked) {
		/* To remove it is the way to register anew. */
		control->state_file.is = control->state_file.was = KEPT_WELL;
		return;
	}
	/* A source that cannot be told now is told at the next look. */
	if (kept_file_look(&control->state_file, control->state_path) != KEPT_WELL &&
	    node->child.sock >= 0)
		(void)border_send(node->child.sock, &record, 1, -1);
}

void node_state_written(struct kept_file *file, const char *path, bool was_missing)
{
	if (was_missing)
		log_note("%s is written now", path);
	else if (file->is == KEPT_CHANGED && kept_file_is_news(file, clock_s()))
		log_warn("%s was changed by somebody; written again", path);
	kept_file_written(file, path);
}

/* Why the next start would not have the registration; NULL. */
static const char *state_lost(const struct kept_file *file)
{
	if (file->is == KEPT_GONE)
		return "is gone";
	/* As a rule the source has said it again long before the next look. */
	return file->is == KEPT_CHANGED && file->was != KEPT_WELL ? "was changed by somebody"
								  : NULL;
}

void node_state_look(struct node *node)
{
	if (node->state_dir.fd < 0)
		return;
	if (!node_state_dir(node) && node->settings->account) {
		look_at_registration(node);
		node_saved_again(node);
	}
	node_state_tell(node);
}

/* @error stays empty when the next start finds what it needs. */
static void find_lost(const struct node *node, char error[static TROUBLE_TEXT_MAX])
{
	const char *lost = state_lost(&node->control.state_file);
	bool other = node->tunnel.has_other_key;

	if (*node->state_why)
		snprintf(error, TROUBLE_TEXT_MAX, "%s", node->state_why);
	else if (lost)
		snprintf(error, TROUBLE_TEXT_MAX,
			 "registration.json %s, and is asked for again: until it is there the next "
			 "start has to register anew",
			 lost);
	else if (faccessat(node->state_dir.fd, "private.key", F_OK, 0))
		snprintf(error, TROUBLE_TEXT_MAX,
			 "private.key is gone, and the next start makes another identity: keep it "
			 "with `(umask 077; wg show %s private-key >%.150s/private.key)`",
			 node->settings->ifname, node->state_dir.path);
	else if (tunnel_check_key(&node->tunnel) == -EKEYREJECTED)
		snprintf(error, TROUBLE_TEXT_MAX,
			 "private.key holds another key than the one that this relay runs "
			 "with%s%s%s: restart the relay to take it, or put the old one back",
			 other ? ", and " : "", other ? node->settings->ifname : "",
			 other ? " has another one, too, which is left as it is" : "");
}

void node_state_tell(struct node *node)
{
	char error[TROUBLE_TEXT_MAX] = "";
	bool is_news;

	/* What could not be written is a trouble of its own, with the file's name. */
	if (!trouble_is_set(&node->troubles, TROUBLE_KEEP) &&
	    !trouble_is_set(&node->troubles, TROUBLE_SAVE))
		find_lost(node, error);
	is_news = *error ? trouble_set(&node->troubles, TROUBLE_STATE, error)
			 : trouble_clear(&node->troubles, TROUBLE_STATE);
	if (is_news && *error)
		log_warn("%s: %s", node->state_dir.path, error);
	if (is_news)
		node_write_status(node);
}
