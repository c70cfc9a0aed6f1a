// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/probe_http.h"
#include "lib/cleanup.h"

#include <fcntl.h>
#include <string.h>

#define TOKEN_MAX 8192 /* a service account's is about 1 KiB */

/* The first line of @file behind @before, as a header. */
static int read_token(const char *file, const char *before, char **ret, struct error *err)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char token[TOKEN_MAX + 1];
	ssize_t n = fd < 0 ? -1 : read(fd, token, TOKEN_MAX);

	if (n < 0)
		return err__set(err, -errno, "%s: %s", file, strerror(errno));
	token[n] = '\0';
	token[strcspn(token, "\r\n")] = '\0';
	if (!*token)
		return err__set(err, -EINVAL, "%s: no token in the first line", file);
	return asprintf(ret, "%s%s", before, token) < 0 ? -ENOMEM : 0;
}

static char *base_of(const struct probe_spec *spec)
{
	const char *url = spec->config ? spec->config->url : NULL;
	char base[96];
	char *copy;

	if (!url) {
		http__base(base, sizeof(base), spec->ip, spec->port);
		return strdup(base);
	}
	copy = strdup(url);
	while (copy && *copy && copy[strlen(copy) - 1] == '/')
		copy[strlen(copy) - 1] = '\0';
	return copy;
}

void http_probe__close(void *state)
{
	struct http_probe *p = state;

	if (p->http.easy)
		http__reset(&p->http);
	free(p->base);
	free(p->own);
	free(p);
}

int http_probe__open(const struct probe_spec *spec, const char *token_header, size_t answer_max,
		     struct http_probe **ret, struct error *err)
{
	const struct probe_config *c = spec->config;
	_cleanup_free_ char *header = NULL;
	struct http_probe *p = calloc(1, sizeof(*p));
	int r = 0;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	if (c && c->token_file && token_header)
		r = read_token(c->token_file, token_header, &header, err);
	if (!r) {
		p->base = base_of(spec);
		r = p->base ? http__init(&p->http, answer_max) : -ENOMEM;
		if (!r && c)
			r = http__authorize(&p->http, c->user, c->password, header, c->ca_file);
		if (r)
			err__set(err, r, "out of memory");
	}
	if (r) {
		http_probe__close(p);
		return r;
	}
	*ret = p;
	return 0;
}

long http_probe__get(struct http_probe *p, const char *path, int64_t deadline_ns, struct sample *s)
{
	_cleanup_free_ char *url = NULL;
	int r = 0;

	if (asprintf(&url, "%s%s", p->base, path) < 0) {
		url = NULL;
		r = -ENOMEM;
	}
	r = r ? r : http__request(&p->http, url, NULL, deadline_ns);
	if (!r && p->http.cut)
		r = -EMSGSIZE;
	if (!r)
		return p->http.status;
	sample__errno(s, r);
	return 0;
}

json_t *answer__json(const char *body, size_t len)
{
	return body ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

bool answer__copy(const json_t *text, char *buf, size_t size)
{
	const char *s = json_string_value(text);
	size_t n = s ? strlen(s) : 0;

	if (!s || n >= size || n != json_string_length(text))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	memcpy(buf, s, n + 1);
	return true;
}
