/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_text.h - all of a small text file, through a descriptor that somebody else has opened.
 */
#ifndef FILE_TEXT_H
#define FILE_TEXT_H

#include <stddef.h>

/**
 * file_text_read() - the bytes of @fd from its beginning, wherever it stands.
 * @max:      longest text that is taken.
 * @ret_text: terminated, NUL bytes in the file are blanks; the caller frees it.
 *
 * Return: 0; -EFBIG when it is longer than @max; another negative errno.
 */
int file_text_read(int fd, size_t max, char **ret_text);

#endif
