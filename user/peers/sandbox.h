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

enum sandbox_profile {
	SANDBOX_FILES,   /* reads files that it is handed */
	SANDBOX_NETWORK, /* also talks: TCP and UDP, as a client */
};

/**
 * sandbox_filter() - after everything is set up: a seccomp filter that knows only what the profile
 * needs. No open, no exec, no process or thread, no memory that can be run; anything else kills the
 * process. Sockets are made by SANDBOX_NETWORK only: TCP and UDP over IPv4 and IPv6, which neither
 * listen nor choose their port, with the few options that are needed.
 *
 * Standard error goes where standard input has gone in sandbox_drop(), to /dev/null: from now on
 * the process tells the outside nothing but its exit status, and what it sends on sockets.
 *
 * Return: 0; negative errno, with standard error as it was, and the process must end.
 */
int sandbox_filter(enum sandbox_profile profile);

#endif
