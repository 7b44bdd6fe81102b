/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_file.h - open a file that holds a secret: only when nobody else could read or replace it.
 *
 * Both functions set @ret_err->path to what they look at, and @ret_err->why when they fail.
 */
#ifndef TUNNEL_SECRET_FILE_H
#define TUNNEL_SECRET_FILE_H

#include <stdbool.h>

#include "tunnel/private_key.h"

/**
 * secret_dir_open() - open the folder @path: ours, and nobody else may write in it.
 * @private: nor read it, nor enter it.
 *
 * Return: 0; -ENOENT; -EACCES when owner or mode are wrong; another negative errno.
 */
int secret_dir_open(const char *path, bool private, int *ret_fd, struct private_key_error *ret_err);

/**
 * secret_file_open() - open @name in @dir for reading: a regular file of ours, and nobody else may
 * read or write it. Neither follows a symbolic link nor waits for the other end of a FIFO.
 * @dir_path: of @dir, for the message.
 *
 * Return: 0; -ENOENT; -EACCES when owner or mode are wrong; -EBADMSG when it is no regular file;
 *         another negative errno.
 */
int secret_file_open(int dir, const char *dir_path, const char *name, int *ret_fd,
		     struct private_key_error *ret_err);

/** secret_error_path() - what is looked at is @name in @dir_path. Return: 0; -ENAMETOOLONG. */
int secret_error_path(struct private_key_error *ret_err, const char *dir_path, const char *name);

/** secret_error() - say why. Return: @err, negative errno. */
int secret_error(struct private_key_error *ret_err, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
