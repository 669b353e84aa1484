#!/usr/bin/env bash
# Runs a command line of one's own over its own database: events go in, one of them late, and the views come out right.
# ORDERS: the built executable. Default: what `swift build` here makes.
set -euo pipefail
orders=${ORDERS:-$(dirname "$0")/.build/debug/Orders}
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT

"$orders" append orders --data "$data" <<'EVENTS'
{"type":"placed","order":"O-1","customer":"ACME","cents":1250,"_at":"2026-03-01T10:00:00Z"}
{"type":"placed","order":"O-2","customer":"ACME","cents":300,"_at":"2026-03-01T11:00:00Z"}
{"type":"cancelled","order":"O-1","_at":"2026-03-02T09:00:00Z"}
EVENTS

echo "A late one: O-3 was placed, then cancelled; the cancellation arrives first."
"$orders" append orders --data "$data" <<< '{"type":"cancelled","order":"O-3","_at":"2026-03-03T12:00:00Z"}'
"$orders" append orders --data "$data" <<< '{"type":"placed","order":"O-3","customer":"Umbrella","cents":99,"_at":"2026-03-03T08:00:00Z"}'

seen=$("$orders" query orders last-status --data "$data"; "$orders" query orders turnover-by-customer --data "$data")
echo "$seen"
expected=$'O-1\t"cancelled"\nO-2\t"placed"\nO-3\t"cancelled"\nACME\t1550\nUmbrella\t99'
[ "$seen" = "$expected" ] || { echo "that is not what was expected:"; echo "$expected"; exit 1; }
