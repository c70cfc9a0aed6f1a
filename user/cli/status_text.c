// SPDX-License-Identifier: GPL-2.0-only
/*
 * status_text.c: what `chaos status` says of a run, from what the run says of itself. It may be another
 * version's, cut off, or hung in the middle: what is not there is "?".
 */
#include "cli/status.h"

#include "cli/targets.h"

#include <unistd.h>

static const char *text(const json_t *object, const char *key, char *buf, size_t size)
{
	const char *s = json_string_value(json_object_get(object, key));

	return target_text__clean(s ? s : "?", false, buf, size);
}

static void print_faults(FILE *out, const json_t *status)
{
	char name[128], effects[512];
	json_t *f;
	size_t i;

	json_array_foreach(json_object_get(status, "faults"), i, f)
		fprintf(out, "  %-20s %-8s %lld matched, %s\n", text(f, "name", name, sizeof(name)),
			json_is_true(json_object_get(f, "active")) ? "ACTIVE" : "off",
			(long long)json_integer_value(json_object_get(f, "matched")),
			text(f, "effects", effects, sizeof(effects)));
}

/* " (user 1000)", for those that are not the caller's. */
static const char *whose(const struct state_entry *s, char *buf, size_t size)
{
	buf[0] = 0;
	if (s->uid != geteuid())
		snprintf(buf, size, " (user %u)", (unsigned int)s->uid);
	return buf;
}

void status__print(FILE *out, const struct state_entry *s, const json_t *status)
{
	const json_t *duration = json_object_get(status, "duration_s");
	int pid = (int)state__pid(s->info);
	char id[256], phase[64], user[32];

	target_text__clean(s->id, false, id, sizeof(id));
	whose(s, user, sizeof(user));
	if (!s->alive) {
		/* links ended with it; filters last until their lease ends, and who had them is not known */
		fprintf(out,
			"%s%s  crashed; its faults have ended, by clsact within five seconds; "
			"`chaos clear --crashed` removes the rest\n",
			id, user);
		return;
	}
	if (!status) {
		fprintf(out,
			"%s%s  pid %d  does not answer (stopped?); its faults end by their own "
			"deadlines\n",
			id, user, pid);
		return;
	}
	fprintf(out, "%s%s  pid %d  %s  %.1f s", id, user, pid,
		text(status, "phase", phase, sizeof(phase)),
		json_number_value(json_object_get(status, "t_s")));
	if (json_is_number(duration))
		fprintf(out, " of %.0f s", json_number_value(duration));
	fprintf(out, "\n");
	print_faults(out, status);
}
