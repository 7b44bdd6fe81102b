/* SPDX-License-Identifier: Apache-2.0 */
/*
 * printable.h - text from outside that ends up on terminals and in logs.
 *
 * Not printable are control characters: C0, DEL, and C1 as UTF-8 has them (U+0080 to U+009F: some
 * terminals take U+009B for the start of an escape sequence); and those that are not seen, but make
 * others look like what they are not: directions (U+202E turns around what follows it), separators
 * of lines, zero width, tags, letters that are blank. Nor is a byte that is no part of a character
 * in UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing above U+10FFFF).
 */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** printable_check() - is all of @text printable? */
bool printable_check(const char *text);

/**
 * printable_copy() - @from into @to of @size bytes, the bytes of what is not printable as '?', and
 * what looks like a key or token as '*' (secret_text.h).
 *
 * Cut where it does not fit, never inside a UTF-8 character; always terminated, and zero behind the
 * end.
 */
void printable_copy(char *to, size_t size, const char *from);

/**
 * printable_put_json() - write @json, with \uXXXX in place of what is not printable, and '?' in
 * place of each byte that is not UTF-8.
 */
void printable_put_json(const char *json, FILE *file);

#endif
