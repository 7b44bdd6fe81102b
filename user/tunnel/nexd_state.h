/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nexd_state.h - the private key in nexd's state.json.
 *
 * The JSON is parsed by a child process in a sandbox (peers/sandbox.h) that ends when it has said
 * what it found: no parser runs with our privileges, and nothing else of the file, such as nexd's
 * access token, is ever in our memory.
 */
#ifndef TUNNEL_NEXD_STATE_H
#define TUNNEL_NEXD_STATE_H

#include "tunnel/private_key.h"

#define NEXD_STATE_FILE "state.json"
#define NEXD_STATE_BYTES_MAX (1 << 20)

/**
 * nexd_state_key() - read "private-key" of @dir_path/state.json.
 * @ret_key: set on success only; as it is in the file, and not of zeros alone.
 * @ret_err: path and why, on failure.
 *
 * Return: 0; -ENOENT when there is no such file, or it has no key (nexd has not made one yet);
 *         -EACCES when owner or mode of file or folder are wrong; -EBADMSG when the file is no
 *         JSON object, or its key is none; -EFBIG; -ETIMEDOUT; another negative errno.
 */
int nexd_state_key(const char *dir_path, uint8_t ret_key[static WG_KEY_BYTES],
		   struct private_key_error *ret_err);

#endif
