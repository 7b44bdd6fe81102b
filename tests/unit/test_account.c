// SPDX-License-Identifier: Apache-2.0
/* test_account.c - an account as it comes over the border: every text terminated, every number in
 * range. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nexodus/account.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define TEXT(member) offsetof(struct account, member), sizeof(((struct account *)NULL)->member)

static const struct {
	size_t at, size;
} texts[] = {
	{ TEXT(api) },
	{ TEXT(reg_token) },
	{ TEXT(username) },
	{ TEXT(password) },
	{ TEXT(vpc_id) },
	{ TEXT(security_group_id) },
	{ TEXT(request_ip) },
	{ TEXT(local_endpoint) },
	{ TEXT(stun_servers[0]) },
	{ TEXT(stun_servers[STUN_SERVERS_MAX - 1]) },
	{ TEXT(hostname) },
};

static struct account good(void)
{
	struct account account = { .api = "https://a", .listen_port = 1 };

	account.n_stun_servers = STUN_SERVERS_MAX;
	return account;
}

static void test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		struct account account = good();
		char *text = (char *)&account + texts[i].at;

		memset(text, 'a', texts[i].size - 1);
		assert_int_equal(account_check(&account), 0);
		text[texts[i].size - 1] = 'a';
		if (account_check(&account) != -EINVAL)
			fail_msg("text %zu without an end is taken", i);
	}
}

static void test_numbers(void **state)
{
	struct account account = good();

	(void)state;
	assert_int_equal(account_check(&account), 0);
	account.insecure = 1;
	assert_int_equal(account_check(&account), 0);
	account.insecure = 2;
	assert_int_equal(account_check(&account), -EINVAL);
	account = good();
	account.was_let_in = account.was_revoked = 1;
	assert_int_equal(account_check(&account), 0);
	account.was_let_in = 2;
	assert_int_equal(account_check(&account), -EINVAL);
	account = good();
	account.was_revoked = 2;
	assert_int_equal(account_check(&account), -EINVAL);
	account = good();
	account.hold_until = -1;
	assert_int_equal(account_check(&account), -EINVAL);
	account = good();
	account.n_stun_servers++;
	assert_int_equal(account_check(&account), -EINVAL);
	account.n_stun_servers = UINT32_MAX;
	assert_int_equal(account_check(&account), -EINVAL);
	account = good();
	account.listen_port = 0;
	assert_int_equal(account_check(&account), -EINVAL);
	account = good();
	*account.api = '\0';
	assert_int_equal(account_check(&account), -EINVAL);
}

/* What is not counted is not looked at. */
static void test_servers_that_do_not_count(void **state)
{
	struct account account = good();

	(void)state;
	account.n_stun_servers = 1;
	memset(account.stun_servers[1], 'a', sizeof(account.stun_servers[1]));
	assert_int_equal(account_check(&account), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_servers_that_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
