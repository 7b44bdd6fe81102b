// SPDX-License-Identifier: Apache-2.0
#include "nexodus/account.h"

#include <errno.h>
#include <string.h>

int account_check(const struct account *account)
{
	const struct {
		const char *text;
		size_t size;
	} texts[] = {
		{ account->api, sizeof(account->api) },
		{ account->reg_token, sizeof(account->reg_token) },
		{ account->username, sizeof(account->username) },
		{ account->password, sizeof(account->password) },
		{ account->vpc_id, sizeof(account->vpc_id) },
		{ account->security_group_id, sizeof(account->security_group_id) },
		{ account->request_ip, sizeof(account->request_ip) },
		{ account->local_endpoint, sizeof(account->local_endpoint) },
		{ account->hostname, sizeof(account->hostname) },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strnlen(texts[i].text, texts[i].size) == texts[i].size)
			return -EINVAL;
	if (account->n_stun_servers > STUN_SERVERS_MAX || account->insecure > 1 ||
	    account->register_once > 1 || account->was_let_in > 1 || account->was_revoked > 1 ||
	    account->hurry > ACCOUNT_HURRY_MAX || account->hold_until < 0 ||
	    !account->listen_port || !*account->api)
		return -EINVAL;
	for (uint32_t i = 0; i < account->n_stun_servers; i++)
		if (strnlen(account->stun_servers[i], STUN_SERVER_MAX) == STUN_SERVER_MAX)
			return -EINVAL;
	return 0;
}
