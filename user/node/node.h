/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - the privileged process: owns the datapath and the host's settings, parses nothing that
 * comes from outside.
 */
#ifndef NODE_H
#define NODE_H

#include "node/settings.h"

/**
 * node_run() - relay until SIGTERM or SIGINT. Forwarding goes on when it returns.
 *
 * Says what it does and what fails on stderr. The caller has called node_signals_block() as the
 * first thing of all: a signal that comes while we start, or end, waits for the loop.
 *
 * Return: 0 after a signal; negative errno when it could not start, with nothing left behind.
 */
int node_run(const struct run_settings *settings);

#endif
