// SPDX-License-Identifier: Apache-2.0
#include "base/pace.h"

void pace_reset(struct pace *pace)
{
	pace->next_ms = 0;
	pace->well_since_ms = 0;
}

void pace_well(struct pace *pace, int64_t now_ms)
{
	if (!pace->well_since_ms)
		pace->well_since_ms = now_ms ?: 1;
}

uint32_t pace_failed(struct pace *pace, int64_t now_ms, uint32_t random)
{
	uint32_t step, least;

	if (pace->well_since_ms && now_ms - pace->well_since_ms >= pace->calm_ms)
		pace->next_ms = 0;
	pace->well_since_ms = 0;
	step = pace->next_ms ?: pace->min_ms;
	if (step > pace->max_ms)
		step = pace->max_ms;
	pace->next_ms = step > pace->max_ms / 2 ? pace->max_ms : step * 2;

	/* Relays that have lost the same server must not come back at the same moment. */
	least = step / 2;
	return least + (uint32_t)(((uint64_t)random * (step - least + 1)) >> 32);
}

uint32_t pace_failed_here(struct pace *pace, int64_t now_ms)
{
	return pace_failed(pace, now_ms, UINT32_MAX);
}

bool pace_has_failed(const struct pace *pace)
{
	return pace->next_ms != 0;
}
