/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_server.h - an HTTPS server of the test's own on 127.0.0.1 and ::1: a process for itself, and
 *one for each connection. What it answers to "/name" is the script of that name:
 *
 *	WAIT	until the client is gone
 *	CUT	the connection, without TLS's goodbye
 *	RESET	it
 *	SLOWLY	from here each byte by itself
 *	ECHO	what was asked
 *	else	as it is
 *
 * At the end it says goodbye and closes.
 */
#ifndef TESTS_TLS_SERVER_H
#define TESTS_TLS_SERVER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tls_certificate.h"

#define WAIT "\1"
#define CUT "\2"
#define RESET "\3"
#define SLOWLY "\4"
#define ECHO "\5"
#define LONG_HEADERS "\6" /* 200 headers of 256 bytes */
#define LONG_BODY "\7"    /* 300 * 1024 bytes */

#define REQUEST_MAX 8192

struct tls_script {
	const char *name, *text;
};

struct tls_server {
	pid_t pid;
	int listeners[2]; /* IPv4, IPv6 */
	uint16_t port;
};

static inline int tls_choose(SSL *tls, int *alert, void *arg)
{
	const char *host = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
	size_t i = 0;

	(void)alert;
	(void)arg;
	while (tls_certificates[i].host && (!host || strcmp(host, tls_certificates[i].host)))
		i++;
	SSL_use_certificate(tls, tls_certificates[i].x509);
	SSL_use_PrivateKey(tls, tls_server_key);
	return SSL_TLSEXT_ERR_OK;
}

static inline void tls_repeat(SSL *tls, const char *what, size_t len, int n)
{
	for (int i = 0; i < n; i++)
		SSL_write(tls, what, len);
}

static inline void tls_wait(SSL *tls)
{
	char byte;

	while (SSL_read(tls, &byte, 1) > 0)
		;
}

static inline void tls_close(int fd, int is_reset)
{
	struct linger linger = { .l_onoff = is_reset };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	_Exit(0);
}

static inline void tls_play(SSL *tls, int fd, const char *script, const char *request)
{
	static char filler[256];
	bool is_slow = false;
	size_t len;

	memset(filler, 'x', sizeof(filler));
	memcpy(filler, "X-Long: ", 8);
	memcpy(filler + sizeof(filler) - 2, "\r\n", 2);
	for (; *script; script += len) {
		len = 1;
		if (*script == *WAIT) {
			tls_wait(tls);
		} else if (*script == *CUT) {
			tls_close(fd, 0);
		} else if (*script == *RESET) {
			tls_close(fd, 1);
		} else if (*script == *SLOWLY) {
			is_slow = true;
		} else if (*script == *ECHO) {
			SSL_write(tls, request, strlen(request));
		} else if (*script == *LONG_HEADERS) {
			tls_repeat(tls, filler, sizeof(filler), 200);
		} else if (*script == *LONG_BODY) {
			tls_repeat(tls, filler, sizeof(filler), 1200);
		} else {
			len = is_slow ? 1 : strcspn(script, "\1\2\3\4\5\6\7");
			SSL_write(tls, script, len);
		}
	}
	SSL_shutdown(tls);
	close(fd);
}

/* Return: the path of the request, the whole of it read. */
static inline const char *tls_read_request(SSL *tls, char *request)
{
	static char path[64];
	size_t len = 0, want = 0;

	while (!want || len < want) {
		int n = SSL_read(tls, request + len, REQUEST_MAX - 1 - len);
		const char *end, *length;

		if (n <= 0)
			_Exit(0);
		len += n;
		request[len] = '\0';
		end = strstr(request, "\r\n\r\n");
		length = strstr(request, "Content-Length: ");
		if (end)
			want = end + 4 - request + (length ? atoi(length + 16) : 0);
	}
	return sscanf(request, "%*s %63s", path) == 1 ? path : "";
}

static inline _Noreturn void tls_serve_one(int fd, SSL_CTX *context,
					   const struct tls_script *scripts)
{
	static char request[REQUEST_MAX];
	SSL *tls = SSL_new(context);
	int now = 1;
	const char *path;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &now, sizeof(now));
	SSL_set_fd(tls, fd);
	if (SSL_accept(tls) != 1)
		_Exit(0);
	path = tls_read_request(tls, request);
	while (scripts->name && strcmp(scripts->name, path + 1))
		scripts++;
	if (scripts->name)
		tls_play(tls, fd, scripts->text, request);
	_Exit(0);
}

static inline _Noreturn void tls_serve(const struct tls_server *server,
				       const struct tls_script *scripts)
{
	struct pollfd ready[] = { { .fd = server->listeners[0], .events = POLLIN },
				  { .fd = server->listeners[1], .events = POLLIN } };
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	SSL_CTX_set_tlsext_servername_callback(context, tls_choose);
	SSL_CTX_use_certificate(context, tls_certificates[N(tls_certificates) - 1].x509);
	SSL_CTX_use_PrivateKey(context, tls_server_key);
	for (;;) {
		poll(ready, N(ready), -1);
		for (size_t i = 0; i < N(ready); i++) {
			int fd = ready[i].revents ? accept(ready[i].fd, NULL, NULL) : -1;

			if (fd >= 0 && !fork())
				tls_serve_one(fd, context, scripts);
			if (fd >= 0)
				close(fd);
		}
	}
}

/* Listens on @port (0: any), on IPv4 and IPv6 alike. */
static inline int tls_listen(int family, uint16_t *port)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				   .sin6_port = htons(*port) };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_port = htons(*port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *at = family == AF_INET ? (void *)&v4 : (void *)&v6;
	socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	assert_int_equal(bind(fd, at, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, at, &len), 0);
	*port = ntohs(v4.sin_port ? v4.sin_port : v6.sin6_port);
	return fd;
}

/* With the certificates of tls_certificates_make(). @scripts ends with a row without a name. */
static inline struct tls_server tls_server_start(const struct tls_script *scripts)
{
	struct tls_server server = {};

	server.listeners[0] = tls_listen(AF_INET, &server.port);
	server.listeners[1] = tls_listen(AF_INET6, &server.port);
	server.pid = fork();
	assert_true(server.pid >= 0);
	if (!server.pid)
		tls_serve(&server, scripts);
	close(server.listeners[0]);
	close(server.listeners[1]);
	return server;
}

static inline void tls_server_stop(const struct tls_server *server)
{
	assert_int_equal(kill(server->pid, SIGKILL), 0);
	assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
}

#endif
