// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/library.h"
#include "lib/cleanup.h"

#include <dlfcn.h>
#include <string.h>

static int load(struct library *l, struct error *err)
{
	void *handle = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL);

	if (!handle && l->any_version)
		handle = dlopen(l->any_version, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return err__set(err, -ENOENT, "%s is not there; install the package %s", l->soname,
				l->package);
	for (size_t i = 0; i < l->n; i++) {
		void *f = dlsym(handle, l->names[i]);

		if (!f) {
			dlclose(handle);
			return err__set(err, -ENOENT, "%s of package %s has no %s", l->soname,
					l->package, l->names[i]);
		}
		memcpy(&l->functions[i], &f, sizeof(f));
	}
	l->loaded = true;
	return 0;
}

int library__load(struct library *l, struct error *err)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = l->loaded ? 0 : load(l, err);
	pthread_mutex_unlock(&l->lock);
	return r;
}

void library__words(const char *message, char *buf, size_t size)
{
	snprintf(buf, size, "%.*s", (int)strcspn(message, "\r\n"), message);
	for (char *c = buf; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}
