#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 600
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

# lanes: a fault each; a role, writes and traffic a node; two of latency
shape redis 12 fail redis
like "redis: one line says it all" 'class="lead">n1 and n2 both claimed redis for 22\.5&nbsp;s; 765 of 5,254 acknowledged writes were lost' "$page"
like "redis: lost writes can be gone to" 'id="lost-words">765 lost writes' "$page"
like "redis: lost writes stand beside the lane" '765 of them lost' "$page"
shape etcd 12 pass etcd
like "etcd: nothing was lost, so there is nothing to go to" 'id="lost" hidden' "$page"
shape nine-nodes 31 fail redis --nodes 9 --faults 2
shape cluster 12 fail redis --cluster
like "cluster: a lane names its machine" 'class="lab" title="n2, on worker-b">' "$page"
like "cluster: what is missing is said before the findings" 'class="banner">The run is not complete: failed, no record came from node worker-d' "$page"
like "cluster: and leads the machines" '<tbody><tr><td class="id">worker-d</td><td[^>]*><b class="lv-error">none: it has not told' "$page"
like "cluster: what the clocks may be off" 'Certain, with clocks that are off by up to 42&nbsp;ms' "$page"
shape no-roles 9 fail redis --no-roles
shape no-workload 7 fail redis --no-workload
shape bare 4 unknown etcd --no-workload --no-roles
shape no-final-read 12 unknown etcd --no-final
shape unprobed 12 unknown etcd --gap --nohit
shape long 12 pass etcd --duration 1800 --rate 5
shape many-operations 12 fail redis --rate 1700
size=$(stat -c %s "$tmp/many-operations/report.html")
check "102,000 operations: a page below 300 kB ($size)" [ "$size" -lt 300000 ]
diag "102,000 operations: drawn in $(attr draw-ms "$page") ms"

shape hostile-names 22 fail redis --hostile --nodes 6 --faults 2
is "hostile names: none became an element" 0 "$(grep -c '<img' <<<"$page")"
like "hostile names: the title is the name" '<title>&lt;/script&gt;&lt;script&gt;document' "$page"
is "hostile names: none ran" 0 "$(grep -c '<title>owned' <<<"$page")"

# driven SCRIPT: the redis page after SCRIPT ran in it and all was drawn
driven()
{
	sed "s|</body>|<script>var B = document.getElementById('tlbody'), X = document.querySelector('.axisplot').getBoundingClientRect();$1;R.draw();</script></body>|" \
		"$tmp/redis/report.html" >"$tmp/driven.html"
	page=$(dom "$tmp/driven.html")
}
key() { echo "B.dispatchEvent(new KeyboardEvent('keydown', {key: '$1', shiftKey: ${2:-false}, bubbles: true}));"; }
mouse() { echo "B.dispatchEvent(new PointerEvent('$1', {clientX: X.left + X.width * $2, clientY: X.top + 20, button: 0, pointerId: 1, bubbles: true}));"; }
finger() { echo "B.dispatchEvent(new PointerEvent('$1', {clientX: X.left + X.width * $3, clientY: X.top + 20, button: 0, pointerId: $2, pointerType: 'touch', bubbles: true}));"; }

# One page goes through all of it: after each step it says which part of the run is in view, and begins anew.
drag="B.setPointerCapture = function () {};$(mouse pointerdown .25)$(mouse pointermove .4)$(mouse pointerup .5)"
pinch="$(finger pointerdown 1 .4)$(finger pointerdown 2 .6)$(finger pointermove 1 .3)$(finger pointermove 2 .7)$(finger pointerup 1 .3)$(finger pointerup 2 .7)"
wheel() { echo "B.dispatchEvent(new WheelEvent('wheel', {deltaY: $1, ctrlKey: $2, clientX: X.left + X.width / 2, clientY: X.top + 20, bubbles: true, cancelable: true}));"; }
steps=""
step() { steps+="$2;said.push('$1 ' + R.axis.view.map(Math.round).join());$(key 0)"; }
step first ""
step + "$(key +)"
step +right "$(key +)$(key ArrowRight)"
step ++0 "$(key +)$(key +)$(key 0)"
step -left "$(key -)$(key ArrowLeft)"
step +End "$(key +)$(key End)"
step +EndHome "$(key +)$(key End)$(key Home)"
step drag "$drag"
step pinch "$pinch"
step wheel "$(wheel 60 false)"
step button "document.getElementById('z-in').click()"
steps+="$(wheel -60 true)said.push('ctrl+wheel ' + (R.axis.view[1] - R.axis.view[0] < 6e7));$(key 0)"
steps+="$(key n)said.push('n ' + document.documentElement.dataset.lost);$(key p)said.push('p ' + document.documentElement.dataset.lost);$(key n)"
# what is drawn: pixels of the colour of lost writes, in a plot that shows a time with them and one without
steps+="var ink = function () { var c = [].find.call(document.querySelectorAll('.g-writes canvas'), function (e) { return e.row.label === 'n1'; }), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data, n = 0; for (var i = 0; i < d.length; i += 4) n += d[i] > 170 \\&\\& d[i + 1] < 60 \\&\\& d[i + 2] < 80 \\&\\& d[i + 3] > 200; return n; };"
steps+="R.axis.view = [12e6, 20e6]; R.draw(); said.push('lost ' + (ink() > 1000)); R.axis.view = [40e6, 50e6]; R.draw(); said.push('kept ' + ink());$(key n)"
driven "var said = [];$steps;document.documentElement.dataset.said = said.join('; ')"
whole=0,60500000
for is in "first $whole" "+ 12100000,48400000" "+right 19360000,55660000" "++0 $whole" "-left $whole" "+End 24200000,60500000" \
	"+EndHome 0,36300000" "drag 15125000,30250000" "pinch 15125000,45375000" "wheel $whole" "button 12100000,48400000" "ctrl+wheel true" \
	"n 0" "p 759" "lost true" "kept 0"; do
	check "keys, mouse, fingers: $is" grep -qF "; $is; " <<<"; $(attr said "$page"); "
done
diag "$(attr said "$page")"
like "a lost write that was gone to is said" 'id="lost-words">A write acknowledged beside n1 at 10\.[0-9]* s, lost later' "$page"
is "none of it caused an error" 0 "$(attr errors "$page")"
driven "document.querySelector('.g-writes .fold').click();"
like "a lane folds" 'aria-expanded="false" aria-controls="g2"' "$page"
driven "document.querySelector('.g-roles .whatis').click();"
like "a lane says what it is" 'id="tip" role="note" style[^>]*><b>Who says it leads: redis</b><p>Each node was asked' "$page"
driven "$(mouse pointermove .3)"
like "the reading follows the mouse" 'at <b>18\.1' "$page"
driven "$(key ArrowRight true)"
like "Shift and an arrow read it out" 'id="say"[^>]*>At 30\.25 seconds\. Faults: cut off' "$page"
is "none of it caused an error" 0 "$(attr errors "$page")"

# flood NAME ARGUMENTS...: a run with every kind of event, and its document in $page
flood()
{
	python3 "$tap_root/tests/tools/make_herd.py" "$tmp/$1" "${@:2}" || return 1
	"$CHAOS" report "$tmp/$1" >"$tmp/$1.out" 2>&1
	page=$(dom "$tmp/$1/report.html")
}
flood flood
is "flood: lanes, errors" "22 0" "$(attr lanes "$page") $(attr errors "$page")$(attr error "$page")"
for id in wire attempts connections resent times queues drops traffic; do
	like "flood: a lane of $id" "class=\"grp g-$id\"" "$page"
done
like "flood: arrivals around their period" 'class="wedge high"' "$page"
like "flood: the kind in words" 'class="kind">Connections that had broken were opened again all at once' "$page"
is "report says where the page is" "Report: $tmp/flood/report.html" "$(grep ^Report: "$tmp/flood.out")"
flood hostile --server '<img src=x onerror=window.owned=1>'
is "flood: a hostile server is text" "0 0" "$(grep -c '<img' <<<"$page") $(attr errors "$page")"
flood many --rate 1700
size=$(stat -c %s "$tmp/many/report.html")
check "a flood of $(wc -l <"$tmp/many/events.jsonl") events: a page below 400 kB ($size)" [ "$size" -lt 400000 ]
is "... drawn without an error" "22 0" "$(attr lanes "$page") $(attr errors "$page")"
diag "... in $(attr draw-ms "$page") ms"

for width in 390 900 1900; do
	page=$(dom "$tmp/nine-nodes/report.html" $width,1000)
	is "$width px wide: all lanes, no error" "31 0" "$(attr lanes "$page") $(attr errors "$page")"
done
browse --no-pdf-header-footer --print-to-pdf="$tmp/p.pdf" "file://$tmp/redis/report.html"
check "it prints" test -s "$tmp/p.pdf"
# to look at
log=${O:-$tmp}/logs
if mkdir -p "$log" 2>/dev/null; then
	browse --hide-scrollbars --window-size=1400,2600 --screenshot="$log/report.png" "file://$tmp/redis/report.html"
	browse --hide-scrollbars --window-size=1400,2600 --screenshot="$log/report-flood-dark.png" "file://$tmp/flood/report.html#dark"
	diag "screenshots: $log/report.png, $log/report-flood-dark.png"
fi
finish
