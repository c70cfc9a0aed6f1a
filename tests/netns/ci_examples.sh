#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
#
# The examples for GitHub and GitLab: they parse, ask for no more than they need, what they keep is what a run
# writes, and the lines that check and run an experiment work as they stand there.
. "$(dirname "$0")/../lib/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
python3 -c 'import yaml' 2>/dev/null || skip_all "needs python3-yaml"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/chaos.yaml" <<'END'
apiVersion: netchaos.dev/v1alpha1
kind: Experiment
metadata: {name: ci-example}
spec:
  duration: 1500ms
  lab:
    nodes:
      a: {run: ["ping -q -n -i 0.05 ${b.ip}"], needs: {ping: iputils-ping}}
      b: {run: ["sleep 100"]}
  faults: [{name: cut, at: 500ms, for: 500ms, partition: {halves: [[a], [b]]}}]
  expect: ["faults[cut].hits.dropped > 0"]
END

# about FILE EXPR: a Python expression about the parsed file, as `y`; lists one element a line.
about()
{
	python3 - "$tap_root/chaos/ci/$1" "$2" <<'END'
import sys, yaml
y = yaml.safe_load(open(sys.argv[1]))
v = eval(sys.argv[2])
print('\n'.join(map(str, v)) if isinstance(v, list) else v)
END
}

# run_lines NAME: run what comes from standard input as the runner does, in a folder of its own.
run_lines()
{
	mkdir -p "$tmp/$1/chaos" "$tmp/$1/bin" && cp "$tmp/chaos.yaml" "$tmp/$1"
	ln -s "$(dirname "$CHAOS")" "$tmp/$1/chaos/.output"
	# the runner's sudo; here the test is root
	printf '#!/bin/sh\nexec "$@"\n' >"$tmp/$1/bin/sudo" && chmod +x "$tmp/$1/bin/sudo"
	(cd "$tmp/$1" && PATH=$tmp/$1/bin:$PATH CHAOS=chaos/.output/chaos EXPERIMENT=chaos.yaml bash -e) \
		>"$tmp/$1/log" 2>&1
}

kept()
{
	local f

	while read -r f; do
		[ -s "$tmp/$1/$f" ] || { echo "not there: $f"; return 1; }
	done
}

github="y['jobs']['chaos']['steps']"
is "GitHub: the token may only read" "{'contents': 'read'}" "$(about github-actions.yml "y['permissions']")"
is "GitHub: its variables" "chaos/.output/chaos chaos.yaml" \
	"$(about github-actions.yml "[y['jobs']['chaos']['env'][k] for k in ('CHAOS', 'EXPERIMENT')]" | paste -sd ' ')"
is "GitHub: the build's targets exist" "" "$(about github-actions.yml \
	"[w for s in ${github} for l in s.get('run', '').splitlines() if 'make -C chaos' in l for w in l.split()[l.split().index('chaos') + 1:]]" |
	while read -r t; do make -C "$tap_root" -n "$t" >/dev/null 2>&1 || echo "$t"; done)"
about github-actions.yml "[s['run'] for s in ${github} if 'run' in s and 'make' not in s['run']]" | run_lines github
is "GitHub: the lines of check, run and hand-over work" 0 $?
check "GitHub: what it keeps is there" kept github \
	< <(about github-actions.yml "${github}[-1]['with']['path'].split()")

is "GitLab: its variables" "chaos/.output/chaos chaos.yaml" \
	"$(about gitlab-ci.yml "[y['chaos']['variables'][k] for k in ('CHAOS', 'EXPERIMENT')]" | paste -sd ' ')"
about gitlab-ci.yml "y['chaos']['script']" | run_lines gitlab
is "GitLab: the lines of check and run work" 0 $?
check "GitLab: what it keeps is there" kept gitlab < <(about gitlab-ci.yml \
	"y['chaos']['artifacts']['paths'] + [y['chaos']['artifacts']['reports']['junit']]")
finish
