/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_files.h - what the source needs to talk to a control plane and may not open itself.
 */
#ifndef NODE_CONTROL_FILES_H
#define NODE_CONTROL_FILES_H

#include <limits.h>
#include <stdint.h>

#include "nexodus/account.h"
#include "peers/border.h"

/**
 * control_sealed_fd() - bytes in memory that nobody can change any more, for the helper.
 * @name: for /proc.
 *
 * Return: descriptor, to be closed by the caller; negative errno.
 */
int control_sealed_fd(const char *name, const void *bytes, size_t n);

/* What the source says, piece by piece, is to be kept for its next run. */
struct control_state {
	uint32_t total, len;
	uint8_t bytes[BORDER_STATE_BYTES_MAX];
};

/**
 * control_state_add() - the next STATE record.
 *
 * Return: 1 when the state is whole; 0 to go on; -EPROTO when the pieces do not fit together.
 */
int control_state_add(struct control_state *state, const struct border_record *record);

#endif
