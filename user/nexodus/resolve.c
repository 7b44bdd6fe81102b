// SPDX-License-Identifier: Apache-2.0
#include "nexodus/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (512UL << 10) /* nss modules have large arrays on it */

/* What thread and loop share; whoever has done with it last frees it. */
struct question {
	atomic_int owners;
	int answered; /* eventfd */
	char host[RESOLVE_HOST_MAX];
	int err;
	struct sockaddr_storage at[RESOLVE_ADDRESSES_MAX];
	size_t n;
};

struct resolve {
	struct question *question;
	struct io answered;
	resolve_done *done;
	void *arg;
};

static atomic_int n_threads;

static void let_go(struct question *question)
{
	if (atomic_fetch_sub(&question->owners, 1) > 1)
		return;
	close(question->answered);
	free(question);
}

static int to_errno(int gai)
{
	switch (gai) {
	case 0:
		return 0;
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return -ENOENT;
	default:
		return -EIO;
	}
}

static void ask(struct question *question)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	question->err = to_errno(getaddrinfo(question->host, NULL, &hints, &found));
	if (question->err)
		return;
	for (struct addrinfo *one = found; one && question->n < RESOLVE_ADDRESSES_MAX;
	     one = one->ai_next)
		if (one->ai_family == AF_INET || one->ai_family == AF_INET6)
			memcpy(&question->at[question->n++], one->ai_addr, one->ai_addrlen);
	freeaddrinfo(found);
	if (!question->n)
		question->err = -ENOENT;
}

static void *be_thread(void *arg)
{
	struct question *question = arg;

	ask(question);
	atomic_fetch_sub(&n_threads, 1); /* whoever hears of it may start another */
	(void)eventfd_write(question->answered, 1);
	let_go(question);
	return NULL;
}

static int start_thread(struct question *question)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (atomic_fetch_add(&n_threads, 1) >= RESOLVE_AT_ONCE_MAX) {
		err = EBUSY;
	} else {
		err = pthread_attr_init(&attr);
		if (!err) {
			(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
			(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
			err = pthread_create(&thread, &attr, be_thread, question);
			pthread_attr_destroy(&attr);
		}
	}
	if (err)
		atomic_fetch_sub(&n_threads, 1);
	return err == EAGAIN ? -ENOMEM : -err;
}

static void on_answer(void *arg)
{
	struct resolve *resolve = arg;
	struct question *question = resolve->question;

	io_stop(&resolve->answered);
	resolve->done(resolve->arg, question->err, question->at, question->n);
	let_go(question);
	free(resolve);
}

static struct question *question_new(const char *host)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	atomic_init(&question->owners, 1);
	snprintf(question->host, sizeof(question->host), "%s", host);
	question->answered = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (question->answered >= 0)
		return question;
	free(question);
	return NULL;
}

int resolve_start(struct loop *loop, const char *host, resolve_done *done, void *arg,
		  struct resolve **ret_resolve)
{
	struct resolve *resolve;
	int err;

	if (strlen(host) >= RESOLVE_HOST_MAX)
		return -EINVAL;
	resolve = calloc(1, sizeof(*resolve));
	if (!resolve)
		return -ENOMEM;
	*resolve = (struct resolve){ .question = question_new(host), .done = done, .arg = arg };
	err = resolve->question ? 0 : -ENOMEM;
	if (!err) {
		io_start(&resolve->answered, loop, resolve->question->answered, IO_READ, on_answer,
			 resolve);
		atomic_fetch_add(&resolve->question->owners, 1);
		err = start_thread(resolve->question);
		if (err)
			atomic_fetch_sub(&resolve->question->owners, 1);
	}
	if (err)
		resolve_cancel(resolve);
	else
		*ret_resolve = resolve;
	return err;
}

void resolve_cancel(struct resolve *resolve)
{
	if (!resolve)
		return;
	io_stop(&resolve->answered);
	if (resolve->question)
		let_go(resolve->question);
	free(resolve);
}
