/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel_private.h - what the files of the tunnel share.
 */
#ifndef TUNNEL_TUNNEL_PRIVATE_H
#define TUNNEL_TUNNEL_PRIVATE_H

#include "tunnel/link.h"
#include "tunnel/tunnel.h"

/**
 * tunnel_fail() - write "WHAT: why" into tunnel->error.
 * @remedy: what to do about it, appended; or NULL.
 *
 * Return: @err.
 */
int tunnel_fail(struct tunnel *tunnel, int err, const char *remedy, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/** tunnel_save_record() - write it. Return: 0; negative errno with tunnel->error. */
int tunnel_save_record(struct tunnel *tunnel);

/** tunnel_fail_key() - the same for private_key_get(). Return: @err. */
int tunnel_fail_key(struct tunnel *tunnel, int err, const struct private_key_error *failed);

/**
 * tunnel_load_key() - the private key from its file, if it is still that of tunnel->public_key.
 * @ret_key: the caller wipes it with explicit_bzero().
 *
 * Return: 0; -EKEYREJECTED when it is another one; as private_key_load().
 */
int tunnel_load_key(const struct tunnel *tunnel, uint8_t ret_key[static WG_KEY_BYTES],
		    struct private_key_error *ret_err);

/** tunnel_configure() - put key, port, MTU and up right where they differ. As tunnel_start(). */
int tunnel_configure(struct tunnel *tunnel, const struct link *link, const struct wg_device *device,
		     const uint8_t *private_key);

/** tunnel_enable_ipv6() - on the interface, where the host has it. As tunnel_start(). */
int tunnel_enable_ipv6(struct tunnel *tunnel);

/** tunnel_read_routes() - read ours into @tunnel, and count others'. Return: as tunnel_add(). */
int tunnel_read_routes(struct tunnel *tunnel);

/** tunnel_note_endpoints() - where @device, which was just read, reaches its peers. Return: as
 * tunnel_add(). */
int tunnel_note_endpoints(struct tunnel *tunnel, const struct wg_device *device);

/** tunnel_prepare_rules() - before the first peer: what enters by the tunnel is routed by its
 * table, which leads nowhere yet. Return: as tunnel_add(). */
int tunnel_prepare_rules(struct tunnel *tunnel);

/** tunnel_add_routes() - what @want has and the tables have not; then the rules that lead there.
 * Return: as tunnel_add(). */
int tunnel_add_routes(struct tunnel *tunnel, const struct tunnel_want *want);

/** tunnel_remove_routes() - what the tables have and @want has not. Return: as tunnel_add(). */
int tunnel_remove_routes(struct tunnel *tunnel, const struct tunnel_want *want);

/** tunnel_believe_routes() - they are as in @want now, but for those that were refused. Takes the
 * routes of @want over. Return: 0; negative errno when the tables have to be read again. */
int tunnel_believe_routes(struct tunnel *tunnel, struct tunnel_want *want);

/** tunnel_mend_routes() - are routes and floor as we left them? Return: as tunnel_mend(). */
int tunnel_mend_routes(struct tunnel *tunnel, unsigned int *changed);

/** tunnel_mend_rules() - are the rules? Return: as tunnel_mend(). */
int tunnel_mend_rules(struct tunnel *tunnel, unsigned int *changed);

/** tunnel_forget_routes() - free what is known of them. */
void tunnel_forget_routes(struct tunnel *tunnel);

/**
 * tunnel_read_addresses() - how many addresses of the record are not there? Counts others' in
 * @tunnel.
 *
 * Return: as tunnel_add().
 */
int tunnel_read_addresses(struct tunnel *tunnel, size_t *ret_missing);

#endif
