/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fight.h - another program changes what we want otherwise: put it back at once, but less and less
 * often when it insists.
 */
#ifndef BASE_FIGHT_H
#define BASE_FIGHT_H

#include <stdbool.h>
#include <stdint.h>

struct fight {
	int64_t mended_at_ms; /* 0: never */
	unsigned int times;   /* how often it was put back without a pause in between */
	uint32_t wait_ms;     /* not sooner after mended_at_ms than that; 0: nobody insists */
};

/**
 * fight_count() - something was changed, and is put back at @now_ms.
 * @what: for the warning when somebody insists.
 *
 * Return: whether it is worth a message: it is no part of the last change, and no fight.
 */
bool fight_count(struct fight *fight, int64_t now_ms, const char *what);

/** fight_left_ms() - how long whoever insists is left alone yet; 0 or less: not at all. */
int64_t fight_left_ms(const struct fight *fight, int64_t now_ms);

#endif
