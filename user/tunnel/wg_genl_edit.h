/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_genl_edit.h - change an interface of kernel WireGuard. See wg_edit.h, which has the same calls
 * for any.
 */
#ifndef TUNNEL_WG_GENL_EDIT_H
#define TUNNEL_WG_GENL_EDIT_H

#include "tunnel/wg_plan.h"

/** wg_genl_edit_identity() - as wg_edit_identity(). On failure nothing has changed. */
int wg_genl_edit_identity(uint32_t ifindex, const uint8_t *private_key, uint16_t listen_port);

/** wg_genl_edit_peers() - as wg_edit_peers(). */
int wg_genl_edit_peers(uint32_t ifindex, const struct wg_edit *edits, size_t n);

/** wg_genl_edit_flush() - as wg_edit_flush(). */
int wg_genl_edit_flush(uint32_t ifindex);

#endif
