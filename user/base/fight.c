// SPDX-License-Identifier: Apache-2.0
#include "base/fight.h"

#include "base/log.h"

#define TIMES_MAX 10     /* changed so often without a pause: somebody insists */
#define INCIDENT_MS 1000 /* changes within that are one, and said once */
#define CALM_MS 10000    /* that much longer than the wait is a pause */
#define WAIT_MIN_MS 1000
#define WAIT_MAX_MS 60000

bool fight_count(struct fight *fight, int64_t now_ms, const char *what)
{
	bool more = fight->mended_at_ms && now_ms - fight->mended_at_ms < INCIDENT_MS;

	if (now_ms - fight->mended_at_ms > CALM_MS + (int64_t)fight->wait_ms)
		fight->times = fight->wait_ms = 0;
	fight->mended_at_ms = now_ms;
	if (++fight->times <= TIMES_MAX)
		return !more;
	if (!fight->wait_ms)
		log_warn("%s: somebody keeps changing it: putting it back less and less often, "
			 "up to every %d s",
			 what, WAIT_MAX_MS / 1000);
	fight->wait_ms = fight->wait_ms ? fight->wait_ms * 2 : WAIT_MIN_MS;
	if (fight->wait_ms > WAIT_MAX_MS)
		fight->wait_ms = WAIT_MAX_MS;
	return false;
}

int64_t fight_left_ms(const struct fight *fight, int64_t now_ms)
{
	return fight->mended_at_ms + (int64_t)fight->wait_ms - now_ms;
}
