// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/secret_text.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define NO_CHARACTER UINT32_MAX
#define CHARACTER_BYTES_MAX 4

/* Controls, and what is not seen but changes what is: sorted. */
static const struct {
	uint32_t first, last;
} unprintable[] = {
	{ 0x0001, 0x001f },   /* C0 */
	{ 0x007f, 0x009f },   /* DEL, C1 */
	{ 0x00ad, 0x00ad },   /* soft hyphen */
	{ 0x061c, 0x061c },   /* Arabic letter mark */
	{ 0x115f, 0x1160 },   /* Hangul fillers */
	{ 0x180e, 0x180e },   /* Mongolian vowel separator */
	{ 0x200b, 0x200f },   /* zero width, marks of direction */
	{ 0x2028, 0x202e },   /* line and paragraph separator, embeddings and overrides */
	{ 0x2060, 0x206f },   /* word joiner, invisible operators, isolates, deprecated ones */
	{ 0x2800, 0x2800 },   /* Braille pattern without a dot */
	{ 0x3164, 0x3164 },   /* Hangul filler */
	{ 0xfeff, 0xfeff },   /* zero width no-break space, or byte order mark */
	{ 0xffa0, 0xffa0 },   /* halfwidth Hangul filler */
	{ 0xfff9, 0xfffb },   /* interlinear annotation */
	{ 0xe0000, 0xe007f }, /* tags */
};

/* Is it a character, and not one that @len bytes are too many for (RFC 3629)? */
static bool is_character(uint32_t value, size_t len)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	return value >= least[len - 1] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
}

/* The character that begins here; one byte, and NO_CHARACTER, where UTF-8 is broken. */
static size_t decode(const char *text, uint32_t *ret_char)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t len = *byte < 0xe0 ? 2 : *byte < 0xf0 ? 3 : 4;
	uint32_t value = *byte & (0x7fU >> len);

	*ret_char = *byte < 0x80 ? *byte : NO_CHARACTER;
	if (*byte < 0xc0 || *byte > 0xf7)
		return 1;
	for (size_t i = 1; i < len; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (byte[i] & 0x3f);
	}
	if (!is_character(value, len))
		return 1;
	*ret_char = value;
	return len;
}

static bool is_printable(uint32_t character)
{
	if (character == NO_CHARACTER)
		return false;
	for (size_t i = 0; i < N(unprintable) && character >= unprintable[i].first; i++)
		if (character <= unprintable[i].last)
			return false;
	return true;
}

bool printable_check(const char *text)
{
	uint32_t character;

	while (*text) {
		text += decode(text, &character);
		if (!is_printable(character))
			return false;
	}
	return true;
}

void printable_copy(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size), n;
	uint32_t character;

	if (len == size) {
		len--;
		/* Back to the first byte of the character that does not fit. */
		for (n = 1; n < CHARACTER_BYTES_MAX && len && (from[len] & 0xc0) == 0x80; n++)
			len--;
	}
	memset(to, 0, size);
	memcpy(to, from, len);
	for (char *c = to; *c; c += n) {
		n = decode(c, &character);
		if (!is_printable(character))
			memset(c, '?', n);
	}
	secret_text_mask(to);
}

static void print_escaped(uint32_t character, FILE *file)
{
	if (character == NO_CHARACTER)
		fputc('?', file);
	else if (character < 0x10000)
		fprintf(file, "\\u%04x", character);
	else
		fprintf(file, "\\u%04x\\u%04x", 0xd800 + ((character - 0x10000) >> 10),
			0xdc00 + (character & 0x3ff));
}

void printable_put_json(const char *json, FILE *file)
{
	const char *begin = json;
	uint32_t character;
	size_t n;

	for (; *json; json += n) {
		n = decode(json, &character);
		/* Line ends between the values are the text's own; those in strings are escaped. */
		if (character == '\n' || is_printable(character))
			continue;
		fwrite(begin, 1, json - begin, file);
		print_escaped(character, file);
		begin = json + n;
	}
	fwrite(begin, 1, json - begin, file);
}
