// SPDX-License-Identifier: Apache-2.0
#include "nexodus/names_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"

#define DNS_PORT 53
#define LABEL_MAX 63
/* The C library waits for 5 s. Two rounds through three servers have to fit in the time that a
 * connection may take in all. */
#define TIMEOUT_S 2
#define TIMEOUT_S_MAX 30 /* as the C library has it */
#define ATTEMPTS 2
#define ATTEMPTS_MAX 5 /* as the C library has it */
#define BLANKS " \t\r\f\v"

int address_parse(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memset(ret, 0, sizeof(*ret));
		memcpy(ret, &v4, sizeof(v4));
		return 0;
	}
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		memset(ret, 0, sizeof(*ret));
		memcpy(ret, &v6, sizeof(v6));
		return 0;
	}
	return -EINVAL;
}

/* if_nametoindex(3) tries a socket of AF_UNIX first, and the filter knows none. */
static uint32_t interface_index(const char *name)
{
	auto_close int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {};

	if (fd < 0 || strlen(name) >= sizeof(request.ifr_name))
		return 0;
	memcpy(request.ifr_name, name, strlen(name) + 1);
	return ioctl(fd, SIOCGIFINDEX, &request) ? 0 : request.ifr_ifindex;
}

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "fe80::1%2" */
static int server_parse(char *text, struct sockaddr_storage *ret)
{
	char *zone = strchr(text, '%');
	struct sockaddr_storage at;

	if (zone)
		*zone++ = '\0';
	if (address_parse(text, &at))
		return -EINVAL;
	if (at.ss_family == AF_INET) {
		if (zone)
			return -EINVAL;
		((struct sockaddr_in *)&at)->sin_port = htons(DNS_PORT);
	} else {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&at;

		v6->sin6_port = htons(DNS_PORT);
		if (zone)
			v6->sin6_scope_id = isdigit((unsigned char)*zone) ? strtoul(zone, NULL, 10)
									  : interface_index(zone);
		if (zone && !v6->sin6_scope_id)
			return -EINVAL;
	}
	*ret = at;
	return 0;
}

/* "timeout:3" */
static void take_number(const char *word, const char *name, int max, int *ret)
{
	size_t len = strlen(name);
	long n;

	if (strncmp(word, name, len) || !isdigit((unsigned char)word[len]))
		return;
	n = strtol(word + len, NULL, 10);
	*ret = n < 1 ? 1 : n > max ? max : (int)n;
}

void resolv_conf_parse(char *text, struct name_servers *ret_servers)
{
	struct name_servers servers = { .timeout_s = TIMEOUT_S, .attempts = ATTEMPTS };
	char *lines;

	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		bool is_comment = *line == '#' || *line == ';';
		char *words, *word = strtok_r(line, BLANKS, &words);

		if (!word || is_comment)
			continue;
		if (!strcmp(word, "nameserver")) {
			word = strtok_r(NULL, BLANKS, &words);
			if (word && servers.n < NAME_SERVERS_MAX &&
			    !server_parse(word, &servers.at[servers.n]))
				servers.n++;
		} else if (!strcmp(word, "options")) {
			while ((word = strtok_r(NULL, BLANKS, &words))) {
				take_number(word, "timeout:", TIMEOUT_S_MAX, &servers.timeout_s);
				take_number(word, "attempts:", ATTEMPTS_MAX, &servers.attempts);
			}
		}
	}
	if (!servers.n) {
		char loopback[] = "127.0.0.1";

		servers.n = !server_parse(loopback, &servers.at[0]);
	}
	*ret_servers = servers;
}

/* The next word of a line, which ends at its end or at '#'; *at moves behind it. */
static size_t next_word(const char **at, const char **ret_word)
{
	size_t len;

	*at += strspn(*at, BLANKS);
	len = strcspn(*at, BLANKS "\n#");
	*ret_word = *at;
	*at += len;
	return len;
}

static bool line_has(const char *rest, const char *host)
{
	size_t len, want = strlen(host);
	const char *word;

	while ((len = next_word(&rest, &word))) {
		if (len == want + 1 && word[want] == '.')
			len = want;
		if (len == want && !strncasecmp(word, host, want))
			return true;
	}
	return false;
}

size_t hosts_find(const char *text, const char *host, int family, struct sockaddr_storage *ret,
		  size_t max)
{
	size_t n = 0;

	for (const char *line = text; line && n < max;) {
		const char *rest = line, *word;
		char address[INET6_ADDRSTRLEN] = "";
		struct sockaddr_storage at;
		size_t len = next_word(&rest, &word);

		if (len && len < sizeof(address)) {
			memcpy(address, word, len);
			if (!address_parse(address, &at) && at.ss_family == family &&
			    line_has(rest, host))
				ret[n++] = at;
		}
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return n;
}

static bool is_name(const char *name)
{
	size_t label = 0;

	for (; *name; name++) {
		bool is_letter = isalnum((unsigned char)*name) || *name == '-' || *name == '_';

		if (is_letter ? label == LABEL_MAX : *name != '.' || !label)
			return false;
		label = is_letter ? label + 1 : 0;
	}
	return label > 0;
}

int host_name_normalize(const char *host, char ret[static HOST_NAME_ROOM])
{
	size_t len = strnlen(host, HOST_NAME_ROOM + 1);
	bool has_brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';
	struct sockaddr_storage at;
	char name[HOST_NAME_ROOM];

	if (has_brackets) {
		host++;
		len -= 2;
	} else if (len > 1 && host[len - 1] == '.') {
		len--;
	}
	if (!len || len >= HOST_NAME_ROOM)
		return -EINVAL;
	memcpy(name, host, len);
	name[len] = '\0';
	if (address_parse(name, &at) ? has_brackets || !is_name(name)
				     : has_brackets && at.ss_family != AF_INET6)
		return -EINVAL;
	memcpy(ret, name, len + 1);
	return 0;
}
