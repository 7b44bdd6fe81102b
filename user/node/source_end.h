/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_end.h - how the helper process has ended, in words.
 */
#ifndef NODE_SOURCE_END_H
#define NODE_SOURCE_END_H

#define SOURCE_END_MAX 160 /* bytes, NUL included */
#define SOURCE_END_NO_CALL (-1)

/**
 * source_end_text() - for a message that begins with "the helper process ".
 * @status: of waitpid().
 * @call:   number of the system call that it says it was ended for; SOURCE_END_NO_CALL: it does
 * not. Believed in nothing but this text.
 *
 * Return: @ret.
 */
const char *source_end_text(int status, int call, char ret[static SOURCE_END_MAX]);

#endif
