/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_uapi_edit.h - change an interface of a userspace WireGuard. See wg_edit.h, which has the same
 * calls for any. -ETIMEDOUT when an operation takes longer than 10 s.
 */
#ifndef TUNNEL_WG_UAPI_EDIT_H
#define TUNNEL_WG_UAPI_EDIT_H

#include "tunnel/wg_plan.h"

/**
 * wg_uapi_edit_identity() - as wg_edit_identity().
 *
 * The key is set before the port. After -EADDRINUSE wireguard-go hears nobody any more, on the old
 * port either, until it is given one that is free.
 */
int wg_uapi_edit_identity(const char *name, const uint8_t *private_key, uint16_t listen_port);

/** wg_uapi_edit_peers() - as wg_edit_peers(). */
int wg_uapi_edit_peers(const char *name, const struct wg_edit *edits, size_t n);

/** wg_uapi_edit_flush() - as wg_edit_flush(). */
int wg_uapi_edit_flush(const char *name);

#endif
