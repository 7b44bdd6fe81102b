/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pins.h - where the maps and links of one interface are kept, so that they outlive the daemon.
 *
 * <root>/<instance>/nex_addr4 ... one per map, link_tcx or link_xdp. bpffs takes no dots in names.
 *
 * All functions that read, make or remove say -EUCLEAN, which nothing else here does, when
 * PINS_ROOT or @dir is there but cannot be trusted: it is no folder, or neither root's nor ours, or
 * others may write to it.
 */
#ifndef DATAPATH_PINS_H
#define DATAPATH_PINS_H

#include <stdbool.h>

#define PINS_ROOT "/sys/fs/bpf/nex-relay"
#define PINS_BPFFS "/sys/fs/bpf"
#define PINS_PATH_MAX 192

/* For messages about -EUCLEAN. */
#define PINS_REMEDY \
	" (something in " PINS_ROOT " is not root's, or others may write to it: remove it)"

/** pins_bpffs_mounted() - is there a bpffs at PINS_BPFFS in this mount namespace? */
bool pins_bpffs_mounted(void);

/** pins_make_dir() - create @dir and PINS_ROOT, mode 0700. Return: 0; -EUCLEAN; negative errno. */
int pins_make_dir(const char *dir);

/** pins_open() - descriptor of the object pinned as @dir/@name. Return: fd or negative errno. */
int pins_open(const char *dir, const char *name);

/**
 * pins_put() - pin @fd as @dir/@name, replacing what is there in one step.
 *
 * Return: 0 or negative errno.
 */
int pins_put(const char *dir, const char *name, int fd);

/** pins_drop() - unpin @dir/@name. Return: 0, also when it was not there; negative errno. */
int pins_drop(const char *dir, const char *name);

/**
 * pins_mark() - leave a mark in @dir: an empty folder, since bpffs takes no plain files.
 *
 * Return: 0, also when it was there; negative errno.
 */
int pins_mark(const char *dir, const char *mark);

/** pins_is_marked() - is the mark there? */
bool pins_is_marked(const char *dir, const char *mark);

/**
 * pins_remove_dir() - unpin everything in @dir, marks included, and remove it, and PINS_ROOT when
 * nothing else is in it.
 *
 * Return: 0, also when @dir was not there; -EUCLEAN, with nothing in @dir touched; negative errno.
 */
int pins_remove_dir(const char *dir);

#endif
