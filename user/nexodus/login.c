// SPDX-License-Identifier: Apache-2.0
#include "nexodus/login.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "nexodus/defaults.h"

#define SLOWER_S 5 /* "slow_down" (RFC 8628, 3.5) */
#define SKEW_MAX_S 5
#define WHY_MAX 400

struct login {
	struct loop *loop;
	struct http *http;
	const struct account *account;
	struct login_events events;
	struct http_call *call;
	struct timer poll;
	struct answer_login server;
	struct answer_code code;
	char refresh[ANSWER_TOKEN_MAX];
	int64_t interval_s;
	int64_t give_up_at; /* ms */
	int64_t hold_until; /* ms: no question before, as the server wants */
	int64_t asked_at;   /* ms */
	bool is_over;       /* there is no time for another question */
	bool has_said_skew;
};

__attribute__((format(printf, 4, 5))) static void failed(struct login *login, bool is_refused,
							 int retry_after_s, const char *format, ...)
{
	char text[WHY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	login->events.on_failed(login->events.arg, is_refused, retry_after_s, text);
}

/* An answer that is no success. */
static void not_good(struct login *login, const char *what, const struct http_answer *answer)
{
	char text[ANSWER_TEXT_MAX];

	if (answer->err) {
		failed(login, false, -1, "%s: %s", what, answer->why);
		return;
	}
	answer_error(answer->body, answer->body_len, text);
	failed(login, answer_refuses(answer->status, answer->body, answer->body_len),
	       answer->retry_after_s, "%s: HTTP status %ld%s%s", what, answer->status,
	       *text ? ": " : "", text);
}

static bool is_good(const struct http_answer *answer)
{
	return !answer->err && answer->status == 200 && answer->is_whole;
}

static void add_field(struct evbuffer *form, const char *name, const char *value)
{
	char *escaped = evhttp_uriencode(value, -1, 1);

	if (escaped) {
		evbuffer_add_printf(form, "%s%s=%s", evbuffer_get_length(form) ? "&" : "", name,
				    escaped);
		explicit_bzero(escaped, strlen(escaped));
	}
	free(escaped);
}

static void request(struct login *login, const char *method, const char *url, const char *form,
		    void (*done)(void *arg, const struct http_answer *answer))
{
	const struct http_request request = {
		.method = method,
		.url = url,
		.body = form,
		.content_type = form ? "application/x-www-form-urlencoded" : NULL,
		.on_done = done,
		.arg = login,
	};
	int err = http_start(login->http, &request, &login->call);

	if (err)
		failed(login, false, -1, "log in: %s", strerror(-err));
}

/* A form that may hold secrets: wiped when it was handed over. */
static void post(struct login *login, const char *url, struct evbuffer *form,
		 void (*done)(void *arg, const struct http_answer *answer))
{
	size_t len = evbuffer_get_length(form);

	evbuffer_add(form, "", 1);
	request(login, "POST", url, (char *)evbuffer_pullup(form, -1), done);
	explicit_bzero(evbuffer_pullup(form, -1), len);
	evbuffer_free(form);
}

static struct evbuffer *new_form(const struct login *login)
{
	struct evbuffer *form = evbuffer_new();

	if (form)
		add_field(form, "client_id", login->server.client_id);
	return form;
}

static void take_token(struct login *login, const char *what, const struct http_answer *answer)
{
	struct answer_token token;

	if (answer_token(answer->body, answer->body_len, &token)) {
		failed(login, false, -1, "%s: the answer holds no token", what);
		return;
	}
	login->events.on_token(login->events.arg, &token);
	explicit_bzero(&token, sizeof(token));
}

static void password_done(void *arg, const struct http_answer *answer)
{
	struct login *login = arg;

	login->call = NULL;
	if (is_good(answer))
		take_token(login, "log in with the password", answer);
	else
		not_good(login, "log in with the password", answer);
}

static void ask_with_password(struct login *login)
{
	struct evbuffer *form = new_form(login);

	if (!form) {
		failed(login, false, -1, "log in: %s", strerror(ENOMEM));
		return;
	}
	add_field(form, "grant_type", "password");
	add_field(form, "username", login->account->username);
	add_field(form, "password", login->account->password);
	add_field(form, "scope", DEFAULT_SCOPE);
	post(login, login->server.token_endpoint, form, password_done);
}

/* For how long the server still wants no question; -1: it does not mind. */
static int hold_s(const struct login *login)
{
	int64_t ms = login->hold_until - clock_ms();

	return ms > 0 ? (int)((ms + 999) / 1000) : -1;
}

/* @retry_after_s: what the server has asked for; -1: nothing. */
static void poll_again(struct login *login, int retry_after_s)
{
	int64_t now = clock_ms(), wait_ms = login->interval_s * 1000;

	login->hold_until = now + retry_after_s * 1000LL;
	if (login->hold_until > now + wait_ms)
		wait_ms = login->hold_until - now;
	/* A code that nobody can use any more is not to be shown on. */
	login->is_over = wait_ms > login->give_up_at - now;
	if (login->is_over)
		wait_ms = login->give_up_at > now ? login->give_up_at - now : 0;
	timer_arm(&login->poll, wait_ms);
}

/* Answers after which nothing comes of this code. The last one: the token was fetched, and lost on
 * its way to us, or the server has forgotten the code. */
static const char *why_over(const char *error)
{
	if (!strcmp(error, "access_denied"))
		return "it was denied";
	if (!strcmp(error, "expired_token"))
		return "the code has expired";
	return strcmp(error, "invalid_grant") ? NULL : "the code is not valid any more";
}

/* RFC 8628, 3.5: "slow_down" and "authorization_pending" mean to go on, as does a lost packet. */
static void poll_done(void *arg, const struct http_answer *answer)
{
	struct login *login = arg;
	char error[64] = "";
	const char *over;

	login->call = NULL;
	if (is_good(answer)) {
		take_token(login, "log in", answer);
		return;
	}
	if (!answer->err)
		(void)answer_text(answer->body, answer->body_len, "error", error, sizeof(error));
	over = why_over(error);
	if (over) {
		failed(login, false, -1, "log in: %s", over);
		return;
	}
	if (!strcmp(error, "slow_down"))
		login->interval_s += SLOWER_S;
	poll_again(login, answer->retry_after_s);
}

static void on_poll(void *arg)
{
	struct login *login = arg;
	struct evbuffer *form;

	if (clock_ms() >= login->give_up_at || login->is_over) {
		failed(login, false, hold_s(login), "log in: nobody did, and the code has expired");
		return;
	}
	form = new_form(login);
	if (!form) {
		poll_again(login, -1);
		return;
	}
	add_field(form, "grant_type", "urn:ietf:params:oauth:grant-type:device_code");
	add_field(form, "device_code", login->code.device_code);
	post(login, login->server.token_endpoint, form, poll_done);
}

static void code_done(void *arg, const struct http_answer *answer)
{
	struct login *login = arg;

	login->call = NULL;
	if (!is_good(answer)) {
		not_good(login, "begin a login", answer);
		return;
	}
	if (answer_code(answer->body, answer->body_len, &login->code)) {
		failed(login, false, -1, "begin a login: the answer holds no code");
		return;
	}
	login->interval_s = login->code.interval_s;
	login->give_up_at = clock_ms() + login->code.expires_in_s * 1000;
	login->events.on_code(login->events.arg, login->code.url, login->code.user_code);
	poll_again(login, -1);
}

static void ask_for_code(struct login *login)
{
	struct evbuffer *form = new_form(login);

	if (!form) {
		failed(login, false, -1, "log in: %s", strerror(ENOMEM));
		return;
	}
	add_field(form, "scope", DEFAULT_SCOPE);
	post(login, login->server.device_endpoint, form, code_done);
}

static void ask_for_all(struct login *login)
{
	if (*login->account->username)
		ask_with_password(login);
	else
		ask_for_code(login);
}

static void refresh_done(void *arg, const struct http_answer *answer)
{
	struct login *login = arg;

	login->call = NULL;
	explicit_bzero(login->refresh, sizeof(login->refresh));
	if (is_good(answer))
		take_token(login, "renew the login", answer);
	else if (!answer->err && answer_refuses(answer->status, answer->body, answer->body_len))
		ask_for_all(login);
	else
		not_good(login, "renew the login", answer);
}

static void ask_with_refresh(struct login *login)
{
	struct evbuffer *form = new_form(login);

	if (!form) {
		failed(login, false, -1, "log in: %s", strerror(ENOMEM));
		return;
	}
	add_field(form, "grant_type", "refresh_token");
	add_field(form, "refresh_token", login->refresh);
	post(login, login->server.token_endpoint, form, refresh_done);
}

static void discovery_done(void *arg, const struct http_answer *answer)
{
	struct login *login = arg;

	login->call = NULL;
	if (!is_good(answer)) {
		not_good(login, "ask the login server for its endpoints", answer);
		return;
	}
	if (answer_discovery(answer->body, answer->body_len, &login->server)) {
		failed(login, false, -1, "the login server %s does not describe itself as that one",
		       login->server.issuer);
		return;
	}
	if (*login->refresh)
		ask_with_refresh(login);
	else
		ask_for_all(login);
}

/* How far is our clock off? Half of the time that the question took is the answer's way. */
static void compare_clocks(struct login *login)
{
	double took, skew;

	if (!login->server.server_time || login->has_said_skew)
		return;
	took = (double)(clock_ms() - login->asked_at) / 1000;
	skew = difftime(time(NULL), login->server.server_time) - took / 2;
	if (skew >= -SKEW_MAX_S && skew <= SKEW_MAX_S)
		return;
	login->has_said_skew = true;
	login->events.on_skew(login->events.arg, (long)skew);
}

static void start_done(void *arg, const struct http_answer *answer)
{
	struct login *login = arg;
	char url[ANSWER_URL_MAX + 64];

	login->call = NULL;
	if (!is_good(answer)) {
		not_good(login, "ask where to log in", answer);
		return;
	}
	if (answer_login_start(answer->body, answer->body_len, &login->server)) {
		failed(login, false, -1, "ask where to log in: the answer names no login server");
		return;
	}
	compare_clocks(login);
	snprintf(url, sizeof(url), "%s/.well-known/openid-configuration", login->server.issuer);
	request(login, "GET", url, NULL, discovery_done);
}

void login_start(struct login *login, const char *refresh_token)
{
	char url[SERVICE_URL_MAX + 64];

	http_cancel(login->call);
	login->call = NULL;
	timer_stop(&login->poll);
	snprintf(login->refresh, sizeof(login->refresh), "%s", refresh_token ?: "");
	login->asked_at = clock_ms();
	snprintf(url, sizeof(url), "%s/device/login/start", login->account->api);
	request(login, "POST", url, "", start_done);
}

struct login *login_new(struct loop *loop, struct http *http, const struct account *account,
			const struct login_events *events)
{
	struct login *login = calloc(1, sizeof(*login));

	if (!login)
		return NULL;
	login->loop = loop;
	login->http = http;
	login->account = account;
	login->events = *events;
	timer_init(&login->poll, loop, on_poll, login);
	return login;
}

void login_free(struct login *login)
{
	if (!login)
		return;
	http_cancel(login->call);
	timer_stop(&login->poll);
	explicit_bzero(login, sizeof(*login));
	free(login);
}
