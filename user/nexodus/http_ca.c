// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file_text.h"
#include "nexodus/http_private.h"

#define CA_BYTES_MAX (4 * 1024 * 1024)

/* A certificate is no secret: what asks for a password is none. OpenSSL would open the terminal. */
static int no_password(char *text, int size, int is_writing, void *arg)
{
	(void)text;
	(void)size;
	(void)is_writing;
	(void)arg;
	return -1;
}

/* Return: number of certificates; negative errno. */
static int add_all(BIO *pem, X509_STORE *store)
{
	unsigned long problem;
	X509 *one;
	int n = 0;

	ERR_clear_error();
	while ((one = PEM_read_bio_X509(pem, NULL, no_password, NULL))) {
		int added = X509_STORE_add_cert(store, one);

		X509_free(one);
		if (!added)
			return -ENOMEM;
		n++;
	}
	problem = ERR_peek_last_error();
	ERR_clear_error();
	if (ERR_GET_LIB(problem) != ERR_LIB_PEM || ERR_GET_REASON(problem) != PEM_R_NO_START_LINE)
		return -EBADMSG;
	return n ? n : -ENOENT;
}

int http_ca_read(int fd, X509_STORE **ret_ca)
{
	auto_free char *text = NULL;
	X509_STORE *store;
	BIO *pem;
	int n;

	n = file_text_read(fd, CA_BYTES_MAX, &text);
	if (n)
		return n;
	pem = BIO_new_mem_buf(text, -1);
	store = X509_STORE_new();
	/* As libcurl has it: a certificate in the middle of a chain may be what is trusted. */
	if (!pem || !store ||
	    !X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN))
		n = -ENOMEM;
	else
		n = add_all(pem, store);
	BIO_free(pem);
	if (n > 0)
		*ret_ca = store;
	else
		X509_STORE_free(store);
	return n;
}

int http_ca_begin(void)
{
	return OPENSSL_init_ssl(0, NULL) == 1 ? 0 : -ENOMEM;
}

int http_ca_count(int fd)
{
	X509_STORE *ca = NULL;
	int n = http_ca_read(fd, &ca);

	if (n > 0)
		X509_STORE_free(ca);
	return n;
}

const char *http_ca_why(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no certificate in it (PEM: -----BEGIN CERTIFICATE-----)";
	case -EBADMSG:
		return "a certificate in it is damaged";
	case -EFBIG:
		return "it is larger than 4 MiB";
	default:
		return strerror(-err);
	}
}
