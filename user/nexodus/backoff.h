/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h - how long to wait before the next try: doubling, with jitter, forgetting after calm.
 *
 * Pure computation: the caller tells the time and the randomness.
 */
#ifndef NEXODUS_BACKOFF_H
#define NEXODUS_BACKOFF_H

#include <stdint.h>

struct backoff {
	uint32_t min_ms, max_ms; /* as client-go has them: 800 and 30000 */
	uint32_t calm_ms;        /* healthy for so long: begin with min_ms again; 120000 */
	uint32_t next_ms;        /* 0: min_ms */
	int64_t healthy_since;   /* ms of CLOCK_BOOTTIME; 0: not healthy */
};

/** backoff_healthy() - what is tried works, since @now_ms (the first call after a failure counts).
 */
void backoff_healthy(struct backoff *backoff, int64_t now_ms);

/**
 * backoff_failed() - it failed at @now_ms.
 * @random: uniform; decides the jitter: the answer is between half of the current step and all.
 *
 * Return: ms to wait.
 */
uint32_t backoff_failed(struct backoff *backoff, int64_t now_ms, uint32_t random);

#endif
