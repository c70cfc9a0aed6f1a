// SPDX-License-Identifier: GPL-2.0-only
#include "kube/internal.h"
#include "kube/json.h"

#include "lib/cleanup.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define CONNECT_LIMIT_MS 10000L
#define TOKEN_MAX (64 * 1024)
/* TCP asks a silent peer after 10 s, then three times every 5 s; what is not acknowledged for 30 s ends it. */
#define KEEP_IDLE_S 10
#define KEEP_EVERY_S 5
#define KEEP_COUNT 3
#define UNANSWERED_MS 30000

bool path_is_fine(const char *path)
{
	if (!path || *path != '/')
		return false;
	for (; *path; path++) {
		if ((unsigned char)*path <= ' ' || *path == 0x7f || *path == '#')
			return false;
	}
	return true;
}

void transfer_call__reset(struct transfer_call *c)
{
	free(c->method);
	free(c->path);
	free(c->content_type);
	free(c->body);
	*c = (struct transfer_call){0};
}

struct transfer *transfer__new(struct kube *k, struct transfer_call *call)
{
	struct transfer *t = calloc(1, sizeof(*t)), **last;

	if (!t) {
		transfer_call__reset(call);
		return NULL;
	}
	t->k = k;
	t->call = *call;
	*call = (struct transfer_call){0};
	t->body.max = KUBE_ANSWER_MAX;
	/* Requests leave in the order in which they were made. */
	for (last = &k->transfers; *last; last = &(*last)->next)
		;
	*last = t;
	return t;
}

static void end(struct transfer *t)
{
	if (t->easy) {
		curl_multi_remove_handle(t->k->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	for (struct curl_slist *h = t->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(t->headers);
	t->easy = NULL;
	t->headers = NULL;
}

static void unlink_and_free(struct transfer *t)
{
	struct transfer **at = &t->k->transfers;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	end(t);
	transfer_call__reset(&t->call);
	free(t->body.text);
	free(t);
}

void transfer__forget(struct transfer *t)
{
	if (t)
		t->dead = true;
}

/* --- what libcurl calls --------------------------------------------------------------------------- */

static int keep_body(struct transfer *t, const char *data, size_t n)
{
	struct frame_text *b = &t->body;

	if (n > b->max - b->len) {
		t->too_long = true;
		return -EMSGSIZE;
	}
	if (b->len + n > b->cap) {
		size_t cap = b->cap * 2 > b->len + n ? b->cap * 2 : b->len + n;
		char *text = realloc(b->text, cap);

		if (!text)
			return -ENOMEM;
		b->text = text;
		b->cap = cap;
	}
	memcpy(b->text + b->len, data, n);
	b->len += n;
	return 0;
}

static size_t on_body(const char *data, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (!t->dead)
		t->error = t->took && t->status == 200 ? t->took(t, data, one * n)
						       : keep_body(t, data, one * n);
	/* Anything else but all ends the transfer. */
	return t->dead || t->error ? 0 : one * n;
}

static bool is_header(const char *line, size_t n, const char *name, const char **ret_value)
{
	size_t len = strlen(name);

	if (n <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
		return false;
	*ret_value = line + len + 1;
	return true;
}

static void read_date(struct transfer *t, const char *value, size_t n)
{
	char date[64] = "";

	if (n >= sizeof(date))
		return;
	memcpy(date, value, n);
	t->date_s = curl_getdate(date, NULL);
}

/* The server's clock, when all headers are there: whoever kept the answer says so before or behind the date. */
static void take_date(struct transfer *t)
{
	curl_off_t before_us = 0;

	/* Name lookup and handshakes are no part of the round trip. */
	curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &before_us);
	if (t->date_s > 0 && !t->old)
		skew__add(&t->k->skew, t->sent_ns + before_us * NS_PER_US, clock__now(), t->date_s);
}

static size_t on_header(const char *line, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	const char *value;
	long status = 0;

	n *= one;
	if (t->dead)
		return 0;
	if (is_header(line, n, "Age", &value)) {
		t->old = true;
	} else if (is_header(line, n, "Date", &value)) {
		read_date(t, value, n - (size_t)(value - line));
	} else if (n <= 2) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		/* 1xx comes before the answer. */
		if (status >= 200 && !t->status) {
			t->status = (int)status;
			take_date(t);
			if (t->begins)
				t->begins(t);
		}
	}
	return t->dead ? 0 : n;
}

static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS},
	};

	(void)arg, (void)purpose;
	/* Without them a dead connection is found later, by the time limit. */
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
	return CURL_SOCKOPT_OK;
}

/* --- begin ---------------------------------------------------------------------------------------- */

static int add_header(struct transfer *t, const char *fmt, const char *value)
{
	_cleanup_free_ char *line = NULL;
	struct curl_slist *list;

	if (asprintf(&line, fmt, value) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	list = curl_slist_append(t->headers, line);
	explicit_bzero(line, strlen(line));
	if (!list)
		return -ENOMEM;
	t->headers = list;
	return 0;
}

/* "Bearer ...": of the file that is read each time, because it rotates; of the command; of the configuration. */
static int add_token(struct transfer *t)
{
	const struct kube_config *c = &t->k->config;
	char *text = NULL;
	size_t len;
	int r;

	if (c->token_file && !file__read(c->token_file, TOKEN_MAX, &text, &len)) {
		text[strcspn(text, " \t\r\n")] = '\0';
		r = *text ? add_header(t, "Authorization: Bearer %s", text) : 0;
		secret__free(text);
		return r;
	}
	return c->token ? add_header(t, "Authorization: Bearer %s", c->token) : 0;
}

static int add_headers(struct transfer *t)
{
	int r = add_token(t) ?: add_header(t, "%s", "Accept: application/json");

	/* No "Expect: 100-continue", which would wait for an answer before the body. */
	r = r ?: add_header(t, "%s", "Expect:");
	if (!r && t->k->host)
		r = add_header(t, "%s", t->k->host);
	if (!r && t->call.body)
		r = add_header(t, "Content-Type: %s",
			       t->call.content_type ? t->call.content_type : "application/json");
	return r;
}

/* PEM as it is in memory; libcurl makes a copy. */
static void set_blob(CURL *c, CURLoption option, char *pem)
{
	struct curl_blob blob = {.data = pem, .len = strlen(pem), .flags = CURL_BLOB_COPY};

	curl_easy_setopt(c, option, &blob);
}

static void set_identity(CURL *e, const struct kube_config *c)
{
	if (c->ca_data || c->ca_file) {
		/* This one alone: the machine's own do not vouch for a cluster. */
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_data ? NULL : c->ca_file);
	}
	if (c->ca_data)
		set_blob(e, CURLOPT_CAINFO_BLOB, c->ca_data);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
	curl_easy_setopt(e, CURLOPT_CA_CACHE_TIMEOUT, 60L); /* it rotates */
#endif
	if (c->insecure) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (c->cert_data)
		set_blob(e, CURLOPT_SSLCERT_BLOB, c->cert_data);
	else if (c->cert_file)
		curl_easy_setopt(e, CURLOPT_SSLCERT, c->cert_file);
	if (c->key_data)
		set_blob(e, CURLOPT_SSLKEY_BLOB, c->key_data);
	else if (c->key_file)
		curl_easy_setopt(e, CURLOPT_SSLKEY, c->key_file);
	if (c->user) {
		curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(e, CURLOPT_USERNAME, c->user);
		curl_easy_setopt(e, CURLOPT_PASSWORD, c->password ? c->password : "");
	}
	if (c->proxy)
		curl_easy_setopt(e, CURLOPT_PROXY, c->proxy);
}

static int set_url(struct transfer *t)
{
	_cleanup_free_ char *url = NULL;

	if (asprintf(&url, "%s%s", t->k->base, t->call.path) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	return curl_easy_setopt(t->easy, CURLOPT_URL, url) ? -ENOMEM : 0;
}

static void set_method(struct transfer *t)
{
	if (t->call.body) {
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)strlen(t->call.body));
		curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->call.body);
	}
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, t->call.method);
}

static int begin(struct transfer *t)
{
	CURL *e = curl_easy_init();
	int r;

	if (!e)
		return -ENOMEM;
	t->easy = e;
	r = set_url(t) ?: add_headers(t);
	if (r)
		return r;
#if CURL_AT_LEAST_VERSION(7, 85, 0)
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(e, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	/* One connection a watch: a stream that is stuck holds up nobody else. */
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->words);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_LIMIT_MS);
	/* 0 would be none. */
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(t->call.timeout_ns / NS_PER_MS) + 1);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	/* What a proxy says of itself is nothing of the server's. */
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(e, CURLOPT_USERAGENT, "chaos/" CHAOS_VERSION);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(e, CURLOPT_CONNECT_TO, t->k->connect_to);
	set_identity(e, &t->k->config);
	set_method(t);
	t->sent_ns = clock__now();
	return curl_multi_add_handle(t->k->multi, e) ? -ENOMEM : 0;
}

/* --- end ------------------------------------------------------------------------------------------ */

static void tell(struct transfer *t, CURLcode code)
{
	curl_off_t s = 0;
	long os = 0;
	bool dead;

	if (t->easy) {
		curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &s);
		curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os);
	}
	t->os_errno = (int)os;
	if (s > 0)
		t->retry_after_ns =
			s < RETRY_AFTER_MAX_NS / NS_PER_S ? s * NS_PER_S : RETRY_AFTER_MAX_NS;
	end(t);
	dead = t->dead;
	/* From here on nobody finds it: what is called may cancel whatever it likes. */
	t->dead = true;
	if (!dead)
		t->done(t, code);
}

static void fail(struct transfer *t, const char *words)
{
	snprintf(t->words, sizeof(t->words), "%.*s", CURL_ERROR_SIZE - 1, words);
	tell(t, CURLE_OPERATION_TIMEDOUT);
}

static int64_t answer_by(const struct transfer *t)
{
	return t->call.answer_ns && !t->status ? t->sent_ns + t->call.answer_ns : INT64_MAX;
}

static void step(struct transfer *t, int64_t now_ns)
{
	struct error err = {0};

	if (t->easy && now_ns >= answer_by(t))
		return fail(t, "no answer came");
	if (t->easy || t->due_ns > now_ns)
		return;
	if (kube__credentials(t->k, false, &err))
		return fail(t, err.msg);
	if (begin(t))
		fail(t, "out of memory");
}

void transfers__begin(struct kube *k, int64_t now_ns)
{
	struct transfer *t, *next;

	for (t = k->transfers; t; t = t->next) {
		if (!t->dead)
			step(t, now_ns);
	}
	for (t = k->transfers; t; t = next) {
		next = t->next;
		if (t->dead)
			unlink_and_free(t);
	}
}

int64_t transfers__next(const struct kube *k, int64_t ns)
{
	for (const struct transfer *t = k->transfers; t; t = t->next) {
		int64_t due = t->dead ? 0 : t->easy ? answer_by(t) : t->due_ns;

		ns = due < ns ? due : ns;
	}
	return ns;
}

void transfers__reap(struct kube *k)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(k->multi, &left))) {
		char *private = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		tell((struct transfer *)private, code);
	}
}

/* --- in words ------------------------------------------------------------------------------------- */

/*
 * What may be anything, without control characters (U+0080 ... U+009F are some): its first line, or all with @end between
 * lines.
 */
static void printable(char *dst, size_t size, const char *text, size_t len, char end)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n' && n) {
			if (!end)
				break;
			dst[n++] = end;
		} else if (c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0) {
			i++;
		} else if (c >= ' ' && c != 0x7f) {
			dst[n++] = (char)c;
		}
	}
	dst[n] = '\0';
}

void transfer__words(const struct transfer *t, CURLcode code, json_t **ret_body, char *buf,
		     size_t size)
{
	const char *message;
	char line[256];

	*buf = '\0';
	*ret_body = NULL;
	if (t->too_long || t->error == -EMSGSIZE) {
		snprintf(buf, size, "HTTP %d: the answer is longer than the bound", t->status);
		return;
	}
	if (code && t->error != -EPROTO) {
		const char *words = *t->words ? t->words : curl_easy_strerror(code);

		snprintf(buf, size, "%s: %s%s", t->k->config.server,
			 t->status ? "the answer is cut: " : "", words);
		return;
	}
	*ret_body = t->body.len ? kube_json__load(t->body.text, t->body.len) : NULL;
	message = kube_json__string(*ret_body, "message", NULL);
	if (message)
		printable(line, sizeof(line), message, strlen(message), ' ');
	else
		printable(line, sizeof(line), t->body.text, *ret_body ? 0 : t->body.len, '\0');
	if (t->status < 200 || t->status > 299)
		snprintf(buf, size, "HTTP %d%s%s", t->status, *line ? ": " : "", line);
	else if (t->error || (!*ret_body && !t->took))
		snprintf(buf, size, "HTTP %d: the answer is no JSON%s%s", t->status,
			 *line ? ": " : "", line);
}
