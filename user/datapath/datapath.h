/* SPDX-License-Identifier: Apache-2.0 */
/*
 * datapath.h - the BPF programs and maps of one interface: load, adopt, attach, take away.
 *
 * Everything that forwards is pinned: a daemon that dies leaves it running, and the next one loads
 * its own program around the maps it finds and swaps it in. Only this folder knows libbpf.
 */
#ifndef DATAPATH_H
#define DATAPATH_H

#include <stdbool.h>
#include <stdint.h>

enum datapath_hook { DATAPATH_TC, DATAPATH_XDP };

/* How a program sits on its hook. */
enum datapath_attach {
	DATAPATH_AUTO, /* TC only: tcx where the kernel has it, else clsact */
	DATAPATH_TCX,
	DATAPATH_CLSACT,
	DATAPATH_XDP_GENERIC,
};

struct datapath_config {
	const char *pin_dir; /* borrowed for the life of the datapath */
	enum datapath_hook hook;
	enum datapath_attach attach;
	bool relay_only; /* --forward relay-only */
	bool strict;     /* --strict */
};

struct datapath;

/** datapath_supported() - has this kernel bpf(2)? Return: 0; -ENOSYS. */
int datapath_supported(void);

/**
 * datapath_open() - load the program for @config; attaches nothing.
 * @slots:  how many peers there must be room for; the room is never less than what is pinned.
 * @ret_dp: set on success only; freed with datapath_close().
 *
 * Pinned maps that fit are used again, with their contents. A map that does not fit (another
 * version's layout, or too few slots) is made anew and replaces the old one at datapath_commit().
 *
 * Return: 0; -EPERM; -ENOSYS without BPF; another negative errno. libbpf's own account, with the
 *         verifier's, goes to the log at debug level, or whole at level error when the load failed.
 */
int datapath_open(const struct datapath_config *config, uint32_t slots, struct datapath **ret_dp);

/** datapath_close() - free the process's side of @dp; what is pinned goes on. NULL is fine. */
void datapath_close(struct datapath *dp);

/** datapath_slots() - how many slots the counters of @dp have. */
uint32_t datapath_slots(const struct datapath *dp);

/** datapath_is_new() - some table was made anew and must be filled before datapath_attach(). */
bool datapath_is_new(const struct datapath *dp);

/**
 * datapath_attach() - put the program on @ifindex, and take our earlier ones off.
 *
 * A program of ours that is there is replaced without a packet passing in between; a different
 * hook gets the new program before the old one goes. Others' programs stay.
 *
 * Return: 0; -ENODEV; -EBUSY when another XDP program is there; -EOPNOTSUPP when the kernel lacks
 *         what config asks for; another negative errno.
 */
int datapath_attach(struct datapath *dp, uint32_t ifindex);

/**
 * datapath_commit() - pin maps that are new, in place of the old ones. After datapath_attach().
 *
 * Return: 0 or negative errno.
 */
int datapath_commit(struct datapath *dp);

/**
 * datapath_in_place() - is everything as datapath_attach() and datapath_commit() left it: the
 * program on its hook, links and maps pinned? Somebody may have removed pins or unmounted bpffs.
 */
bool datapath_in_place(const struct datapath *dp, uint32_t ifindex);

/** datapath_leave() - take our program off @ifindex, where it no longer belongs. */
void datapath_leave(const struct datapath *dp, uint32_t ifindex);

/** datapath_attached() - how @dp sits on its hook now; DATAPATH_AUTO when it does not. */
enum datapath_attach datapath_attached(const struct datapath *dp);

/**
 * datapath_remove() - take programs, filters, maps and pins of one interface away.
 * @ifindex: where it is expected; 0 when the interface is gone. Interfaces that the maps know are
 *           looked at as well: it may have been renamed.
 * @ret_made_clsact: set to whether the clsact qdisc, which is left, was made by us.
 *
 * Return: 0, also when there was nothing; the first negative errno, with the rest done.
 */
int datapath_remove(const char *pin_dir, uint32_t ifindex, bool *ret_made_clsact);

/** What sits on an interface, as the kernel tells it. */
struct datapath_state {
	enum datapath_attach attach; /* DATAPATH_AUTO: nothing of ours */
	uint32_t ifindex; /* where it sits; not where it was asked for after a renaming */
	uint32_t program_id;
};

/**
 * datapath_inspect() - look for our program with no daemon's help: at @ifindex (0: none), at the
 * interface that our pinned link is on, and at those that the pinned maps know.
 * @ret: set on success only.
 *
 * Return: 0 or negative errno.
 */
int datapath_inspect(const char *pin_dir, uint32_t ifindex, struct datapath_state *ret);

/** datapath_libbpf_version() - "v1.1": of the library that is linked at run time. */
const char *datapath_libbpf_version(void);

/** datapath_attach_name() - "tcx", "clsact", "xdp-generic"; "none" for DATAPATH_AUTO. */
const char *datapath_attach_name(enum datapath_attach attach);

#endif
