/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nexd.h - what a relaying nexd leaves in nf_tables when it ends: its security group's table, and a
 * rule in FORWARD that accepts all from its interface.
 */
#ifndef CHECK_NEXD_H
#define CHECK_NEXD_H

#include "check/ruleset.h"

/** nexd_tell - @what is there; @command removes it. */
typedef void (*nexd_tell)(const char *what, const char *command, void *data);

/** nexd_left() - call @tell for each thing that is left for interface @ifname. */
void nexd_left(const struct ruleset *ruleset, const char *ifname, nexd_tell tell, void *data);

#endif
