// SPDX-License-Identifier: Apache-2.0
/*
 * node_lost.c - say what spokes do not get to by an interface of our own, and the line that lets
 * them.
 *
 * The networks of this host are said whenever there is a new one. Its translations are looked at
 * once, in a process of its own: rules may be many, and libnftables stays out of this one.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "check/lost.h"
#include "check/nexd.h"
#include "node/node_private.h"

#define LOOK_MAX_S 60
#define LOOKER_NAME "nex-relay-rules"

static bool is_new(const struct node *node, const struct lost *lost)
{
	for (size_t i = 0; i < lost->n_networks; i++)
		if (!prefix_list_covers(&node->said_lost, &lost->networks[i].net))
			return true;
	return false;
}

static void remember(struct node *node, const struct lost *lost)
{
	struct prefix_list *said = &node->said_lost;

	for (size_t i = 0; i < lost->n_networks && said->n < PREFIX_LIST_MAX; i++)
		if (!prefix_list_covers(said, &lost->networks[i].net))
			said->at[said->n++] = lost->networks[i].net;
}

static void say_networks(struct node *node)
{
	char text[LOST_LINE_MAX], line[LOST_LINE_MAX];
	struct lost lost;

	/* Whoever makes networks in a loop does not fill the journal. */
	if (node->said_lost.n == PREFIX_LIST_MAX ||
	    lost_networks(node->settings->ifname, &node->settings->forwarding, &lost) ||
	    !is_new(node, &lost))
		return;
	remember(node, &lost);
	log_note("spokes are not let into this host's networks: %s", lost_describe(&lost, text));
	log_note("if they shall: `%s` in nex-relay.conf", lost_line(&lost, true, false, line));
}

static void say_nats(const char *ifname, const struct kernel_forwarding *forwarding,
		     const struct ruleset *ruleset)
{
	struct lost lost;
	char line[LOST_LINE_MAX];

	if (lost_networks(ifname, forwarding, &lost) || lost_nats(ifname, ruleset, &lost) ||
	    !lost.n_nats)
		return;
	for (size_t i = 0; i < lost.n_nats && i < LOST_SHOWN; i++)
		log_warn("does not work for spokes: %s", lost.nats[i].what);
	if (lost.n_nats + lost.n_more_nats > LOST_SHOWN)
		log_warn("does not work for spokes: %zu more, as `nex-relay check` says",
			 lost.n_nats + lost.n_more_nats - LOST_SHOWN);
	log_warn("what restores it: `%s` in nex-relay.conf", lost_line(&lost, false, true, line));
	if (lost_needs_all(&lost) && strcmp(line, LOST_ALL_LINE) != 0)
		log_warn("what restores all of it: `" LOST_ALL_LINE "`");
}

static void say_left(const char *what, const char *command, void *data)
{
	(void)data;
	log_note("%s: as nexd leaves it, of no use now: `%s` removes it", what, command);
}

/* In a child. */
static _Noreturn void look_at_rules(const struct node *node)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	struct ruleset ruleset;
	char why[RULESET_WHY_MAX];

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	(void)prctl(PR_SET_NAME, LOOKER_NAME, 0, 0, 0); /* for ps alone */
	if (node->state_dir.fd >= 0)
		close(node->state_dir.fd); /* its lock is the node's */
	alarm(LOOK_MAX_S);
	if (ruleset_read(&ruleset, why))
		_exit(1); /* `check` says why */
	say_nats(node->settings->ifname, &node->settings->forwarding, &ruleset);
	if (node->is_taken_over)
		nexd_left(&ruleset, node->settings->ifname, say_left, NULL);
	_exit(0);
}

static void on_child(void *arg)
{
	struct node *node = arg;

	if (node->rules_looker > 0 && waitpid(node->rules_looker, NULL, WNOHANG) > 0)
		node->rules_looker = 0;
}

static void start_looker(struct node *node)
{
	node->has_looked = true;
	io_start_children(&node->on_looker, node->loop, on_child, node);
	node->rules_looker = fork();
	if (!node->rules_looker)
		look_at_rules(node);
	if (node->rules_looker < 0)
		node->rules_looker = 0;
}

void node_lost_look(struct node *node)
{
	if (!node->sync.tunnel || !node->sync.has_list)
		return;
	say_networks(node);
	if (!node->has_looked)
		start_looker(node);
}

void node_lost_stop(struct node *node)
{
	if (node->rules_looker > 0) {
		kill(node->rules_looker, SIGKILL);
		(void)waitpid(node->rules_looker, NULL, 0);
	}
	io_stop(&node->on_looker);
}
