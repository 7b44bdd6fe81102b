/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printable.h - text from outside that ends up on terminals and in logs.
 */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * printable_check() - is @text free of control characters: C0, DEL, and C1 as UTF-8 has them
 * (U+0080 to U+009F: some terminals take U+009B for the start of an escape sequence)?
 */
bool printable_check(const char *text);

/**
 * printable_copy() - @from into @to of @size bytes, each control character's bytes as '?'.
 *
 * Cut where it does not fit, never inside a UTF-8 character; always terminated, and zero behind the
 * end.
 */
void printable_copy(char *to, size_t size, const char *from);

#endif
