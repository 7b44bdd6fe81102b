// SPDX-License-Identifier: Apache-2.0
#include "datapath/peer_watch.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
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

static int attach(struct peer_watch *watch)
{
	int err = -ENOENT;

	for (size_t i = 0; err == -ENOENT && i < sizeof(functions) / sizeof(functions[0]); i++) {
		watch->link = bpf_program__attach_kprobe(watch->skel->progs.nex_peer_watch, true,
							 functions[i]);
		err = watch->link ? 0 : -errno;
	}
	return err;
}

static int load(struct peer_watch *watch)
{
	int err;

	watch->skel = nex_peer_watch__open();
	if (!watch->skel)
		return -errno;
	err = set_identity(watch->skel);
	if (!err)
		err = nex_peer_watch__load(watch->skel);
	if (!err)
		err = attach(watch);
	if (err)
		return err;
	watch->news =
		ring_buffer__new(bpf_map__fd(watch->skel->maps.nex_peer_news), ignore, NULL, NULL);
	return watch->news ? 0 : -errno;
}

int peer_watch_open(struct peer_watch **ret_watch)
{
	struct peer_watch *watch;
	libbpf_print_fn_t print;
	int err;

	if (access(KPROBE_TYPE, R_OK))
		return -ENOENT;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	/* That it cannot be had is no trouble, and not worth libbpf's words. */
	print = libbpf_set_print(NULL);
	err = load(watch);
	libbpf_set_print(print);
	if (err) {
		peer_watch_close(watch);
		return err;
	}
	*ret_watch = watch;
	return 0;
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
