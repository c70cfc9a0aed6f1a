// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a run's info.json and as its answer on the control socket. */
#include "cli/status.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *j = json_loadb((const char *)data, size, 0, NULL);
	struct state_entry s = {.alive = true, .info = j};
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	pid_t pid = state__pid(j);

	MUST(f && (!pid || pid > 1));
	/* A folder's name is any name. */
	memcpy(s.id, data, size < sizeof(s.id) ? size : sizeof(s.id) - 1);
	status__print(f, &s, j);
	status__print(f, &s, NULL);
	s.alive = false;
	status__print(f, &s, NULL);
	fclose(f);
	/* Nothing of it steers the terminal. */
	for (size_t i = 0; i < len; i++)
		MUST(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
	free(text);
	json_decref(j);
	return 0;
}
