// SPDX-License-Identifier: Apache-2.0
/*
 * node_ping.c - is the source still there? One that follows a service has nothing to say for hours,
 * and one that hangs says just as much: it is asked now and then.
 */
#include <errno.h>

#include "node/node_private.h"

#define PING_MS 60000   /* rarely: nothing else wakes an idle relay up */
#define ANSWER_MS 30000 /* the largest list takes two seconds */
#define FULL_MS 1000    /* the socket is full: a source that runs empties it */
#define FULL_MAX 30

/* In a test that is in a hurry a busy machine must not be taken for a source that hangs. */
#define HURRIED_PING_MS 1000
#define HURRIED_ANSWER_MS 15000
#define HURRIED_FULL_MS 200

static void after(struct node *node, int ms, int hurried_ms)
{
	timer_arm(&node->control.ping, loop_ms_least(node->loop, ms, hurried_ms));
}

static void send_ping(struct node *node)
{
	struct node_control *control = &node->control;
	struct border_record record = { .kind = BORDER_PING, .ping = control->n_pings + 1 };
	int err = border_send(node->child.sock, &record, 1, -1);

	if (err == -EAGAIN && control->n_ping_tries++ < FULL_MAX) {
		after(node, FULL_MS, HURRIED_FULL_MS);
		return;
	}
	if (err) {
		node_source_lost(node, err == -EAGAIN ? "does not answer" : "does not listen");
		return;
	}
	control->n_pings++;
	control->waits_for_pong = true;
	after(node, ANSWER_MS, HURRIED_ANSWER_MS);
}

static void on_ping(void *arg)
{
	struct node *node = arg;

	if (node->child.sock < 0)
		return; /* the next one is asked later */
	if (node->control.waits_for_pong)
		node_source_lost(node, "does not answer");
	else
		send_ping(node);
}

void node_ping_begin(struct node *node)
{
	node->control.waits_for_pong = false;
	node->control.n_ping_tries = 0;
	after(node, PING_MS, HURRIED_PING_MS);
}

void node_ping_heard(struct node *node)
{
	/* It has a lot to say, and the answer is behind that. */
	if (node->control.waits_for_pong)
		after(node, ANSWER_MS, HURRIED_ANSWER_MS);
}

int node_ping_answer(struct node *node, const struct border_record *record)
{
	if (!node->control.waits_for_pong || record->pong.number != node->control.n_pings)
		return -EPROTO;
	node_control_heard(node, record->pong.heard_at);
	node_source_is_well(node); /* it lives, whether the server does or not */
	node_ping_begin(node);
	return 0;
}

void node_ping_start(struct node *node)
{
	timer_init(&node->control.ping, node->loop, on_ping, node);
}

void node_ping_stop(struct node *node)
{
	timer_stop(&node->control.ping);
}
