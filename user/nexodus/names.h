/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - host names to addresses, without a blocking call, a thread or an open file: libevent's
 * DNS client, configured from descriptors of resolv.conf and hosts that the node hands over.
 */
#ifndef NEXODUS_NAMES_H
#define NEXODUS_NAMES_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define NAMES_ADDRESSES_MAX 16
#define NAMES_FILE_BYTES_MAX (1024 * 1024) /* hosts; resolv.conf is shorter still */

struct names;
struct names_request;

/**
 * names_done - addresses of a host, IPv6 first, at most NAMES_ADDRESSES_MAX; port 0.
 * @err: 0; -ENOENT when there is no such name; -EAGAIN when no name server answered; another
 *       negative errno.
 */
typedef void names_done(void *arg, int err, const struct sockaddr_storage *addresses, size_t n);

/** Who is told whom others are about to talk to, and may have them wait (names_hold()). */
struct names_watch {
	/* All name servers, when they are other ones, before they are asked. */
	void (*on_servers)(void *arg, const struct sockaddr_storage *servers, size_t n);
	/* Addresses of @host, before whoever has asked for them has them. */
	void (*on_found)(void *arg, const char *host, const struct sockaddr_storage *addresses,
			 size_t n);
	/* From now on what names_remember() was told is used, until a name server answers. */
	void (*on_remembered)(void *arg);
	void *arg;
};

/**
 * names_new() - before the seccomp filter. libevent's DNS log is silenced.
 *
 * Return: a resolver without name servers, or NULL without memory.
 */
struct names *names_new(struct event_base *base);

/** names_free() - requests that are open are cancelled, without a call. Safe on NULL. */
void names_free(struct names *names);

/**
 * names_set_resolv_conf() - new name servers: `nameserver` lines and `options timeout: attempts:`
 * of the text in @fd, read from its beginning; @fd stays the caller's. Without any: 127.0.0.1, as
 * resolv.conf(5) says. Requests that are open begin again with the new ones; where servers and
 * options are those of before nothing happens.
 *
 * The servers are asked in their order, but for one that was silent about the same name: that is
 * asked last for a minute (name_order.h), or until the servers are others. One that cannot be
 * reached is passed over at once, and used as soon as it is back. Where the text does not say
 * otherwise a server has 2 s to answer, not 5: with three of them and two rounds that is 12 s at
 * most.
 *
 * Return: 0; negative errno, with the old ones kept.
 */
int names_set_resolv_conf(struct names *names, int fd);

/** names_set_hosts() - the text of hosts(5). Return: as above. */
int names_set_hosts(struct names *names, int fd);

/** names_set_watch() - before the first request. @watch: copied. */
void names_set_watch(struct names *names, const struct names_watch *watch);

/**
 * names_hold() - while it is held no name server is asked, and addresses that were found are kept
 * back. Also from within the watch.
 */
void names_hold(struct names *names, bool is_held);

/**
 * names_remember() - the addresses that @host had: they are found when no name server answers, or
 * none within @after_ms (RFC 8767). Once that has happened they are found at once, and the name
 * servers are asked beside it, until one answers. That there is no such name is an answer.
 * @n: of those of one family, half of NAMES_ADDRESSES_MAX at most are taken.
 *
 * One host at a time: another one, or other addresses, take the place of those of before; without
 * any there are none.
 */
void names_remember(struct names *names, const char *host, const struct sockaddr_storage *addresses,
		    size_t n, unsigned int after_ms);

/**
 * names_resolve() - find the addresses of @host: a literal (brackets allowed for IPv6), a name in
 * hosts, `localhost`, or else A and AAAA records, asked for at once, without search domains.
 * @done: called once, from the loop, never before this returns; not after names_cancel().
 * Both kinds of records are waited for, but the second one no longer than a second after the first
 * one has brought addresses; one that fails does not matter when the other has answers. At most
 * half of NAMES_ADDRESSES_MAX of either kind are taken.
 *
 * Return: 0, with *ret_request to cancel it; -EINVAL when it cannot be a name; -ENOMEM.
 */
int names_resolve(struct names *names, const char *host, names_done *done, void *arg,
		  struct names_request **ret_request);

/** names_cancel() - done is not called. Safe on NULL. */
void names_cancel(struct names_request *request);

#endif
