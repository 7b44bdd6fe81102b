/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wg_live.h - for tests on real WireGuard: commands, and what `wg` says of an interface.
 */
#ifndef TESTS_WG_LIVE_H
#define TESTS_WG_LIVE_H

#include "wg_notation.h"

#define LONG_TEXT 4096

__attribute__((format(printf, 1, 2))) static inline void run(const char *format, ...)
{
	char command[LONG_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* A peer as `wg show IF dump` has it. */
struct shown {
	char key[WG_KEY_TEXT], psk[WG_KEY_TEXT], endpoint[64], allowed[LONG_TEXT], keepalive[8];
	unsigned long long handshake, rx, tx;
};

/* Return: the number of peers; the first @max are in @ret. */
static inline size_t show(const char *ifname, struct shown *ret, size_t max)
{
	char command[128], line[2 * LONG_TEXT];
	size_t n = 0;
	FILE *out;

	snprintf(command, sizeof(command), "wg show %s dump", ifname);
	out = popen(command, "r");
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out)); /* the interface */
	for (; fgets(line, sizeof(line), out); n++) {
		struct shown peer;

		assert_int_equal(sscanf(line, "%44s %44s %63s %4095s %llu %llu %llu %7s", peer.key,
					peer.psk, peer.endpoint, peer.allowed, &peer.handshake,
					&peer.rx, &peer.tx, peer.keepalive),
				 8);
		if (n < max)
			ret[n] = peer;
	}
	assert_int_equal(pclose(out), 0);
	return n;
}

static inline int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Words in order: neither WireGuard nor a list has one. */
static inline void sort_words(char *text, const char *separator)
{
	char copy[LONG_TEXT], *words[64], *rest = copy;
	size_t n = 0;

	strcpy(copy, text);
	while (n < 64 && (words[n] = strsep(&rest, separator)))
		n++;
	qsort(words, n, sizeof(*words), compare_words);
	*text = '\0';
	for (size_t i = 0; i < n; i++)
		strcat(strcat(text, i ? separator : ""), words[i]);
}

/* "a25:10.0.0.1/32,200::1/128 b:" */
static inline void show_peers(const char *ifname, char *text)
{
	static struct shown peers[16];
	size_t n = show(ifname, peers, N(peers)), at = 0;

	assert_true(n <= N(peers));
	text[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		bool off = !strcmp(peers[i].keepalive, "off");
		uint8_t key[WG_KEY_BYTES];

		assert_int_equal(wg_key_parse(peers[i].key, key), 0);
		sort_words(peers[i].allowed, ",");
		at += sprintf(text + at, "%s%c%s:%s", i ? " " : "", key[0],
			      off ? "" : peers[i].keepalive,
			      strcmp(peers[i].allowed, "(none)") ? peers[i].allowed : "");
	}
	sort_words(text, " ");
}

static inline void show_wanted(const struct wg_device *want, char *text)
{
	char prefix[PREFIX_TEXT_MAX];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < want->n_peers; i++) {
		char allowed[LONG_TEXT / 8] = "", keepalive[8] = "";

		for (size_t j = 0; j < want->peers[i].n_allowed; j++)
			sprintf(allowed + strlen(allowed), "%s%s", j ? "," : "",
				prefix_format(&want->peers[i].allowed[j], prefix));
		sort_words(allowed, ",");
		if (want->peers[i].keepalive_s)
			sprintf(keepalive, "%u", want->peers[i].keepalive_s);
		at += sprintf(text + at, "%s%c%s:%s", i ? " " : "", want->peers[i].public_key[0],
			      keepalive, allowed);
	}
	sort_words(text, " ");
}

#endif
