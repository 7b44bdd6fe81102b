// SPDX-License-Identifier: Apache-2.0
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->base = event_base_new();
	if (loop->base)
		return loop;
	free(loop);
	return NULL;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	event_base_free(loop->base);
	free(loop);
}

int loop_run(struct loop *loop)
{
	if (!loop->err && event_base_dispatch(loop->base) < 0)
		return -EIO;
	return loop->err;
}

void loop_end(struct loop *loop, int err)
{
	if (!loop->err)
		loop->err = err;
	event_base_loopbreak(loop->base);
}

static void add(struct event *event, struct loop *loop, const struct timeval *after)
{
	if (event_add(event, after))
		loop_end(loop, -ENOMEM);
}

void loop_hurry(struct loop *loop, uint32_t times)
{
	loop->hurry = times;
}

int64_t loop_ms(const struct loop *loop, int64_t ms)
{
	return loop->hurry > 1 ? ms / loop->hurry : ms;
}

int64_t loop_ms_least(const struct loop *loop, int64_t ms, int64_t least_ms)
{
	int64_t hurried_ms = loop_ms(loop, ms);

	return hurried_ms > least_ms || loop->hurry <= 1 ? hurried_ms : least_ms;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *timer = arg;

	(void)fd, (void)what;
	timer->fn(timer->arg);
}

void timer_init(struct timer *timer, struct loop *loop, loop_fn *fn, void *arg)
{
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	(void)evtimer_assign(&timer->event, loop->base, on_timer, timer);
}

void timer_arm(struct timer *timer, int64_t ms)
{
	const struct timeval after = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	add(&timer->event, timer->loop, &after);
}

void timer_arm_hurried(struct timer *timer, int64_t ms)
{
	timer_arm(timer, loop_ms(timer->loop, ms));
}

void timer_stop(struct timer *timer)
{
	if (timer->loop)
		(void)evtimer_del(&timer->event);
}

bool timer_is_armed(const struct timer *timer)
{
	return timer->loop && evtimer_pending(&timer->event, NULL);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct io *io = arg;

	(void)fd, (void)what;
	io->fn(io->arg);
}

static void start(struct io *io, struct loop *loop, int fd, short what, loop_fn *fn, void *arg)
{
	io_stop(io);
	*io = (struct io){ .loop = loop, .fn = fn, .arg = arg };
	(void)event_assign(&io->event, loop->base, fd, what | EV_PERSIST, on_io, io);
	add(&io->event, loop, NULL);
}

void io_start(struct io *io, struct loop *loop, int fd, unsigned int for_, loop_fn *fn, void *arg)
{
	start(io, loop, fd, (for_ & IO_READ ? EV_READ : 0) | (for_ & IO_WRITE ? EV_WRITE : 0), fn,
	      arg);
}

void io_start_children(struct io *io, struct loop *loop, loop_fn *fn, void *arg)
{
	start(io, loop, SIGCHLD, EV_SIGNAL, fn, arg);
}

void io_stop(struct io *io)
{
	if (io->loop)
		(void)event_del(&io->event);
	io->loop = NULL;
}
