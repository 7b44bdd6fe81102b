/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - what the source process gives up before it reads its first byte from outside.
 */
#ifndef PEERS_SANDBOX_H
#define PEERS_SANDBOX_H

/**
 * sandbox_drop() - for good: no descriptor but stderr and @keep_fd, an unprivileged user where the
 * process may choose one, no capability, no new privileges, no core file, bounded memory and
 * descriptors. The process dies with its parent from now on.
 *
 * Return: 0; negative errno, and the process must end.
 */
int sandbox_drop(int keep_fd);

#define SANDBOX_MEMORY_MAX (512UL << 20) /* bytes of address space */

enum sandbox_profile {
	SANDBOX_FILES,   /* reads files that it is handed */
	SANDBOX_NETWORK, /* also talks: TCP and UDP, as a client, by the host's libraries */
};

/**
 * sandbox_filter() - after everything is set up: a seccomp filter of what the profile needs.
 *
 * A call that is not known gets ENOSYS, and one that is not to be made in that way EPERM: libraries
 * change from release to release, and go on without. Calls that no library makes (execve, ptrace,
 * mount, bpf, ...) raise SIGSYS, of which the process dies unless it has a handler.
 *
 * SANDBOX_FILES opens nothing and has no sockets, threads or code but its own. SANDBOX_NETWORK
 * opens files to read them, of those that file_view.h names, loads libraries, starts threads, and
 * has sockets that do not listen: TCP and UDP, the kernel's routes, and, unless it is root, local
 * ones.
 *
 * Standard error goes where standard input has gone in sandbox_drop(), to /dev/null: from now on
 * the process tells the outside nothing but its exit status, and what it sends on sockets.
 *
 * Return: 0; negative errno, with standard error as it was, and the process must end.
 */
int sandbox_filter(enum sandbox_profile profile);

#endif
