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

/**
 * sandbox_filter() - after everything is set up: a seccomp filter that knows only what parsing
 * needs. No open, no socket, no exec; anything else kills the process.
 *
 * Return: 0; negative errno, and the process must end.
 */
int sandbox_filter(void);

#endif
