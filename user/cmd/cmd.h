/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd.h - the commands of nex-relay, one file each.
 */
#ifndef CMD_H
#define CMD_H

#include "cmd/options.h"

/* Exit statuses of the program. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_MISUSED = 2 };

/**
 * A command: does its work, prints data on stdout and messages on stderr.
 * @args: what is not an option, @n_args of them (checked against the table).
 *
 * Return: exit status.
 */
typedef int command_run(const struct options *options, char **args, int n_args);

command_run cmd_run;
command_run cmd_down;
command_run cmd_status;
command_run cmd_peers;
command_run cmd_stats;
command_run cmd_check;
command_run cmd_version;
command_run cmd_source;

#endif
