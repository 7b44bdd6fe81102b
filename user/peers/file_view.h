/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_view.h - which files the helper that talks to the network can read: those that the C
 * library, its nss modules, libcurl and OpenSSL may ask for. By Landlock, which needs no privilege.
 *
 * Not among them: WireGuard's key, the state folder, /run/nex-relay, the configuration. As "nobody"
 * the helper could not read those anyway; as root without capabilities (sandbox.c) it owns them.
 */
#ifndef PEERS_FILE_VIEW_H
#define PEERS_FILE_VIEW_H

#include <stdbool.h>

/** file_view_abi() - what the kernel's Landlock can do, from 1 on; negative errno without. */
int file_view_abi(void);

/**
 * file_view_shows() - would a file in this folder be readable by who has called
 * file_view_restrict() as root?
 * @fd: of the folder, any open one.
 *
 * Return: the folder of the view that it lies in; NULL when in none.
 */
const char *file_view_shows(int fd);

/**
 * file_view_restrict() - this thread, and those that it starts, see no other files from now on, and
 * change none. Needs no_new_privs.
 *
 * Return: 0, also where the kernel has no Landlock; negative errno.
 */
int file_view_restrict(void);

/**
 * file_view_is_stale() - one of the files that name resolution begins with is no longer the one
 * that was there, and the new one is not in view: as root, whose view has files of /etc and not the
 * folder. A process that begins anew sees it.
 */
bool file_view_is_stale(void);

#endif
