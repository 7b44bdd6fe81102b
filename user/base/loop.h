/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - the event loop of a process: timers, descriptors and children (libevent).
 *
 * Only loop_new() can fail. libevent may need memory later on: if there is none, the loop ends, and
 * loop_run() returns -ENOMEM. So callers neither check what they arm nor test for NULL.
 *
 * A timer or an io is embedded in the struct of its part. Zeroed memory is one that was never
 * started: stopping it does nothing.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

struct loop {
	struct event_base *base;
	int err;        /* that ended the loop */
	uint32_t hurry; /* loop_hurry() */
};

typedef void loop_fn(void *arg);

struct timer {
	struct event event;
	struct loop *loop; /* NULL: timer_init() was not called */
	loop_fn *fn;
	void *arg;
};

struct io {
	struct event event;
	struct loop *loop; /* NULL: not started */
	loop_fn *fn;
	void *arg;
};

enum io_for { IO_READ = 1 << 0, IO_WRITE = 1 << 1 };

/** loop_new() - Return: NULL without memory. */
struct loop *loop_new(void);

/** loop_free() - after every timer and every io of it was stopped. Safe with NULL. */
void loop_free(struct loop *loop);

/** loop_run() - until loop_end(). Return: what that was given; -ENOMEM. */
int loop_run(struct loop *loop);

/** loop_end() - loop_run() returns @err after the callback that runs now. */
void loop_end(struct loop *loop, int err);

/** loop_hurry() - a test wants this process to wait so many times less than usual; 0: as usual. */
void loop_hurry(struct loop *loop, uint32_t times);

/** loop_ms() - @ms, or so many times less in a hurry. */
int64_t loop_ms(const struct loop *loop, int64_t ms);

/** loop_ms_least() - the same, but never less than @least_ms: a busy machine must not be taken for
 * something that hangs. */
int64_t loop_ms_least(const struct loop *loop, int64_t ms, int64_t least_ms);

/** timer_init() - @fn is called with @arg when the timer fires. Nothing is armed. */
void timer_init(struct timer *timer, struct loop *loop, loop_fn *fn, void *arg);

/** timer_arm() - fire once, in @ms milliseconds; an earlier arming is forgotten. */
void timer_arm(struct timer *timer, int64_t ms);

/** timer_arm_hurried() - timer_arm() with loop_ms(). */
void timer_arm_hurried(struct timer *timer, int64_t ms);

/** timer_stop() - do not fire. */
void timer_stop(struct timer *timer);

/** timer_is_armed() - will it fire? */
bool timer_is_armed(const struct timer *timer);

/**
 * io_start() - call @fn with @arg whenever @fd is ready.
 * @fd:  stays the caller's; io_stop() before it is closed.
 * @for_: bits of enum io_for.
 */
void io_start(struct io *io, struct loop *loop, int fd, unsigned int for_, loop_fn *fn, void *arg);

/** io_start_children() - call @fn with @arg whenever a child of this process has ended. */
void io_start_children(struct io *io, struct loop *loop, loop_fn *fn, void *arg);

/** io_stop() - do not call. */
void io_stop(struct io *io);

#endif
