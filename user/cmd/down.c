// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "datapath/datapath.h"
#include "datapath/pins.h"
#include "node/instance.h"
#include "tunnel/clsact.h"
#include "tunnel/forwarding.h"
#include "tunnel/link.h"
#include "tunnel/tunnel.h"

#define STOP_TIMEOUT_MS 15000 /* as a rule, a look waits less for wireguard-go */
#define LATE_S 5              /* on a host that is busy */
#define LOCK_PAUSE_MS 50
#define TAKE_OVER_MS 10000 /* others who want the same are done by then */

/* A node that runs, but whose lock is gone, would put back what is taken away: let it show itself.
 */
static void await_lock(const struct instance *instance)
{
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	const int limit_ms = (INSTANCE_LOCK_AGAIN_S + LATE_S) * 1000;

	if (!instance_lost_lock(instance))
		return;
	log_note("%s is gone: waiting for %d s, for a relay that may be running to make it again",
		 instance->lock_path, limit_ms / 1000);
	for (int ms = 0; ms < limit_ms && instance_holder(instance) == 0; ms += LOCK_PAUSE_MS)
		nanosleep(&pause, NULL);
}

/* End the node and wait until it is gone. A pidfd, so that it cannot be another process by now. */
static int stop_node(const struct instance *instance)
{
	pid_t pid = instance_holder(instance);
	auto_close int fd = -1;
	struct pollfd ended = { .events = POLLIN };

	if (pid <= 0)
		return pid;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : -errno;
	if (instance_holder(instance) != pid)
		return 0;
	if (syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0))
		return errno == ESRCH ? 0 : -errno;
	ended.fd = fd;
	if (poll(&ended, 1, STOP_TIMEOUT_MS) == 1)
		return 0;
	/* It hangs. What it leaves is taken back below, as after any other end. */
	log_warn("process %d does not end: killing it, continuing", (int)pid);
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) && errno != ESRCH)
		return -errno;
	return poll(&ended, 1, STOP_TIMEOUT_MS) == 1 ? 0 : -ETIMEDOUT;
}

/*
 * Become the one who has the lock. Another `down` may be faster: that one is waited for, and what
 * it leaves, most likely nothing, is taken back once more. Who has it is not to be ended half-way.
 */
static int take_over(struct instance *instance)
{
	static const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	pid_t holder;
	int err;

	(void)signal(SIGTERM, SIG_IGN);
	for (int ms = 0;; ms += LOCK_PAUSE_MS) {
		err = stop_node(instance);
		if (err)
			return err;
		err = instance_lock(instance, &holder);
		if (err != -EBUSY || ms >= TAKE_OVER_MS)
			return err;
		(void)nanosleep(&pause, NULL);
	}
}

static int remove_datapath(const struct instance *instance)
{
	struct datapath_state state = {};
	bool made_clsact = false;
	struct link link = {};
	int err;

	(void)link_get(instance->ifname, &link); /* gone is fine: its filters went with it */
	(void)datapath_inspect(instance->pin_dir, link.ifindex, &state); /* it may be renamed */
	if (!state.ifindex)
		state.ifindex = link.ifindex;
	err = datapath_remove(instance->pin_dir, state.ifindex, &made_clsact);
	if (!err && made_clsact && state.ifindex)
		err = clsact_remove_if_unused(state.ifindex);
	return err;
}

/* Sysctls are the network namespace's: they stay while another interface is relayed on. */
static int restore_sysctls(const struct instance *instance)
{
	struct forwarding_error failed = {};
	int err;

	if (!instance_is_last(instance)) {
		log_note("forwarding sysctls stay: another interface is relayed on");
		return 0;
	}
	err = forwarding_restore(instance->sysctl_path, &failed);
	if (err == -EBADMSG)
		return log_err(err, "restore sysctls from %s: remove it, and set them by hand",
			       instance->sysctl_path);
	return err ? log_err(err, "restore %s", failed.sysctl) : 0;
}

static void say_left(const struct instance *instance, int err)
{
	const char *ifname = instance->ifname;

	if (err == -EXDEV)
		log_err(0,
			"%s is not in this network namespace, but its userspace WireGuard still "
			"runs, with the key: remove it where it was moved to (`ip -n NAMESPACE "
			"link delete %s`) or end the process (`pgrep -a wireguard-go`), and run "
			"`nex-relay down` again",
			ifname, ifname);
	else if (err == -ESTALE)
		log_err(0,
			"%s is not in this network namespace, and another one has what may be it, "
			"with the key: if it was moved there, remove it there (`ip -n NAMESPACE "
			"link delete %s`)",
			ifname, ifname);
	else
		log_err(err, "remove %s%s", ifname,
			err == -EBADMSG ? " (its record is damaged: remove it by hand)"
			: err == -EBUSY ? " (wireguard-go does not end: end it by hand)"
					: "");
}

/* One at a time in a network namespace: who goes last restores the sysctls. */
static int take_back(struct instance *instance)
{
	int lock = instance_host_lock_to_leave(instance), err, tunnel_err, sysctl_err;

	if (lock < 0 && lock != INSTANCE_NOT_LOCKED)
		return log_err(lock, "lock %s", instance->host_lock_path);
	err = remove_datapath(instance);
	if (err)
		log_err(err, "%s: remove the BPF programs and maps%s", instance->ifname,
			err == -EUCLEAN ? PINS_REMEDY : "");
	tunnel_err = tunnel_down(instance->ifname, instance->tunnel_path);
	if (tunnel_err)
		say_left(instance, tunnel_err);
	instance_unlock(instance, !err && (!tunnel_err || tunnel_err == -ESTALE));
	sysctl_err = restore_sysctls(instance);
	instance_host_unlock(instance, lock, true);
	return err ?: tunnel_err ?: sysctl_err;
}

static bool is_nothing_there(const struct instance *instance)
{
	return access(instance->run_dir, F_OK) && access(instance->pin_dir, F_OK) &&
	       access(instance->sysctl_path, F_OK) && access(instance->host_lock_path, F_OK);
}

/*
 * No file is there. One who was killed may have left empty folders; and a `down` before this one
 * has left rules and table where the interface had stayed.
 */
static int take_rest(const struct instance *instance)
{
	int err = tunnel_down(instance->ifname, instance->tunnel_path);

	(void)rmdir(PINS_ROOT);
	(void)rmdir(INSTANCE_RUN_ROOT);
	if (err)
		say_left(instance, err);
	return err;
}

int cmd_down(const struct options *options, char **args, int n_args)
{
	const char *ifname = options->value[OPTION_INTERFACE];
	struct instance instance;
	int err;

	(void)args, (void)n_args;
	if (geteuid() != 0)
		return log_err(-EPERM, "down: run it as root"), EXIT_FAILED;
	err = instance_init(&instance, ifname);
	if (err)
		return log_err(err, "'%s' cannot be an interface's name", ifname), EXIT_FAILED;
	if (is_nothing_there(&instance))
		return take_rest(&instance) ? EXIT_FAILED : EXIT_DONE;
	await_lock(&instance);
	err = take_over(&instance);
	if (err)
		return log_err(err, "%s: stop the running node", ifname), EXIT_FAILED;
	return take_back(&instance) ? EXIT_FAILED : EXIT_DONE;
}
