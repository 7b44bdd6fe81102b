// SPDX-License-Identifier: Apache-2.0
/*
 * bpf.c - does the kernel take our kinds of program at our hooks?
 *
 * Tried, not guessed from version numbers: with two-instruction programs on the loopback device of
 * a network namespace that lives as long as a child process. The one place besides datapath/ that
 * uses libbpf.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "check/list.h"

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS of Linux 6.6; older linux/bpf.h do not have it */
#define LOOPBACK 1     /* its ifindex in every network namespace */
#define PROBE_TIMEOUT_MS 20000

/* Each 0 or a negative errno; -ECANCELED: not tried. */
struct probe {
	int load, namespace, tcx, clsact, xdp;
	bool jit; /* what was loaded was compiled */
};

static int probe_program(enum bpf_prog_type type, int action)
{
	const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = action },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, "nex_probe", "GPL", program,
			       sizeof(program) / sizeof(*program), NULL);

	return fd < 0 ? -errno : fd;
}

/*
 * Asked of a program, not of net.core.bpf_jit_enable, which does not exist in network namespaces
 * other than the first.
 */
static bool probe_jit(int program)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return program >= 0 && !bpf_obj_get_info_by_fd(program, &info, &len) && info.jited_prog_len;
}

static int probe_clsact(int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LOOPBACK, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program);
	int err = bpf_tc_hook_create(&hook);

	return err ?: bpf_tc_attach(&hook, &opts);
}

static void probe_hooks(struct probe *probe)
{
	int tc = probe_program(BPF_PROG_TYPE_SCHED_CLS, 0);
	int xdp = probe_program(BPF_PROG_TYPE_XDP, XDP_PASS);

	probe->load = tc < 0 ? tc : 0;
	probe->jit = probe_jit(tc);
	if (unshare(CLONE_NEWNET)) {
		probe->namespace = -errno;
		return;
	}
	probe->namespace = 0;
	if (tc >= 0) {
		probe->tcx = bpf_link_create(tc, LOOPBACK, (enum bpf_attach_type)TCX_INGRESS, NULL);
		probe->tcx = probe->tcx < 0 ? -errno : 0;
		probe->clsact = probe_clsact(tc);
	}
	probe->xdp = xdp < 0 ? xdp : bpf_xdp_attach(LOOPBACK, xdp, XDP_FLAGS_SKB_MODE, NULL);
}

static int receive_probe(int fd, struct probe *ret_probe)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct probe probe = {};

	if (poll(&ready, 1, PROBE_TIMEOUT_MS) <= 0)
		return -ETIMEDOUT;
	if (read(fd, &probe, sizeof(probe)) != sizeof(probe))
		return -EIO;
	*ret_probe = probe;
	return 0;
}

/* Whatever the child attached goes with its namespace when it ends. */
static int run_probe(struct probe *ret_probe)
{
	struct probe probe = { -ECANCELED, -ECANCELED, -ECANCELED, -ECANCELED, -ECANCELED, false };
	int ends[2], err;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	child = fork();
	if (child == 0) {
		libbpf_set_print(NULL);
		probe_hooks(&probe);
		_exit(write(ends[1], &probe, sizeof(probe)) != sizeof(probe));
	}
	err = child < 0 ? -errno : 0;
	close(ends[1]);
	if (!err)
		err = receive_probe(ends[0], ret_probe);
	close(ends[0]);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return err;
}

static void check_load(struct check_list *list, int err)
{
	if (!err)
		check_ok(list, "bpf", "programs load");
	else if (err == -EPERM)
		check_fail(list, "bpf", "run as root; in a container add CAP_BPF and CAP_NET_ADMIN",
			   "loading a program: %s", strerror(-err));
	else
		check_fail(list, "bpf",
			   "use a kernel with CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_ACT",
			   "loading a program: %s", strerror(-err));
}

static void check_hooks(struct check_list *list, const struct probe *probe)
{
	if (!probe->tcx)
		check_ok(list, "tc hook", "tcx");
	else if (!probe->clsact)
		check_ok(list, "tc hook", "clsact (tcx: %s)", strerror(-probe->tcx));
	else
		check_fail(list, "tc hook",
			   "modprobe sch_ingress cls_bpf, or use Linux 6.6 or later",
			   "neither tcx (%s) nor clsact (%s)", strerror(-probe->tcx),
			   strerror(-probe->clsact));
	if (!probe->xdp)
		check_ok(list, "xdp hook", "generic XDP");
	else
		check_warn(list, "xdp hook", "do without --hook xdp", "no generic XDP: %s",
			   strerror(-probe->xdp));
}

void check_bpf(struct check_list *list)
{
	struct probe probe = {};
	int err = run_probe(&probe);

	if (err) {
		check_fail(list, "bpf", "look for limits on processes and memory",
			   "the probe did not come to its end: %s", strerror(-err));
		return;
	}
	check_load(list, probe.load);
	if (probe.load)
		return;
	if (probe.jit)
		check_ok(list, "bpf jit", "on");
	else
		check_warn(list, "bpf jit", "sysctl -w net.core.bpf_jit_enable=1",
			   "off: programs are interpreted, several times slower");
	if (probe.namespace)
		check_warn(list, "tc hook", "run as root to see",
			   "not tried, needs a network namespace: %s", strerror(-probe.namespace));
	else
		check_hooks(list, &probe);
}
