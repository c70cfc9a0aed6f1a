#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
#
# report_render.sh: report.html in a browser: it draws every lane without an error, for runs of every shape, answers to
# keys, wheel and mouse, and lets no name become code. No root, no network: the runs come from make_events.py.
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
	skip_all "no chromium; apt-get install chromium"
command -v python3 >/dev/null || skip_all "no python3"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# browse ARGUMENTS...: chromium on a profile of its own, killed if it hangs
browse()
{
	rm -rf "$tmp/profile"
	timeout -k 2 60 "$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
		--disable-background-networking --disable-component-update --disable-sync \
		--user-data-dir="$tmp/profile" "$@" 2>/dev/null
}

# dom PAGE [WIDTH,HEIGHT]: the drawn document
dom()
{
	browse --window-size="${2:-1400,1000}" --dump-dom "file://$1"
}

# attr NAME DOM: what the page says of itself
attr()
{
	grep -o '<html[^>]*>' <<<"$2" | head -1 | sed -n "s/.* data-$1=\"\([^\"]*\)\".*/\1/p"
}

# render NAME ARGUMENTS-OF-make_events...: into $tmp/NAME, its document into $page
render()
{
	local name=$1 out

	shift
	python3 "$tap_root/tests/lib/make_events.py" "$1" "$tmp/$name" "${@:2}" || return 1
	# the status is the verdict of the run that never was
	out=$("$CHAOS" report "$tmp/$name" 2>&1)
	[ -s "$tmp/$name/report.html" ] || { diag "$out"; return 1; }
	page=$(dom "$tmp/$name/report.html")
}

# shape NAME LANES VERDICT ARGUMENTS...: a run of this shape draws so many lanes, with that verdict and no error
shape()
{
	local name=$1 lanes=$2 verdict=$3

	shift 3
	if ! render "$name" "$@"; then
		fail "$name: rendered"
		return
	fi
	is "$name: lanes, errors, verdict" "$lanes 0 $verdict" \
		"$(attr lanes "$page") $(attr errors "$page")$(attr error "$page") $(grep -oE 'class="badge [a-z]+' <<<"$page" | cut -d' ' -f2)"
}

# lanes: a fault each; a role, writes and traffic a node; one of latency
shape redis 11 fail redis
like "redis: the overlap is drawn and named" '2 leaders at once for 22\.5' "$page"
like "redis: lost writes stand beside the lane" '765 of them lost' "$page"
shape etcd 11 pass etcd
like "etcd: terms stand in the bars" 'leads, term 13' "$page"
shape nine-nodes 30 fail redis --nodes 9 --faults 2
shape no-roles 8 fail redis --no-roles
shape no-workload 7 fail redis --no-workload
shape bare 4 unknown etcd --no-workload --no-roles
shape no-final-read 11 unknown etcd --no-final
shape unprobed 11 unknown etcd --gap --nohit
shape long 11 pass etcd --duration 1800 --rate 5
shape many-operations 11 fail redis --rate 1700
size=$(stat -c %s "$tmp/many-operations/report.html")
check "102,000 operations: a page below 300 kB ($size)" [ "$size" -lt 300000 ]
ms=$(attr draw-ms "$page")
check "102,000 operations: drawn within 500 ms ($ms)" awk "BEGIN { exit !($ms < 500) }"

shape hostile-names 21 fail redis --hostile --nodes 6 --faults 2
is "hostile names: none became an element" 0 "$(grep -c '<img' <<<"$page")"
like "hostile names: the title is the name" '<title>&lt;/script&gt;&lt;script&gt;document' "$page"
is "hostile names: none ran" 0 "$(grep -c '<title>owned' <<<"$page")"

# driven SCRIPT: the redis page after SCRIPT ran in it and all was drawn
driven()
{
	sed "s|</body>|<script>var B = document.getElementById('tlbody'), X = document.querySelector('.axis svg').getBoundingClientRect();$1;R.draw();</script></body>|" \
		"$tmp/redis/report.html" >"$tmp/driven.html"
	page=$(dom "$tmp/driven.html")
}
key() { echo "B.dispatchEvent(new KeyboardEvent('keydown', {key: '$1', shiftKey: ${2:-false}, bubbles: true}));"; }
mouse() { echo "B.dispatchEvent(new PointerEvent('$1', {clientX: X.left + X.width * $2, clientY: X.top + 20, button: 0, pointerId: 1, bubbles: true}));"; }

whole=0,60500000
is "the whole run is shown at first" $whole "$(driven '' ; attr view "$page")"
driven "$(key +)"
is "+ zooms in on the middle" 12100000,48400000 "$(attr view "$page")"
driven "$(key +)$(key ArrowRight)"
is "right pans by a fifth" 19360000,55660000 "$(attr view "$page")"
driven "$(key +)$(key +)$(key 0)"
is "0 shows all again" $whole "$(attr view "$page")"
driven "$(key -)$(key ArrowLeft)"
is "nothing lies outside the run" $whole "$(attr view "$page")"
driven "B.setPointerCapture = function () {};$(mouse pointerdown .25)$(mouse pointermove .4)$(mouse pointerup .5)"
is "a drag zooms to what it covers" 15125000,30250000 "$(attr view "$page")"
driven "B.dispatchEvent(new WheelEvent('wheel', {deltaY: -60, ctrlKey: true, clientX: X.left + X.width / 2, clientY: X.top + 20, bubbles: true, cancelable: true}));"
check "Ctrl and wheel zoom ($(attr view "$page"))" [ "$(attr view "$page")" != $whole ]
driven "B.dispatchEvent(new WheelEvent('wheel', {deltaY: 60, clientX: X.left + 50, clientY: X.top + 20, bubbles: true, cancelable: true}));"
is "the wheel alone scrolls the page" $whole "$(attr view "$page")"
driven "$(mouse pointermove .3)"
like "the reading follows the mouse" 'at <b>18\.1' "$page"
driven "$(key ArrowRight true)"
like "Shift and an arrow read it out" 'id="say"[^>]*>At 30\.25 seconds\. Faults: cut off' "$page"
is "none of it caused an error" 0 "$(attr errors "$page")"

for width in 900 1900; do
	page=$(dom "$tmp/nine-nodes/report.html" $width,1000)
	is "$width px wide: all lanes, no error" "30 0" "$(attr lanes "$page") $(attr errors "$page")"
done
browse --no-pdf-header-footer --print-to-pdf="$tmp/p.pdf" "file://$tmp/redis/report.html"
check "it prints" test -s "$tmp/p.pdf"
finish
