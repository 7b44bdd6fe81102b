/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks.h - the three ways a program sits on an interface, inside datapath/ only.
 */
#ifndef DATAPATH_HOOKS_H
#define DATAPATH_HOOKS_H

#include <stdint.h>

#include "datapath/datapath.h"

/* Mark in the pin folder: the clsact qdisc was made by us. */
#define DATAPATH_MADE_CLSACT "made_clsact"

/**
 * hook_attach() - put @prog_fd on @ifindex in way @attach (not DATAPATH_AUTO), replacing our own.
 *
 * Return: 0 or negative errno; -EOPNOTSUPP when the kernel does not know this way.
 */
int hook_attach(enum datapath_attach attach, const char *pin_dir, uint32_t ifindex, int prog_fd);

/** hook_detach() - take ours off. Return: 0, also when nothing was there; negative errno. */
int hook_detach(enum datapath_attach attach, const char *pin_dir, uint32_t ifindex);

/**
 * hook_program_id() - which program of ours sits there in way @attach.
 *
 * Return: 0 and *ret_id, which is 0 when there is none; negative errno.
 */
int hook_program_id(enum datapath_attach attach, const char *pin_dir, uint32_t ifindex,
		    uint32_t *ret_id);

/**
 * hook_link_ifindex() - where our pinned link of way @attach (not DATAPATH_CLSACT) sits.
 *
 * Return: 0 and *ret_ifindex, 0 when there is none or its interface is gone; negative errno.
 */
int hook_link_ifindex(enum datapath_attach attach, const char *pin_dir, uint32_t *ret_ifindex);

#endif
