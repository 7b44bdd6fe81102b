// SPDX-License-Identifier: Apache-2.0
#include "datapath/peer_watch.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nex_peer_watch.skel.h"

/* Without it libbpf would write its probe into tracefs, where it outlives the process. */
#define KPROBE_TYPE "/sys/bus/event_source/devices/kprobe/type"
#define KERNEL_MINOR_BITS 20 /* of the kernel's own dev_t */

struct peer_watch {
	struct nex_peer_watch *skel;
	struct bpf_link *link;
	struct ring_buffer *news;
};

enum probe { PROBE_MODULE, PROBE_FUNCTION, PROBE_TRACEPOINT };

/* What carries out WG_CMD_SET_DEVICE: since 7, and before. */
static const char *const functions[] = { "wg_set_device_doit", "wg_set_device" };

static int ignore(void *ctx, void *data, size_t size)
{
	(void)ctx, (void)data, (void)size;
	return 0;
}

static int set_identity(struct nex_peer_watch *skel)
{
	struct stat ns;

	if (stat("/proc/self/ns/pid", &ns))
		return -errno;
	skel->rodata->cfg_pid_ns_dev =
		(uint64_t)major(ns.st_dev) << KERNEL_MINOR_BITS | minor(ns.st_dev);
	skel->rodata->cfg_pid_ns_ino = ns.st_ino;
	skel->rodata->cfg_tgid = (uint32_t)getpid();
	return 0;
}

static int set_path_end(struct nex_peer_watch *skel, const char *ifname)
{
	char text[sizeof(skel->rodata->cfg_path_end)];
	int n = snprintf(text, sizeof(text), "/%s.sock", ifname);

	if (n >= (int)sizeof(text))
		return -EINVAL;
	/* With its NUL, at the end of the array. */
	skel->rodata->cfg_path_end_at = (uint32_t)(sizeof(text) - (size_t)n - 1);
	memcpy(skel->rodata->cfg_path_end + skel->rodata->cfg_path_end_at, text, (size_t)n + 1);
	return 0;
}

/* The programs that are tried, one after another. */
static struct bpf_program *program(const struct nex_peer_watch *skel, enum probe probe)
{
	switch (probe) {
	case PROBE_MODULE:
		return skel->progs.nex_peer_watch;
	case PROBE_FUNCTION:
		return skel->progs.nex_peer_fentry;
	default:
		return skel->progs.nex_peer_trace;
	}
}

static int attach(struct peer_watch *watch, enum probe probe)
{
	int err = -ENOENT;

	if (probe != PROBE_MODULE) {
		watch->link = bpf_program__attach(program(watch->skel, probe));
		return watch->link ? 0 : -errno;
	}
	for (size_t i = 0; err == -ENOENT && i < sizeof(functions) / sizeof(functions[0]); i++) {
		watch->link =
			bpf_program__attach_kprobe(program(watch->skel, probe), true, functions[i]);
		err = watch->link ? 0 : -errno;
	}
	return err;
}

static int load(struct peer_watch *watch, enum probe probe, const char *ifname)
{
	int err;

	watch->skel = nex_peer_watch__open();
	if (!watch->skel)
		return -errno;
	for (enum probe other = PROBE_MODULE; other <= PROBE_TRACEPOINT; other++)
		(void)bpf_program__set_autoload(program(watch->skel, other), other == probe);
	err = set_identity(watch->skel);
	if (!err && ifname)
		err = set_path_end(watch->skel, ifname);
	if (!err)
		err = nex_peer_watch__load(watch->skel);
	if (!err)
		err = attach(watch, probe);
	if (err)
		return err;
	watch->news =
		ring_buffer__new(bpf_map__fd(watch->skel->maps.nex_peer_news), ignore, NULL, NULL);
	return watch->news ? 0 : -errno;
}

static int watch_open(enum probe probe, const char *ifname, struct peer_watch **ret_watch)
{
	struct peer_watch *watch = calloc(1, sizeof(*watch));
	libbpf_print_fn_t print;
	int err;

	if (!watch)
		return -ENOMEM;
	/* That it cannot be had is no trouble, and not worth libbpf's words. */
	print = libbpf_set_print(NULL);
	err = load(watch, probe, ifname);
	libbpf_set_print(print);
	if (err) {
		peer_watch_close(watch);
		return err;
	}
	*ret_watch = watch;
	return 0;
}

int peer_watch_open_kernel(struct peer_watch **ret_watch)
{
	if (access(KPROBE_TYPE, R_OK))
		return -ENOENT;
	return watch_open(PROBE_MODULE, NULL, ret_watch);
}

int peer_watch_open_userspace(const char *ifname, struct peer_watch **ret_watch)
{
	int err = watch_open(PROBE_FUNCTION, ifname, ret_watch);

	/* Whatever a kernel without trampolines says. */
	return err ? watch_open(PROBE_TRACEPOINT, ifname, ret_watch) : 0;
}

int peer_watch_fd(const struct peer_watch *watch)
{
	return bpf_map__fd(watch->skel->maps.nex_peer_news);
}

void peer_watch_drain(struct peer_watch *watch)
{
	(void)ring_buffer__consume(watch->news);
}

uint64_t peer_watch_own_changes(const struct peer_watch *watch)
{
	return __atomic_load_n(&watch->skel->bss->own_changes, __ATOMIC_RELAXED);
}

void peer_watch_close(struct peer_watch *watch)
{
	if (!watch)
		return;
	ring_buffer__free(watch->news);
	bpf_link__destroy(watch->link);
	nex_peer_watch__destroy(watch->skel);
	free(watch);
}
