// SPDX-License-Identifier: Apache-2.0
#include "node/control_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int control_sealed_fd(const char *name, const void *bytes, size_t n)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, n) != (ssize_t)n)
		err = errno ? -errno : -EIO;
	else if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		err = -errno;
	else
		return fd;
	close(fd);
	return err;
}

int control_state_add(struct control_state *state, const struct border_record *record)
{
	uint32_t n = record->state.n;

	if (!record->state.offset) {
		state->total = record->state.total;
		state->len = 0;
	}
	if (!state->total || state->total > sizeof(state->bytes) ||
	    record->state.total != state->total || record->state.offset != state->len || !n ||
	    n > BORDER_STATE_PIECE || n > state->total - state->len)
		return -EPROTO;
	memcpy(state->bytes + state->len, record->state.bytes, n);
	state->len += n;
	return state->len == state->total;
}
