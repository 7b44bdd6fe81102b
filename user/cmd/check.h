/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - `nex-relay check`: would a relay work here, and if not, what is to be done?
 */
#ifndef CMD_CHECK_H
#define CMD_CHECK_H

#include <stdbool.h>

/**
 * check_run() - look at the host and print one line for each requirement to stdout: OK, WARN or
 * FAIL, the requirement, the finding, and for WARN and FAIL the remedy after " -> ".
 * @ifname: the WireGuard interface that is or will be the relay's.
 * @json:   print an array of {check, status, finding, remedy} instead.
 *
 * Changes nothing on the host: what must be tried is tried in a network namespace of its own.
 * Useful without root, which is told where it is needed.
 *
 * Return: exit status: 0 when nothing failed, 1 else.
 */
int check_run(const char *ifname, bool json);

#endif
