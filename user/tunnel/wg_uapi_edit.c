// SPDX-License-Identifier: Apache-2.0
/* wg_uapi_edit.c - send edits to a userspace WireGuard, an operation at a time. */
#include "tunnel/wg_uapi_edit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "tunnel/wg_uapi_pack.h"
#include "tunnel/wg_uapi_socket.h"

/* Some hundred peers; wireguard-go keeps its lock for the whole of an operation. */
#define OPERATION_BYTES 16384

static int operate(const char *name, const char *text, size_t len)
{
	/* The answer comes when all is done; a flush has to stop the threads of all peers. */
	static const struct wg_uapi_limits limits = { .silence_s = 10, .total_s = 10 };
	AUTO(wg_uapi_done) struct wg_uapi uapi = {};
	int err = wg_uapi_ask(name, text, len, &limits, &uapi);

	/* wireguard-go's number for what it has no number for. */
	return err == -ENOANO ? -EIO : err;
}

int wg_uapi_edit_peers(const char *name, const struct wg_edit *edits, size_t n)
{
	char text[OPERATION_BYTES];
	uint8_t decoy[WG_KEY_BYTES];
	size_t len, done = 0;
	int err = 0;

	if (getrandom(decoy, sizeof(decoy), 0) != sizeof(decoy))
		return -EIO;
	while (!err && done < n) {
		done += wg_uapi_pack(edits + done, n - done, decoy, text, sizeof(text), &len);
		err = operate(name, text, len);
	}
	return err;
}

int wg_uapi_edit_identity(const char *name, const uint8_t *private_key, uint16_t listen_port)
{
	char key[WG_UAPI_KEY_TEXT], text[256];
	size_t len;
	int err;

	len = snprintf(text, sizeof(text), "set=1\n");
	if (private_key)
		len += snprintf(text + len, sizeof(text) - len, "private_key=%s\n",
				wg_uapi_format_key(private_key, key));
	if (listen_port)
		len += snprintf(text + len, sizeof(text) - len, "listen_port=%u\n", listen_port);
	len += snprintf(text + len, sizeof(text) - len, "\n");
	err = operate(name, text, len);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return err;
}

int wg_uapi_edit_flush(const char *name)
{
	static const char text[] = "set=1\nreplace_peers=true\n\n";

	return operate(name, text, sizeof(text) - 1);
}
