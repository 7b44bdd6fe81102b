/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_dns.h - a name server of the test's own, in a process of its own, on port 53 of a loopback
 * address.
 */
#ifndef TESTS_FAKE_DNS_H
#define TESTS_FAKE_DNS_H

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DNS_A = 1, DNS_CNAME = 5, DNS_AAAA = 28 };
enum { SAY_NOTHING = -1, SAY_GARBAGE = -2, SAY_TRUNCATED = -3, SAY_LOOP = -4 };
/* SAY_TRUNCATED: over TCP all of it. SAY_LOOP: an alias of itself. */

/* The last row has no name, and stands for all others. */
struct fake_name {
	const char *name;
	const char *a, *aaaa; /* NULL: no such record */
	int repeat;           /* so many of each; the last byte counts up */
	int rcode;            /* SAY_* also */
	int aaaa_rcode;       /* when the answer to AAAA is another */
	bool is_alias;        /* a CNAME comes first */
};

/* "\4both\4test\0" as "both.test"; the length of the question. */
static inline size_t fake_dns_question(const uint8_t *at, const uint8_t *end, char *name)
{
	const uint8_t *begin = at;

	*name = '\0';
	while (at < end && *at) {
		strncat(name, (const char *)at + 1, *at);
		at += *at + 1;
		if (*at)
			strcat(name, ".");
	}
	return at - begin + 5;
}

static inline size_t fake_dns_record(uint8_t *to, uint16_t type, const void *data, size_t len)
{
	const uint8_t head[] = { 0xc0, 12, type >> 8, type, 0, 1, 0, 0, 0, 60, len >> 8, len };

	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), data, len);
	return sizeof(head) + len;
}

/* Return: length of the answer made of @message; 0 for none. */
static inline size_t fake_dns_answer(const struct fake_name *zone, bool is_tcp, uint8_t *message,
				     size_t len)
{
	char name[512];
	size_t question = fake_dns_question(message + 12, message + len, name);
	uint16_t type = message[12 + question - 4] << 8 | message[12 + question - 3];
	const char *text;
	uint8_t address[16];
	int rcode, n = 0;

	while (zone->name && strcasecmp(zone->name, name))
		zone++;
	text = type == DNS_A ? zone->a : type == DNS_AAAA ? zone->aaaa : NULL;
	rcode = type == DNS_AAAA && zone->aaaa_rcode ? zone->aaaa_rcode : zone->rcode;
	if (rcode == SAY_NOTHING)
		return 0;
	len = 12 + question;
	message[2] = 0x81 | (rcode == SAY_TRUNCATED && !is_tcp ? 2 : 0);
	message[3] = 0x80 | (rcode > 0 ? rcode : 0);
	memset(message + 6, 0, 6);
	if (rcode == SAY_GARBAGE) {
		memset(message + 4, 0xc0, 60);
		return 64;
	}
	if (rcode == SAY_TRUNCATED && !is_tcp)
		return len;
	if (rcode == SAY_LOOP)
		len += fake_dns_record(message + len, DNS_CNAME, "\xc0\x0c", 2), n++;
	if (zone->is_alias && text) {
		len += fake_dns_record(message + len, DNS_CNAME, "\5other\4test", 12);
		n++;
	}
	for (int i = 0; text && i < (zone->repeat ? zone->repeat : 1); i++, n++) {
		size_t size = type == DNS_A ? 4 : 16;

		inet_pton(type == DNS_A ? AF_INET : AF_INET6, text, address);
		address[size - 1] += i;
		len += fake_dns_record(message + len, type, address, size);
	}
	message[7] = n;
	return len;
}

static inline void fake_dns_serve_tcp(int listener, const struct fake_name *zone)
{
	int fd = accept(listener, NULL, NULL);
	uint8_t message[2048];
	ssize_t n;

	/* Both questions of a name come over one connection. */
	while (fd >= 0 && recv(fd, message, 2, MSG_WAITALL) == 2) {
		size_t len = message[0] << 8 | message[1];

		n = len > 512 ? 0 : recv(fd, message + 2, len, MSG_WAITALL);
		if (n < 17)
			break;
		len = fake_dns_answer(zone, true, message + 2, n);
		message[0] = len >> 8;
		message[1] = len;
		(void)send(fd, message, len + 2, MSG_NOSIGNAL);
	}
	close(fd);
}

static inline _Noreturn void fake_dns_serve(int fd, int listener, const struct fake_name *zone)
{
	struct pollfd ready[] = { { .fd = fd, .events = POLLIN },
				  { .fd = listener, .events = POLLIN } };
	struct sockaddr_storage from;
	uint8_t message[2048];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (poll(ready, 2, -1) > 0) {
		socklen_t from_len = sizeof(from);
		ssize_t n;
		size_t len;

		if (ready[1].revents)
			fake_dns_serve_tcp(listener, zone);
		if (!ready[0].revents)
			continue;
		n = recvfrom(fd, message, 512, 0, (struct sockaddr *)&from, &from_len);
		len = n < 17 ? 0 : fake_dns_answer(zone, false, message, n);
		if (len)
			sendto(fd, message, len, 0, (struct sockaddr *)&from, from_len);
	}
	_Exit(1);
}

/* It answers as soon as this has returned. @address may have the name of an interface as zone. */
static inline pid_t fake_dns_start(const char *address, const struct fake_name *zone)
{
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE], *interface;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(53) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int listener = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	snprintf(text, sizeof(text), "%s", address);
	interface = strchr(text, '%');
	if (interface) {
		*interface++ = '\0';
		v6.sin6_scope_id = if_nametoindex(interface);
	}
	if (!is_v4)
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	assert_int_equal(bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
			      is_v4 ? sizeof(v4) : sizeof(v6)),
			 0);
	assert_int_equal(bind(listener, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
			      is_v4 ? sizeof(v4) : sizeof(v6)),
			 0);
	assert_int_equal(listen(listener, 8), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		fake_dns_serve(fd, listener, zone);
	close(listener);
	close(fd);
	return pid;
}

static inline void fake_dns_stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#endif
