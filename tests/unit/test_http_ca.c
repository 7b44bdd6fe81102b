// SPDX-License-Identifier: Apache-2.0
/*
 * test_http_ca.c - whom HTTPS trusts.
 *
 * In a network namespace of the test's own: that needs root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http_client.h"

static int certificate_fd(X509 *x509)
{
	int fd = memfd_create("certificate", MFD_CLOEXEC);
	FILE *file = fdopen(dup(fd), "w");

	assert_non_null(file);
	PEM_write_X509(file, x509);
	fclose(file);
	return fd;
}

/* Trust is for who is in the file, and for the next call at once. */
static void test_ca(void **state)
{
	static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n"
				     "-----END CERTIFICATE-----\n";
	static const char locked[] = "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
				     "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
				     "AAAA\n-----END CERTIFICATE-----\n";
	struct client client = begin();
	auto_close int none = text_fd("# nothing\n"), bad = text_fd(broken);
	auto_close int encrypted = text_fd(locked), all = tls_authorities_fd(200);
	auto_close int own = certificate_fd(tls_certificates[3].x509);
	auto_close int leaf = certificate_fd(tls_certificates[N(tls_certificates) - 1].x509);
	const struct outcome *got;

	(void)state;
	assert_int_equal(http_set_ca(client.http, none), -ENOENT);
	assert_int_equal(http_set_ca(client.http, bad), -EBADMSG);
	assert_int_equal(http_set_ca(client.http, encrypted), -EBADMSG);
	assert_int_equal(http_set_ca(client.http, -1), -EBADF);
	assert_int_equal(get(&client, "https://v4.test:%d/ok")->answer.status, 200);
	assert_int_equal(http_set_ca(client.http, own), 1);
	got = get(&client, "https://v4.test:%d/ok");
	assert_int_equal(got->answer.err, -EKEYREJECTED);
	assert_non_null(strstr(got->why, "unable to get local issuer certificate"));
	assert_int_equal(get(&client, "https://selfsigned.test:%d/ok")->answer.status, 200);
	/* The certificate itself, whoever has signed it. */
	assert_int_equal(http_set_ca(client.http, leaf), 1);
	assert_int_equal(get(&client, "https://v4.test:%d/ok")->answer.status, 200);
	assert_int_equal(http_set_ca(client.http, all), 201);
	assert_int_equal(get(&client, "https://v4.test:%d/ok")->answer.status, 200);
	http_set_insecure(client.http);
	for (size_t i = 0; i < N(tls_certificates) - 1; i++) {
		char url[64];

		snprintf(url, sizeof(url), "https://%s:%%d/ok", tls_certificates[i].host);
		assert_int_equal(get(&client, url)->answer.status, 200);
	}
	end(&client);
}

/* Nobody is trusted before somebody is. */
static void test_no_ca(void **state)
{
	struct client client = begin();

	(void)state;
	http_free(client.http);
	client.http = http_new(client.base, client.names);
	assert_int_equal(get(&client, "https://v4.test:%d/ok")->answer.err, -EKEYREJECTED);
	end(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEEDS_ROOT(test_ca),
		NEEDS_ROOT(test_no_ca),
	};

	is_private = netns_may();
	return cmocka_run_group_tests(tests, setup, teardown);
}
