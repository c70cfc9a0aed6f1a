// SPDX-License-Identifier: GPL-2.0-only
/* files.c: the nodes' folders: rendered files into them, what the servers left out of them. */
#include "lab/internal.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int give_to(const char *path, const struct as_user *as)
{
	return as->set && lchown(path, as->uid, as->gid) ? -errno : 0;
}

/* Make the folders above the file @path, from @path + @from on. */
static int make_parents(char *path, size_t from, const struct as_user *as)
{
	for (char *p = strchr(path + from, '/'); p; p = strchr(p + 1, '/')) {
		int r;

		*p = '\0';
		r = mkdir(path, 0755) && errno != EEXIST ? -errno : give_to(path, as);
		*p = '/';
		if (r)
			return r;
	}
	return 0;
}

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (; len; text += n, len -= (size_t)n) {
		n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			n = 0;
	}
	return 0;
}

/* No way out of the folder: not absolute, no "..". */
static bool stays_inside(const char *name)
{
	if (!*name || *name == '/')
		return false;
	for (const char *s = name; s; s = strchr(s, '/') ? strchr(s, '/') + 1 : NULL)
		if (!strncmp(s, "..", 2) && (!s[2] || s[2] == '/'))
			return false;
	return true;
}

static int render(const struct lab *lab, const struct node *n, const struct lab_file *f,
		  struct error *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct error why = {0};
	int r;

	if (!stays_inside(f->name))
		return err__set(err, -EINVAL, "%s: file %s would be outside of ${dir}",
				n->spec->name, f->name);
	text = lab__expand(lab, n->spec->name, f->template, &why);
	if (!text)
		return err__set(err, -EINVAL, "%s: file %s: %s", n->spec->name, f->name, why.msg);
	if (asprintf(&path, "%s/%s", n->dir, f->name) < 0) {
		path = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	r = make_parents(path, strlen(n->dir) + 1, &n->as);
	if (!r)
		r = write_file(path, text);
	if (!r)
		r = give_to(path, &n->as);
	return r ? err__set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int lab__make_files(struct lab *lab, struct error *err)
{
	if (!mkdir(lab->nodes_dir, 0755))
		lab->made_nodes_dir = true;
	else if (errno != EEXIST)
		return err__set(err, -errno, "%s: %s", lab->nodes_dir, strerror(errno));
	for (size_t i = 0; i < lab->e->n_nodes; i++) {
		struct node *n = &lab->nodes[i];
		int r = 0;

		/* It must be ours alone: in the end nearly everything in it is removed. */
		if (mkdir(n->dir, 0755))
			return err__set(err, -errno, "%s: %s", n->dir, strerror(errno));
		n->made_dir = true;
		r = give_to(n->dir, &n->as);
		if (r)
			return err__set(err, r, "%s: cannot give it to %s: %s", n->dir,
					n->spec->user, strerror(-r));
		for (size_t k = 0; !r && k < n->spec->n_files; k++)
			r = render(lab, n, &n->spec->files[k], err);
		if (r)
			return r;
	}
	return 0;
}

static bool is_kept(const struct node *n, const FTSENT *f)
{
	const char *relative = f->fts_path + strlen(n->dir) + 1;
	size_t len = f->fts_namelen;

	if (len > 4 && !strcmp(f->fts_name + len - 4, ".log"))
		return true;
	for (size_t k = 0; k < n->spec->n_files; k++)
		if (!strcmp(n->spec->files[k].name, relative))
			return true;
	return false;
}

/* Never through a symbolic link, never into what is mounted there. Folders go when they are empty. */
static void remove_node_files(const struct node *n, bool keep)
{
	char *const paths[] = {n->dir, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *f;

	if (!fts)
		return;
	while ((f = fts_read(fts))) {
		if (f->fts_info == FTS_D)
			continue;
		if (f->fts_info == FTS_DP || f->fts_info == FTS_DNR) {
			if (f->fts_level > 0 || !keep)
				rmdir(f->fts_path);
		} else if (!keep || f->fts_level == 0 || !S_ISREG(f->fts_statp->st_mode) ||
			   !is_kept(n, f)) {
			unlink(f->fts_path);
		}
	}
	fts_close(fts);
}

void lab__remove_files(struct lab *lab, bool keep)
{
	for (size_t i = 0; i < lab->e->n_nodes; i++)
		if (lab->nodes[i].made_dir)
			remove_node_files(&lab->nodes[i], keep);
	if (!keep && lab->made_nodes_dir)
		rmdir(lab->nodes_dir);
}

/* Where the last @n lines of @text begin. */
static const char *last_lines(const char *text, size_t len, unsigned int n)
{
	const char *s = text + len;

	while (s > text && (s[-1] != '\n' || --n))
		s--;
	return s;
}

const char *file__tail(const char *path, unsigned int n, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	char text[4096];
	size_t len = 0, out = 0;
	struct stat st;
	ssize_t got;

	*buf = '\0';
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return buf;
	got = pread(fd, text, sizeof(text) - 1,
		    st.st_size > (off_t)sizeof(text) - 1 ? st.st_size - (off_t)sizeof(text) + 1
							 : 0);
	if (got > 0)
		len = (size_t)got;
	while (len && (text[len - 1] == '\n' || text[len - 1] == '\0'))
		len--;
	text[len] = '\0';
	for (const char *s = last_lines(text, len, n); *s && out < size; s += *s == '\n') {
		size_t line = strcspn(s, "\n");

		out += (size_t)snprintf(buf + out, size - out, "\n  %.*s", (int)line, s);
		s += line;
	}
	return buf;
}
