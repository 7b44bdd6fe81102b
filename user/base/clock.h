/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the one clock of both processes: CLOCK_BOOTTIME. Nobody sets it, and it goes on while
 * the host sleeps.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/** clock_ms() - milliseconds since the host was booted. */
int64_t clock_ms(void);

/** clock_s() - the same in seconds, rounded down. */
int64_t clock_s(void);

/** clock_cpu_ms() - processor time that this process has used, in milliseconds. */
int64_t clock_cpu_ms(void);

#endif
