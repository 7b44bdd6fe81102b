// SPDX-License-Identifier: Apache-2.0
#include "node/node.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "node/node_private.h"
#include "node/node_signals.h"
#include "node/preflight.h"
#include "node/status_file.h"
#include "tunnel/forwarding.h"
#include "tunnel/link.h"

#define STATUS_AGAIN_MS 1000
#define LIST_AGAIN_MIN_MS 250
#define LIST_AGAIN_MAX_MS 30000

static void lock_is_back(struct node *node)
{
	int err = 0;

	log_warn("%s was removed: made again; what sysctls were before is lost with it, `nex-relay "
		 "down` leaves them as they are",
		 node->instance.run_dir);
	if (node->sync.tunnel)
		err = tunnel_record_save(node->instance.tunnel_path, &node->tunnel.record);
	if (err)
		log_warn("write %s: %s; `nex-relay down` leaves %s, continuing",
			 node->instance.tunnel_path, strerror(-err), node->settings->ifname);
}

void node_look_at_lock(struct node *node)
{
	pid_t holder;
	int err = instance_lock_again(&node->instance, &holder);

	if (err == 1) {
		lock_is_back(node);
		err = 0;
	} else if (err == -EBUSY) {
		log_err(0, "%s was removed, and process %d serves %s now: ending",
			node->instance.run_dir, (int)holder, node->settings->ifname);
		node->is_replaced = true;
		loop_end(node->loop, 0);
	} else if (err) {
		(void)trouble_warn(&node->troubles, TROUBLE_LOCK, "trying again, continuing",
				   "%s was removed, make it again: %s", node->instance.run_dir,
				   strerror(-err));
	}
	if (!err)
		(void)trouble_clear(&node->troubles, TROUBLE_LOCK);
}

void node_write_status(struct node *node)
{
	struct node_status status = { node->settings,
				      &node->sync,
				      node->ipv6_reason,
				      &node->troubles,
				      node->settings->account ? &node->control : NULL,
				      &node->lost };
	int err;

	node_look_at_lock(node);
	if (node->is_replaced)
		return; /* it is the other one's */
	err = status_file_write(node->instance.status_path, &status, true);
	if (err)
		(void)trouble_warn(&node->troubles, TROUBLE_STATUS, "trying again, continuing",
				   "write %s: %s", node->instance.status_path, strerror(-err));
	else
		(void)trouble_clear(&node->troubles, TROUBLE_STATUS);
	if (err && node->loop)
		timer_arm(&node->status_again, STATUS_AGAIN_MS);
}

static void on_status_again(void *arg)
{
	node_write_status(arg);
}

const char *node_list_name(const struct node *node)
{
	const struct run_settings *settings = node->settings;

	if (settings->account && node->incoming.list &&
	    node->incoming.list == node->control.disk_list)
		return node->control.list_path;
	if (settings->account)
		return settings->account->api;
	return settings->peers ?: settings->ifname;
}

bool node_has_source(const struct node *node)
{
	return node->settings->peers || node->settings->account;
}

void node_list_failed(struct node *node, const char *why)
{
	/* What is still as wrong as before has been spoken of. */
	if (!trouble_set(&node->troubles, TROUBLE_LIST, why) && !node->list_is_new)
		return;
	node->list_is_new = false;
	/* Also what an earlier run has left in the tables. */
	if (node->sync.n_devices)
		log_warn("%s: %s; keeping the last good list (%zu devices), continuing",
			 node_list_name(node), why, node->sync.n_devices);
	else
		log_warn("%s: %s; waiting for a good list, continuing", node_list_name(node), why);
	node_write_status(node);
}

/*
 * What is wrong with the list itself stays so until there is another one; what the kernel could not
 * do just now is tried again, and said once.
 */
static void list_not_applied(struct node *node, int err)
{
	const char *why = sync_why(&node->sync, err);

	node_tunnel_unsure(node);
	node_list_failed(node, why);
	if (!node->sync.is_refused && node_has_source(node))
		node_list_again(node);
}

void node_list_again(struct node *node)
{
	timer_arm(&node->list_again, pace_failed_here(&node->list_pace, clock_ms()));
}

void node_list(struct node *node, struct device_list *list)
{
	int err = sync_list(&node->sync, list);

	if (err) {
		list_not_applied(node, err);
		return;
	}
	pace_reset(&node->list_pace);
	node->list_is_new = false;
	(void)trouble_clear(&node->troubles, TROUBLE_TUNNEL);
	(void)trouble_clear(&node->troubles, TROUBLE_LIST);
	if (node->settings->account)
		node_control_applied(node);
	if (!node->sync.ifindex) {
		log_note("%s: kept until %s is back", node_list_name(node), node->settings->ifname);
		node_write_status(node);
		return;
	}
	/* A VPC of thousands changes all the time. */
	log_line(node->settings->account && node->incoming.is_change ? LOG_LEVEL_DEBUG
								     : LOG_LEVEL_NOTE,
		 "%s: %zu devices, %zu addresses, %zu CIDRs, %zu skipped", node_list_name(node),
		 node->sync.n_devices, node->sync.n_addresses, node->sync.n_cidrs,
		 node->sync.n_skipped);
	if (node->sync.tunnel)
		node_tunnel_report(node);
	node_write_status(node);
}

/* IPv6 may have been switched on or off since. */
void node_look_at_ipv6(struct node *node, bool first)
{
	const char *before = node->ipv6_reason;

	node->sync.ipv6 = ipv6_support(&node->ipv6_reason);
	host_forwarding_ipv6(&node->forwarding, node->sync.ipv6);
	if (node->ipv6_reason && (first || !before))
		log_note("no IPv6 on this host (%s): relaying IPv4 only", node->ipv6_reason);
	if (!node->ipv6_reason && !first && before)
		log_note("this host has IPv6 now: relaying both");
}

static void read_again(struct node *node)
{
	log_note("reading again on SIGHUP");
	node_look_at_ipv6(node, false);
	(void)host_forwarding_enable(&node->forwarding); /* said; what runs goes on */
	(void)sync_repair(&node->sync);
	(void)sync_again(&node->sync);
	if (node->sync.tunnel)
		node_tunnel_changed(node, TUNNEL_ALL);
	node->list_is_new = true;
	if (node_has_source(node))
		node_source_read(node);
	else
		node_interface_read(node);
}

static void on_signal(void *arg)
{
	struct node *node = arg;
	int number = node_signals_next(node->signal_fd);

	if (number == SIGHUP) {
		read_again(node);
	} else if (number) {
		log_note("ending on signal %d; only `nex-relay down` ends the forwarding", number);
		loop_end(node->loop, 0);
	}
}

static int start_signals(struct node *node)
{
	int fd = node_signals_open();

	if (fd < 0)
		return fd;
	node->signal_fd = fd;
	io_start(&node->on_signal, node->loop, node->signal_fd, IO_READ, on_signal, node);
	return 0;
}

static int start_loop(struct node *node)
{
	int err;

	node->loop = loop_new();
	err = node->loop ? start_signals(node) : -ENOMEM;
	if (!err && node->settings->account)
		loop_hurry(node->loop, node->settings->account->hurry);
	if (!err) {
		timer_init(&node->status_again, node->loop, on_status_again, node);
		host_forwarding_start(&node->forwarding, node->loop);
		err = node_interface_start(node);
	}
	if (!err && node->sync.tunnel)
		err = node_tunnel_follow(node);
	if (!err && node_has_source(node))
		err = node_source_start(node);
	return err ? log_err(err, "start the event loop") : 0;
}

static void stop_loop(struct node *node)
{
	node_source_stop(node);
	node_interface_stop(node);
	host_forwarding_stop(&node->forwarding);
	node_tunnel_stop(node);
	lost_report_stop(&node->lost_report);
	io_stop(&node->on_signal);
	if (node->signal_fd >= 0)
		close(node->signal_fd);
	timer_stop(&node->status_again);
	loop_free(node->loop);
}

static int lock(struct node *node)
{
	pid_t holder;
	int err = instance_lock(&node->instance, &holder);

	if (err == -EBUSY && holder > 0)
		return log_err(0, "%s is already served by process %d: stop that one first",
			       node->settings->ifname, (int)holder);
	if (err == -EBUSY)
		return log_err(0,
			       "%s is already served by a process that does not tell its number "
			       "(see `fuser %s`)",
			       node->settings->ifname, node->instance.lock_path);
	if (err)
		return log_err(err, "create %s", node->instance.lock_path);
	return 0;
}

static int look_at_interface(struct node *node, uint32_t *ret_peers)
{
	AUTO(wg_device_done) struct wg_device device = {};
	struct link link;
	int err = preflight_interface(node->settings->ifname, &link, &device);

	if (err)
		return err;
	memcpy(node->sync.self_key, device.public_key, sizeof(node->sync.self_key));
	node->sync.ifindex = link.ifindex;
	*ret_peers = device.n_peers < NEX_SLOTS_MAX ? device.n_peers : NEX_SLOTS_MAX;
	return 0;
}

/* Where it cannot be written at the start it never can: better said now than later. */
static int first_status(struct node *node, bool had_pins)
{
	struct node_status status = { node->settings,  &node->sync, node->ipv6_reason,
				      &node->troubles, NULL,        NULL };
	/* What an earlier run says of a relay that goes on stays until this one has taken over. */
	int err = status_file_write(node->instance.status_path, &status, !had_pins);

	if (err)
		return log_err(err, "write %s: make room for it", node->instance.status_path);
	return 0;
}

static int start(struct node *node, uint32_t n_peers, bool had_pins)
{
	int err;

	/* Before the first list comes: what is wrong with the host is said at once. */
	node_look_at_ipv6(node, true);
	err = first_status(node, had_pins);
	if (!err)
		err = host_forwarding_enable(&node->forwarding);
	if (!err && node->sync.tunnel)
		host_forwarding_interface(&node->forwarding, true);
	if (!err && node->settings->account)
		err = node_control_open(node);
	if (!err)
		err = sync_open(&node->sync, n_peers);
	if (!err && node->sync.tunnel)
		node_tunnel_watch_peers(node);
	if (!err)
		err = preflight_drop_privileges();
	if (err)
		return err;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) /* no core files of a privileged process */
		return log_err(-errno, "forbid core files");
	if (node->sync.attached)
		log_note("%s: attached (%s)", node->settings->ifname,
			 datapath_attach_name(datapath_attached(node->sync.dp)));
	else
		log_note("%s: the program that is attached stays until the first list has come",
			 node->settings->ifname);
	err = start_loop(node);
	if (!err)
		node_write_status(node);
	return err;
}

/* What was there before this start, and so stays when it fails. */
struct before {
	bool had_pins, had_record, had_link;
};

/* Take back what a start that failed has done, and nothing that was there before it. */
static void undo(struct node *node, const struct before *before)
{
	int lock = instance_host_lock_to_leave(&node->instance);
	bool made_clsact;

	if (lock < 0 && lock != INSTANCE_NOT_LOCKED)
		return;
	if (!before->had_pins)
		(void)datapath_remove(node->instance.pin_dir, node->sync.ifindex, &made_clsact);
	if (!before->had_link)
		(void)tunnel_down(node->settings->ifname, node->instance.tunnel_path);
	instance_unlock(&node->instance, !before->had_pins);
	/* A record that was there before is another interface's, which may have gone meanwhile. */
	if (instance_is_last(&node->instance) && (!before->had_pins || !before->had_record))
		(void)forwarding_restore(node->instance.sysctl_path, NULL);
	instance_host_unlock(&node->instance, lock, true);
}

/* Somebody else's as it is, or our own. */
static int have_interface(struct node *node, struct before *before, uint32_t *ret_peers)
{
	bool made = false;
	int err;

	if (node->settings->adopt)
		return look_at_interface(node, ret_peers);
	err = node_state_open(node) ?: node_tunnel_start(node, &made);
	before->had_link = !made;
	return err;
}

static int run_locked(struct node *node)
{
	struct before before = {
		.had_pins = !access(node->instance.pin_dir, F_OK),
		.had_record = !access(node->instance.sysctl_path, F_OK),
		.had_link = true,
	};
	uint32_t n_peers = 0;
	bool is_over;
	int err;

	node->sync.config = (struct datapath_config){
		.pin_dir = node->instance.pin_dir,
		.hook = node->settings->hook,
		.attach = node->settings->attach,
		.relay_only = node->settings->relay_only,
		.strict = node->settings->strict,
	};
	node->sync.ranges = node->settings->ranges;
	node->sync.host_routes = node->settings->host_routes;
	node->sync.troubles = &node->troubles;
	host_forwarding_init(&node->forwarding, &(struct host_forwarding_config){
							.instance = &node->instance,
							.troubles = &node->troubles,
							.ifname = node->settings->ifname,
							.is_own = !node->settings->adopt,
						});
	err = have_interface(node, &before, &n_peers);
	if (!err)
		err = start(node, n_peers, before.had_pins);
	if (err)
		undo(node, &before);
	else
		err = loop_run(node->loop);
	log_tell_left_out(true);
	if (node->is_replaced)
		err = -EBUSY;
	is_over = node->control.is_over;
	stop_loop(node);
	if (is_over) {
		log_note("%s: taking everything back, as --exit-on-revoke says; to register anew "
			 "remove "
			 "%s",
			 node->settings->ifname, node->control.state_path);
		undo(node, &(struct before){});
		err = -ECONNREFUSED;
	}
	sync_close(&node->sync);
	state_dir_close(&node->state_dir);
	instance_unlock(&node->instance, false);
	return err;
}

int node_run(const struct run_settings *settings)
{
	struct node node = {
		.settings = settings,
		.signal_fd = -1,
		.link_fd = -1,
		.route_fd = -1,
		.state_dir.fd = -1,
		.watch.fd = -1,
		.child.sock = -1,
		.control.stun_fd = -1,
		.control.ca_fd = -1,
		.list_pace = { .min_ms = LIST_AGAIN_MIN_MS, .max_ms = LIST_AGAIN_MAX_MS },
	};
	int err;

	log_limit_lines();
	signal(SIGPIPE, SIG_IGN);
	err = instance_init(&node.instance, settings->ifname);
	if (err)
		return log_err(err, "'%s' cannot be an interface's name", settings->ifname);
	err = preflight_host();
	if (!err)
		err = lock(&node);
	return err ?: run_locked(&node);
}
