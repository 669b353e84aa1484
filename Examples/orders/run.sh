#!/usr/bin/env bash
# Runs a command line of one's own over its own database: events go in, one of them late, and the views come out right.
# ORDERS: the built executable. Default: what `swift build` here makes.
set -euo pipefail
orders=${ORDERS:-$(dirname "$0")/.build/debug/Orders}
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
export ORDERS_CONFIRMATIONS=$data/confirmations

"$orders" append orders --data "$data" <<'EVENTS'
{"type":"placed","order":"O-1","customer":"ACME","cents":1250,"_at":"2026-03-01T10:00:00Z"}
{"type":"placed","order":"O-2","customer":" ACME ","cents":300,"_at":"2026-03-01T11:00:00Z"}
{"type":"cancelled","order":"O-1","_at":"2026-03-02T09:00:00Z"}
EVENTS

echo "A late one: O-3 was placed, then cancelled; the cancellation arrives first."
"$orders" append orders --data "$data" <<< '{"type":"cancelled","order":"O-3","_at":"2026-03-03T12:00:00Z"}'
"$orders" append orders --data "$data" <<< '{"type":"placed","order":"O-3","customer":"Umbrella","cents":99,"_at":"2026-03-03T08:00:00Z"}'

echo "An order of nothing is refused by a hook."
if refused=$("$orders" append orders --data "$data" <<< '{"type":"placed","order":"O-4","customer":"ACME","cents":0}' 2>&1); then
  echo "it was recorded"; exit 1
fi
echo "$refused"
[[ $refused == *"/cents: must be more than 0"* ]]

seen=$("$orders" query orders last-status --data "$data"; "$orders" query orders turnover-by-customer --data "$data")
echo "$seen"
expected=$'O-1\t"cancelled"\nO-2\t"placed"\nO-3\t"cancelled"\nACME\t1550\nUmbrella\t99'
[ "$seen" = "$expected" ] || { echo "that is not what was expected:"; echo "$expected"; exit 1; }

echo "While a node runs, here a server, another hook writes a confirmation of each order, once it is on disk."
"$orders" serve --data "$data" --listen 127.0.0.1:0 2> "$data/log" &
server=$!
trap 'kill $server 2> /dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 600); do
  [ "$(ls "$data/confirmations" 2> /dev/null | wc -l)" = 3 ] && break
  sleep 0.1
done
cat "$data"/confirmations/*.txt
[ "$(cat "$data"/confirmations/*.txt | grep -c '^ACME: ')" = 2 ]
kill "$server"
wait "$server"
