// SPDX-License-Identifier: Apache-2.0
#include "node/lost_report.h"

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

#define LOOK_MAX_S 60
#define LOOKER_NAME "nex-relay-rules"

static bool is_new(const struct lost_report *report, const struct lost *lost)
{
	for (size_t i = 0; i < lost->n_networks; i++)
		if (!prefix_list_covers(&report->said, &lost->networks[i].net))
			return true;
	return false;
}

static void remember(struct lost_report *report, const struct lost *lost)
{
	struct prefix_list *said = &report->said;

	for (size_t i = 0; i < lost->n_networks && said->n < PREFIX_LIST_MAX; i++)
		if (!prefix_list_covers(said, &lost->networks[i].net))
			said->at[said->n++] = lost->networks[i].net;
}

static void say_networks(struct lost_report *report)
{
	char text[LOST_LINE_MAX], line[LOST_LINE_MAX];
	struct lost lost;

	/* Whoever makes networks in a loop does not fill the journal. */
	if (report->said.n == PREFIX_LIST_MAX ||
	    lost_networks(report->config.ifname, report->config.forwarding, &lost) ||
	    !is_new(report, &lost))
		return;
	remember(report, &lost);
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
static _Noreturn void look_at_rules(const struct lost_report *report, int lock_fd)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	struct ruleset ruleset;
	char why[RULESET_WHY_MAX];

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	(void)prctl(PR_SET_NAME, LOOKER_NAME, 0, 0, 0); /* for ps alone */
	if (lock_fd >= 0)
		close(lock_fd);
	alarm(LOOK_MAX_S);
	if (ruleset_read(&ruleset, why))
		_exit(1); /* `check` says why */
	say_nats(report->config.ifname, report->config.forwarding, &ruleset);
	if (report->config.is_taken_over)
		nexd_left(&ruleset, report->config.ifname, say_left, NULL);
	_exit(0);
}

static void on_child(void *arg)
{
	struct lost_report *report = arg;

	if (report->looker > 0 && waitpid(report->looker, NULL, WNOHANG) > 0)
		report->looker = 0;
}

static void start_looker(struct lost_report *report, struct loop *loop, int lock_fd)
{
	report->has_looked = true;
	io_start_children(&report->children, loop, on_child, report);
	report->looker = fork();
	if (!report->looker)
		look_at_rules(report, lock_fd);
	if (report->looker < 0)
		report->looker = 0;
}

void lost_report_look(struct lost_report *report, struct loop *loop, int lock_fd)
{
	say_networks(report);
	if (!report->has_looked)
		start_looker(report, loop, lock_fd);
}

void lost_report_stop(struct lost_report *report)
{
	if (report->looker > 0) {
		kill(report->looker, SIGKILL);
		(void)waitpid(report->looker, NULL, 0);
	}
	io_stop(&report->children);
}
