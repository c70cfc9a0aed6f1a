// SPDX-License-Identifier: GPL-2.0-only
/* test_report.c: the files of a run folder: complete or untouched, and text is text whatever it says. */
#include "report/report.h"
#include "unit/analysis/events.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/chaos-report-XXXXXX";

static char *path(const char *name)
{
	char *s = NULL;

	assert_true(asprintf(&s, "%s/%s", folder, name) > 0);
	return s;
}

/* The text of a file, to be freed; NULL if there is none. */
static char *slurp(const char *name)
{
	_cleanup_free_ char *p = path(name);
	_cleanup_close_ int fd = open(p, O_RDONLY);
	struct stat st;
	char *text;

	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	return text;
}

static void put(const char *name, const char *text, size_t n)
{
	_cleanup_free_ char *p = path(name);
	_cleanup_fclose_ FILE *f = fopen(p, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
}

static size_t files(void)
{
	DIR *d = opendir(folder);
	size_t n = 0;

	for (struct dirent *e; (e = readdir(d));)
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

static int empty_folder(void **state)
{
	DIR *d = opendir(folder);

	(void)state;
	for (struct dirent *e; d && (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	return 0;
}

static void small_run(const char *names)
{
	struct events e;

	ev__open(&e);
	ev__line(&e,
		 "{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":%s,\"description\":%s,"
		 "\"seed\":1,"
		 "\"kernel\":null,\"duration_ns\":1000000000,\"traffic_bin_ns\":100000000,"
		 "\"nodes\":[%s],"
		 "\"faults\":[],\"resources\":[],\"workloads\":[],\"expect\":[]}",
		 names, names, names);
	ev__line(&e, "{\"t_ns\":3,\"type\":\"note\",\"level\":\"warning\",\"text\":%s}", names);
	ev__end(&e, 1000, "complete", 0);
	fclose(e.f);
	put("events.jsonl", e.text, e.len);
	free(e.text);
}

static void writes_all_four(void **state)
{
	static const char *const names[] = {"summary.json", "series.csv", "junit.xml",
					    "report.html"};
	_cleanup_json_ json_t *summary = NULL, *read = NULL;
	_cleanup_free_ char *before = NULL, *after = NULL, *json = NULL;
	struct error err = {0};

	(void)state;
	small_run("\"plain\"");
	before = slurp("events.jsonl");
	assert_int_equal(report__render(folder, &summary, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *text = slurp(names[i]);

		assert_non_null(text);
		assert_true(strlen(text) > 10);
	}
	assert_int_equal(files(), 5);
	after = slurp("events.jsonl");
	assert_string_equal(before, after);
	json = slurp("summary.json");
	read = json_loads(json, 0, NULL);
	assert_true(json_equal(read, summary));
	/* again, over what is there */
	assert_int_equal(report__render(folder, NULL, &err), 0);
	assert_int_equal(files(), 5);
}

/* The data of the page, as a browser would take it: up to the first "</script". */
static json_t *page_data(const char *html)
{
	static const char begin[] = "<script id=\"data\" type=\"application/json\">";
	const char *from = strstr(html, begin), *to;
	json_t *data;

	assert_non_null(from);
	from += strlen(begin);
	to = strcasestr(from, "</script");
	assert_non_null(to);
	for (const char *p = from; p < to; p++) {
		assert_true((unsigned char)*p < 0x80);
		assert_true(*p != '<' && *p != '>' && *p != '&');
	}
	data = json_loadb(from, (size_t)(to - from), 0, NULL);
	assert_non_null(data);
	return data;
}

static void hostile_names_stay_text(void **state)
{
	/* as JSON: closing tags in any case, comments, quotes, line separators, a character beyond 16 bits */
	static const char *const names[] = {
		"\"</script><script>alert(1)</script>\"",
		"\"</SCRIPT >\"",
		"\"<!--<script>\"",
		"\"a\\\"b'c\\\\d\"",
		"\"line\u2028sep\u2029end\"",
		"\"]]>&lt;&#60;\"",
		"\"\U0001f409 r\u00e9seau\"",
		"\"\\u202e\\u0007tab\\t\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_json_ json_t *data = NULL,
				      *name = json_loads(names[i], JSON_DECODE_ANY, NULL);
		_cleanup_free_ char *html = NULL;
		struct error err = {0};

		assert_non_null(name);
		small_run(names[i]);
		if (report__render(folder, NULL, &err) != 0)
			fail_msg("%s: %s", names[i], err.msg);
		html = slurp("report.html");
		data = page_data(html);
		assert_true(json_equal(at(data, "lanes.run.name"), name));
		assert_true(json_equal(at(data, "lanes.run.description"), name));
		assert_true(json_equal(at(data, "lanes.notes.0.text"), name));
	}
}

/* The page allows itself nothing from elsewhere, and asks for nothing. */
static void page_needs_nothing(void **state)
{
	static const char *const banned[] = {
		"http://", "https://",	     "src=",	       "@import", "innerHTML",
		"eval(",   "insertAdjacent", "document.write", "<link",	  "url(//"};
	_cleanup_free_ char *html = NULL;
	struct error err = {0};

	(void)state;
	small_run("\"plain\"");
	assert_int_equal(report__render(folder, NULL, &err), 0);
	html = slurp("report.html");
	assert_non_null(strstr(
		html, "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"));
	for (size_t i = 0; i < ARRAY_SIZE(banned); i++) {
		const char *p = strstr(html, banned[i]);

		/* the name of a namespace is no address */
		while (p && strncmp(p, "http://www.w3.org/2000/svg", 26) == 0)
			p = strstr(p + 1, banned[i]);
		if (p)
			fail_msg("the page has %.40s", p);
	}
}

static void bad_records_touch_nothing(void **state)
{
	static const char not_utf8[] = "{\"t_ns\":0,\"type\":\"run\",\"name\":\"\xff\xfe\"}\n{}\n";
	struct error err = {0};
	_cleanup_free_ char *old = NULL;

	(void)state;
	put("report.html", "old", 3);
	put("events.jsonl", not_utf8, sizeof(not_utf8) - 1);
	assert_int_equal(report__render(folder, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "events.jsonl:1"));
	assert_int_equal(files(), 2);
	old = slurp("report.html");
	assert_string_equal(old, "old");
}

static void says_what_is_missing(void **state)
{
	struct error err = {0};

	(void)state;
	assert_int_equal(report__render(folder, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "events.jsonl"));
	assert_int_equal(report__render("/nonexistent/folder", NULL, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/nonexistent/folder"));
	assert_int_equal(files(), 0);
}

/* A file that cannot grow any more, as on a full disk: the old page stays, and nothing half-written beside it. */
static void a_full_disk_keeps_the_old_page(void **state)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct error err = {0};
	struct rlimit old, small;
	json_t *summary;

	(void)state;
	small_run("\"first\"");
	assert_int_equal(report__render(folder, NULL, &err), 0);
	before = slurp("report.html");
	small_run("\"second\"");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){20000, old.rlim_max}; /* the summary fits, the page does not */
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(report__render(folder, NULL, &err), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_non_null(strstr(err.msg, "report.html"));
	assert_int_equal(report__summary(folder, &summary, &err), 0);
	assert_string_equal(json_string_value(json_object_get(summary, "name")), "second");
	json_decref(summary);
	after = slurp("report.html");
	assert_string_equal(before, after);
	assert_int_equal(files(), 5);
}

/* A link that somebody left in a shared folder is replaced, not followed. */
static void links_are_not_followed(void **state)
{
	_cleanup_free_ char *link = path("report.html"), *victim = path("victim"), *text = NULL;
	struct error err = {0};
	struct stat st;

	(void)state;
	small_run("\"plain\"");
	put("victim", "mine", 4);
	assert_int_equal(symlink(victim, link), 0);
	assert_int_equal(report__render(folder, NULL, &err), 0);
	text = slurp("victim");
	assert_string_equal(text, "mine");
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(writes_all_four, empty_folder),
		cmocka_unit_test_teardown(hostile_names_stay_text, empty_folder),
		cmocka_unit_test_teardown(page_needs_nothing, empty_folder),
		cmocka_unit_test_teardown(bad_records_touch_nothing, empty_folder),
		cmocka_unit_test_teardown(says_what_is_missing, empty_folder),
		cmocka_unit_test_teardown(a_full_disk_keeps_the_old_page, empty_folder),
		cmocka_unit_test_teardown(links_are_not_followed, empty_folder),
	};
	int r;

	if (!mkdtemp(folder))
		return 1;
	r = cmocka_run_group_tests_name("report", tests, NULL, NULL);
	rmdir(folder);
	return r;
}
