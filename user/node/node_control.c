// SPDX-License-Identifier: Apache-2.0
/*
 * node_control.c - the control plane, seen from the process that does not talk to it: say how it
 * stands, and keep what the source wants kept.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/log.h"
#include "base/printable.h"
#include "node/node_private.h"
#include "tunnel/stun_socket.h"

#define KEEP_AGAIN_MS 30000 /* after a failure */

const char *node_control_state_name(enum border_control state)
{
	static const char *const names[CONTROL_STATES] = {
		[CONTROL_CONNECTING] = "connecting",   [CONTROL_LOGIN] = "waiting for a login",
		[CONTROL_REGISTERING] = "registering", [CONTROL_SYNCING] = "syncing",
		[CONTROL_WATCHING] = "watching",       [CONTROL_RETRYING] = "retrying",
		[CONTROL_REFUSED] = "refused",         [CONTROL_REVOKED] = "revoked",
	};

	return names[state];
}

void node_control_heard(struct node *node, int64_t when)
{
	struct node_control *control = &node->control;

	time_t now = time(NULL);

	/* Not in the future; and the next helper has not heard it yet. A clock that was set back
	 * has made the future of what was kept. */
	if (when > now || (when <= control->heard_at && control->heard_at <= now))
		return;
	control->heard_at = when;
	node_write_status(node);
}

void node_control_lost(struct node *node)
{
	struct node_control *control = &node->control;

	control->where = CONTROL_RETRYING;
	control->since = node->lost.at;
	control->retry_at = node->lost.next_at;
	control->retry_s = control->retry_at - control->since;
	snprintf(control->text, sizeof(control->text), "the helper process %s", node->lost.why);
}

static void keep_state(struct node *node)
{
	struct node_control *control = &node->control;
	int err = node_state_dir(node);

	if (!err)
		err = atomic_file_write(control->state_path, 0600, control->state.bytes,
					control->state.total, true);

	if (err)
		(void)trouble_warn(&node->troubles, TROUBLE_KEEP,
				   "trying again, continuing: the registration is not kept",
				   "write %s: %s", control->state_path, node_state_why(node, err));
	else
		node_state_written(&control->state_file, control->state_path,
				   trouble_clear(&node->troubles, TROUBLE_KEEP) ||
					   control->state_file.is == KEPT_GONE);
	node_state_tell(node);
	node_write_status(node);
	if (err) {
		timer_arm_hurried(&control->keep_again, KEEP_AGAIN_MS);
		return;
	}
	control->state.total = control->state.len = 0;
	explicit_bzero(control->state.bytes, sizeof(control->state.bytes));
}

static void on_keep_again(void *arg)
{
	struct node *node = arg;

	if (node->control.state.total && node->control.state.len == node->control.state.total)
		keep_state(node);
}

static void say_control(struct node *node)
{
	struct node_control *control = &node->control;
	const char *where = control->account.api;

	switch (control->where) {
	case CONTROL_RETRYING:
	case CONTROL_REFUSED:
	case CONTROL_REVOKED:
		if (control->retry_s && !control->is_over)
			log_line_of(LOG_LEVEL_WARN, "control",
				    "%s: %s; trying again in %u s, continuing", where,
				    control->text, control->retry_s);
		else
			log_line_of(LOG_LEVEL_WARN, "control", "%s: %s", where, control->text);
		break;
	case CONTROL_LOGIN:
	case CONTROL_WATCHING:
		log_note("%s: %s", where, control->text);
		break;
	default:
		log_debug("%s: %s", where, control->text);
		return;
	}
	snprintf(control->said, sizeof(control->said), "%s", control->text);
}

/* The same trouble, with nothing but tries in between, is no news. */
static bool is_news(const struct node_control *control, enum border_control state, const char *text)
{
	if (state == CONTROL_CONNECTING || state == CONTROL_REGISTERING || state == CONTROL_SYNCING)
		return control->where != state || strcmp(control->text, text) != 0;
	return strcmp(control->said, text) != 0;
}

static int take_control(struct node *node, const struct border_record *record)
{
	struct node_control *control = &node->control;
	char text[BORDER_TEXT_MAX];
	bool news;

	if (!border_control_is_good(record))
		return -EPROTO;
	control->is_disk_read = false;
	border_text(text, record->control.text, sizeof(record->control.text));
	news = is_news(control, record->control.state, text);
	if (control->where != record->control.state || !control->since)
		control->since = time(NULL);
	control->where = record->control.state;
	control->retry_s = record->control.retry_s;
	control->retry_at = control->retry_s ? time(NULL) + control->retry_s : 0;
	snprintf(control->text, sizeof(control->text), "%s", text);
	node_control_heard(node, record->control.heard_at);
	/* For the next source: only who starts the relay may have it registered anew. */
	if (control->where == CONTROL_WATCHING) {
		control->account.was_let_in = 1;
		node_source_is_well(node);
	}
	if (control->where == CONTROL_WATCHING || control->where == CONTROL_REVOKED) {
		control->is_revoked = control->where == CONTROL_REVOKED;
		control->account.was_revoked = control->account.was_let_in && control->is_revoked;
	}
	if (control->where == CONTROL_REVOKED && node->settings->exit_on_revoke)
		control->is_over = true;
	if (record->control.state >= CONTROL_RETRYING)
		(void)trouble_set(&node->troubles, TROUBLE_CONTROL, text);
	else if (record->control.state == CONTROL_WATCHING)
		(void)trouble_clear(&node->troubles, TROUBLE_CONTROL);
	if (news)
		say_control(node);
	/* It may be the certificates, and they may be others by now. */
	if (control->where == CONTROL_RETRYING && node_gifts_ca(node))
		log_debug("the ca-file is given again with the next change");
	node_write_status(node);
	if (control->is_over)
		loop_end(node->loop, 0);
	return 0;
}

static int take_hold(struct node *node, const struct border_record *record)
{
	struct account *account = &node->control.account;
	int64_t until;

	if (!record->hold_s || record->hold_s > BORDER_HOLD_MAX_S)
		return -EPROTO;
	until = clock_ms() + record->hold_s * 1000LL;
	if (until > account->hold_until)
		account->hold_until = until;
	return 0;
}

static int take_server(struct node *node, const struct prefix *server)
{
	if (prefix_check(server) || !prefix_is_host(server))
		return -EPROTO;
	if (sync_server(&node->sync, server))
		node_tunnel_changed(node, TUNNEL_ADDRESSES); /* tried again, and said */
	return 0;
}

static int send_ping(void *arg, uint32_t number)
{
	struct node *node = arg;
	struct border_record record = { .kind = BORDER_PING, .ping = number };

	return border_send(node->child.sock, &record, 1, -1);
}

static void on_ping_lost(void *arg, const char *why)
{
	node_source_lost(arg, why);
}

static int take_pong(struct node *node, const struct border_record *record)
{
	if (!helper_ping_answered(&node->control.ping, record->pong.number))
		return -EPROTO;
	node_control_heard(node, record->pong.heard_at);
	node_source_is_well(node); /* it lives, whether the server does or not */
	return 0;
}

int node_control_record(struct node *node, const struct border_record *record)
{
	int whole;

	/* The source counts: the next list is one more than any before. */
	if ((record->kind == BORDER_LIST_BEGIN || record->kind == BORDER_CHANGE_BEGIN) &&
	    record->list == node->want_list + 1)
		node->want_list++;
	if (record->kind == BORDER_CONTROL)
		return take_control(node, record) ?: 1;
	if (record->kind == BORDER_HOLD)
		return take_hold(node, record) ?: 1;
	if (record->kind == BORDER_PONG)
		return take_pong(node, record) ?: 1;
	if (record->kind == BORDER_SERVER)
		return take_server(node, &record->server) ?: 1;
	if (record->kind != BORDER_STATE)
		return 0;
	whole = control_state_add(&node->control.state, record);
	if (whole == 1)
		keep_state(node);
	return whole < 0 ? whole : 1;
}

int node_control_open(struct node *node)
{
	const struct run_settings *settings = node->settings;
	struct node_control *control = &node->control;
	char hostname[ACCOUNT_NAME_MAX] = "";

	control->account = *settings->account;
	memcpy(control->account.public_key, node->sync.self_key, WG_KEY_BYTES);
	control->account.listen_port = settings->listen_port;
	control->account.register_once = settings->exit_on_revoke;
	if (gethostname(hostname, sizeof(hostname) - 1))
		return log_err(-errno, "read the host's name");
	printable_copy(control->account.hostname, sizeof(control->account.hostname), hostname);
	snprintf(control->list_path, sizeof(control->list_path), "%s/devices.json",
		 settings->state_dir);
	snprintf(control->state_path, sizeof(control->state_path), "%s/registration.json",
		 settings->state_dir);
	if (control->account.insecure)
		log_warn("the certificate of %s is not checked: whoever is in between can read the "
			 "key and forge the list",
			 control->account.api);
	control->stun_fd = stun_socket_open(settings->listen_port);
	if (control->stun_fd < 0)
		log_warn("no raw socket for STUN (%s): publishing the local address only, "
			 "continuing",
			 strerror(-control->stun_fd));
	return 0;
}

void node_control_start(struct node *node)
{
	const struct helper_ping_events ping_events = { send_ping, on_ping_lost, node };
	struct node_control *control = &node->control;

	node->incoming.keep_base = true;
	timer_init(&control->keep_again, node->loop, on_keep_again, node);
	node_saved_start(node);
	helper_ping_init(&control->ping, node->loop, &ping_events);
}

void node_control_stop(struct node *node)
{
	struct node_control *control = &node->control;

	if (timer_is_armed(&control->keep_again))
		on_keep_again(node); /* there may be room by now */
	node_saved_stop(node);
	helper_ping_stop(&control->ping);
	timer_stop(&control->keep_again);
	if (control->stun_fd >= 0)
		close(control->stun_fd);
	if (control->ca_fd >= 0)
		close(control->ca_fd);
	explicit_bzero(control, sizeof(*control));
	control->stun_fd = control->ca_fd = -1;
}
