/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace.h - how long to wait before the next try: the wait doubles with each failure, and begins
 * anew after a success, or after calm.
 *
 * Pure computation: the caller tells the time and the randomness.
 */
#ifndef BASE_PACE_H
#define BASE_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	uint32_t min_ms, max_ms;
	uint32_t calm_ms;      /* well for so long: begin with min_ms again; 0: see pace_well() */
	uint32_t next_ms;      /* the next wait; 0: min_ms */
	int64_t well_since_ms; /* 0: it is not well */
};

/** pace_reset() - it worked: the next failure is the first one. */
void pace_reset(struct pace *pace);

/** pace_well() - it works since @now_ms (the first call after a failure counts); a failure after
 * calm_ms or more is the first one. */
void pace_well(struct pace *pace, int64_t now_ms);

/**
 * pace_failed() - it failed at @now_ms, for many relays at once, maybe.
 * @random: uniform; decides the jitter: the answer is between half of the current step and all.
 *
 * Return: ms to wait.
 */
uint32_t pace_failed(struct pace *pace, int64_t now_ms, uint32_t random);

/** pace_failed_here() - the same for what concerns this host alone: without jitter. */
uint32_t pace_failed_here(struct pace *pace, int64_t now_ms);

/** pace_has_failed() - and has not worked since. */
bool pace_has_failed(const struct pace *pace);

#endif
