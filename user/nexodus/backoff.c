// SPDX-License-Identifier: Apache-2.0
#include "nexodus/backoff.h"

void backoff_healthy(struct backoff *backoff, int64_t now_ms)
{
	if (!backoff->healthy_since)
		backoff->healthy_since = now_ms ?: 1;
}

uint32_t backoff_failed(struct backoff *backoff, int64_t now_ms, uint32_t random)
{
	uint32_t step, least;

	if (backoff->healthy_since && now_ms - backoff->healthy_since >= backoff->calm_ms)
		backoff->next_ms = 0;
	backoff->healthy_since = 0;
	step = backoff->next_ms ?: backoff->min_ms;
	if (step > backoff->max_ms)
		step = backoff->max_ms;
	backoff->next_ms = step > backoff->max_ms / 2 ? backoff->max_ms : step * 2;

	/* Relays that have lost the same server must not come back at the same moment. */
	least = step / 2;
	return least + (uint32_t)(((uint64_t)random * (step - least + 1)) >> 32);
}
