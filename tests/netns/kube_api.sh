#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
# timed
#
# kube_api.sh: the API client against a server that does everything wrong, in turn (tests/tools/fake_api.py): answers that
# are cut, no JSON, huge, slow or never come; versions that are too old; streams that break. What was told at the
# end is always what the server has. And 10,000 pods: time and memory are printed, memory is bounded. No root.
# shellcheck source=../lib/tap.sh
. "$(dirname "$0")/../lib/tap.sh"

tool=$O/tests/netns/kubectlike
tmp=$(mktemp -d)
server=''
trap 'kill $server $(jobs -p) 2>/dev/null; wait; rm -rf "$tmp"' EXIT

command -v python3 >/dev/null || skip_all "no python3"
command -v curl >/dev/null || skip_all "no curl"

# serve ARGUMENTS...: a new server, its address in $url, and a kubeconfig
serve()
{
	[ -z "$server" ] || kill "$server"
	rm -f "$tmp/url"
	python3 "$tap_root/tests/tools/fake_api.py" --ready "$tmp/url" "$@" 2>>"$tmp/server.log" &
	server=$!
	wait_until 60 test -s "$tmp/url" || return 1
	url=$(<"$tmp/url")
	config "$url"
}

# config URL [USER]
config()
{
	printf 'current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n' >"$tmp/config"
	printf 'clusters: [{name: c, cluster: {server: "%s"}}]\nusers: [{name: u, user: {%s}}]\n' "$1" "${2-}" >>"$tmp/config"
}

kube()
{
	"$tool" --kubeconfig "$tmp/config" "$@" 2>&1
}

# post WHAT [BODY]: to the server's other side
post()
{
	curl -s -X POST -d "${2-}" "$url/fake/$1" >/dev/null
}

rules()
{
	post rules "$1"
}

# request RULES METHOD PATH...: the first line of the answer
request()
{
	rules "$1"
	shift
	kube request "$@" | head -1
}

# watch NAME ARGUMENTS...: in the background until `unwatch`; what it prints is in $tmp/NAME
watch()
{
	local name=$1

	shift
	rm -f "$tmp/$name.in"
	mkfifo "$tmp/$name.in"
	kube watch "$@" <"$tmp/$name.in" >"$tmp/$name" &
	watcher=$!
	exec 9>"$tmp/$name.in"
}

unwatch()
{
	exec 9>&-
	wait "$watcher"
}

# saw SECONDS NAME ERE [TIMES]: so many lines match
saw()
{
	# shellcheck disable=SC2016
	wait_until "$1" bash -c '[ "$(grep -cE -- "$0" "$1")" -ge "$2" ]' "$3" "$tmp/$2" "${4:-1}"
}

thing()
{
	curl -s -X "$1" -H 'Content-Type: application/merge-patch+json' -d "${3-}" "$url/api/v1/namespaces/x/things$2" >/dev/null
}

create() { thing POST '' "{\"metadata\":{\"name\":\"$1\",\"labels\":{\"k\":\"v\"}}}"; }

# state NAME: what its PUT and GONE come to
state()
{
	awk '$1 == "PUT" { s[$2] = 1 } $1 == "GONE" { delete s[$2] } END { for (n in s) print n }' "$tmp/$1" | sort | paste -sd ' '
}

# --- one request

serve --nodes 1 || { fail "the server comes up" "$(cat "$tmp/server.log")"; finish; }
node=/api/v1/nodes/n1

like "an object is read" '^200 ok $' "$(request '[]' GET $node)"
like "what is not there is said" '^404 No such file or directory HTTP 404: nodes "n9" not found' "$(request '[]' GET /api/v1/nodes/n9)"
like "a cut answer" '^200 Protocol error .*: the answer is cut: ' "$(request '["GET=cut:20"]' GET $node)"
like "an answer that is no JSON" '^200 Protocol error HTTP 200: the answer is no JSON: <html>' "$(request '["GET=garbage"]' GET $node)"
like "a huge answer" '^200 Protocol error HTTP 200: the answer is longer than the bound' "$(request '["GET=huge:9000000"]' GET $node)"
like "no answer" '^0 Connection timed out .*: Operation timed out' "$(request '["GET=silent"]' GET $node)"
like "one byte after the other, beyond the time limit" '^200 Protocol error .*: the answer is cut: Operation timed out' \
	"$(request '["GET=slow:10"]' GET $node)"
like "in pieces of a byte" '^200 ok $' "$(request '["GET=split"]' GET $node)"
like "a reset" '^0 Connection reset by peer ' "$(request '["GET=reset"]' GET $node)"
like "a redirect is not followed" '^302 Protocol error HTTP 302' "$(request '["GET=redirect:http://127.0.0.1:1/"]' GET $node)"
like "429 is asked again when the server says" '^200 ok $' "$(request '["GET#1=status:429:1"]' GET $node)"
like "429 for longer than the time limit" '^429 Invalid argument HTTP 429: the rule says 429' "$(request '["GET=status:429:60"]' GET $node)"
like "500 is not tried twice" '^500 Protocol error HTTP 500' "$(request '["GET#1=status:500"]' GET $node)"
like "403" '^403 Permission denied HTTP 403' "$(request '["GET=status:403"]' GET $node)"
rules '[]'
create taken
like "a name that is taken" '^409 File exists' "$(kube request POST /api/v1/namespaces/x/things '{"metadata":{"name":"taken"}}' | head -1)"
like "a version that is old" '^409 Stale file handle' \
	"$(kube request PATCH /api/v1/namespaces/x/things/taken '{"metadata":{"resourceVersion":"1"}}' application/merge-patch+json | head -1)"

# --- watches: what happens to them, in a row; each has the state right again

watch w -v /api/v1/namespaces/x/things
check "a watch begins with what is there" saw 20 w '^SYNCED'
is "which is it" taken "$(state w)"
create a
create b
check "what is created is told" saw 20 w '^PUT b'
thing DELETE /a
check "what is deleted is told" saw 20 w '^GONE a'

rules '["watch#1=cut:200,split"]'
post drop
create c
create d
check "a stream cut in the middle of an event goes on" saw 20 w '^PUT d'

# Deleted while nobody looks, and the server has forgotten.
rules '["watch=status:500"]'
post drop
check "lost contact is told" saw 20 w '^LOST watch .*: HTTP 500'
thing DELETE /b
thing DELETE /c
create c
post compact
rules '[]'
check "contact is back after a list" saw 60 w '^SYNCED' 2
is "with what vanished unseen told" "c d taken" "$(state w)"
is "what was made anew is another object" 2 "$(awk '$1 == "PUT" && $2 == "c" { print $3 }' "$tmp/w" | sort -u | wc -l)"
check "of which the first is gone" saw 1 w '^GONE c'

for what in event:410 event:500 junk end garbage wrong status:410 reset; do
	rules "[\"watch#1-2=$what\"]"
	post drop
	name=after-${what//:/-}
	create "$name"
	check "a watch goes on after $what" saw 60 w "^PUT $name "
	# An event in the stream that follows, so that the next failure is a first one again.
	create "on-$name"
	saw 20 w "^PUT on-$name "
done
unwatch
rules '[]'

# --- lists

serve --nodes 1 --pods 300 --rule 'list:continue#1=status:410' --rule 'list:continue#3=cut:500,split' --rule 'list:continue#5=garbage' \
	--rule 'list:continue#7=status:429:1' --rule 'list#2=wrong' || fail "the server comes up again"
watch l -v -p 50 /api/v1/pods
check "a list in pages, of which several fail" saw 60 l '^SYNCED'
is "is complete" 300 "$(state l | wc -w)"
unwatch

# The second page is no list, and what the first one told of has vanished: the list begins anew, with nothing of the old one.
serve --nodes 1 --pods 4 --rule 'list:continue#1=latency:2,wrong-list' || fail "the server comes up again"
watch v -v -p 2 /api/v1/pods
check "a list whose second page is none" saw 20 v '^PUT web-000001'
curl -s -X DELETE "$url/api/v1/namespaces/shop/pods/web-000000" >/dev/null
check "is read again" saw 60 v '^SYNCED'
is "without what vanished meanwhile" "web-000001 web-000002 web-000003" "$(state v)"
rules '["watch=end"]'
post drop
check "streams that end at once are lost contact, in words" saw 60 v '^LOST watch .*: the server ends each stream at once'
unwatch

serve --nodes 1 --missing things --token "$tmp/token" || fail "the server comes up again"
echo one >"$tmp/token"
config "$url" "tokenFile: token"
watch m -v /api/v1/namespaces/x/things
check "a collection that is not there is LOST" saw 20 m '^LOST list .*HTTP 404'
unwatch
like "the token's file is read" '^200 ok' "$(kube request GET $node | head -1)"
config "$url" "token: two"
like "a wrong token" '^401 Permission denied HTTP 401: Unauthorized' "$(kube request GET $node | head -1)"

# --- TLS: only the cluster's own authority counts, and clients may be known by certificate

tls()
{
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -addext "subjectAltName=DNS:$2" \
		-keyout "$tmp/$1.key" -out "$tmp/$1.crt" 2>/dev/null
}
if command -v openssl >/dev/null && tls server kubernetes && tls client nobody && tls other kubernetes; then
	cat "$tmp/server.key" "$tmp/server.crt" >"$tmp/server.pem"
	serve --nodes 1 --tls "$tmp/server.pem" --clients "$tmp/client.crt" || fail "the server comes up again"
	data() { base64 -w0 "$tmp/$1"; }
	# secure CLUSTER USER: the first line of an answer
	secure()
	{
		printf 'current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n' >"$tmp/config"
		printf 'clusters: [{name: c, cluster: {server: "%s", %s}}]\nusers: [{name: u, user: {%s}}]\n' "$url" "$1" "$2" \
			>>"$tmp/config"
		kube request GET $node | head -1
	}
	user="client-certificate: client.crt, client-key: client.key"
	like "a certificate by the file's folder" '^200 ok' "$(secure 'certificate-authority: server.crt, tls-server-name: kubernetes' "$user")"
	like "and as data" '^200 ok' "$(secure "certificate-authority-data: $(data server.crt), tls-server-name: kubernetes" \
		"client-certificate-data: $(data client.crt), client-key-data: $(data client.key)")"
	like "another name than the server's address" '^0 Required key not available|^0 Key was rejected' \
		"$(secure 'certificate-authority: server.crt' "$user")"
	like "another authority" '^0 Required key not available|^0 Key was rejected' \
		"$(secure 'certificate-authority: other.crt, tls-server-name: kubernetes' "$user")"
	like "the machine's authorities do not count" '^0 Required key not available|^0 Key was rejected' \
		"$(SSL_CERT_FILE=$tmp/server.crt secure "certificate-authority-data: $(data other.crt), tls-server-name: kubernetes" "$user")"
	like "insecure-skip-tls-verify" '^200 ok' "$(secure 'insecure-skip-tls-verify: true' "$user")"
	like "without the client's certificate" '^0 ' "$(secure 'certificate-authority: server.crt, tls-server-name: kubernetes' '')"
else
	skip "TLS" "no openssl"
fi

# --- time: the server's clock is 90 s ahead

serve --nodes 1 --clock 90 || fail "the server comes up again"
read -r lo hi < <(kube clock $node 100)
check "the server's clock is known within its second" test "${lo:-0}" -le -90000 -a "${hi:-0}" -ge -90000 -a $((hi - lo)) -le 2000
diag "our clock minus the server's, which is 90 s ahead: $lo ... $hi ms after 100 answers"

# --- much

serve --nodes 50 --pods 10000 || fail "the server comes up again"
# The bytes alone are some 30 MB; the sanitizers would be most of what is measured.
tool=$tool-plain
watch p /api/v1/pods
check "10,000 pods are listed" saw 120 p '^SYNCED puts=10000 '
unwatch
diag "10,000 pods of $(($(curl -s "$url/api/v1/pods" | wc -c) / 10000)) bytes in pages of 500: $(head -1 "$tmp/p")"
check "in little memory" test "$(sed -n 's/.*rss_kb=//p' "$tmp/p")" -lt 40000

like "a server that is away" '^0 Connection refused' "$(config http://127.0.0.1:1 && kube request GET $node | head -1)"
finish
