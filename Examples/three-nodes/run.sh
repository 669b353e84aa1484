#!/usr/bin/env bash
# Three regions on one machine. All links between them are cut, each side goes on writing, some of it late; the links are healed, and all
# show the same view. Needs python3 (for the links) and curl.
# LATERBASE: the built executable. Default: what `swift build` makes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
laterbase=${LATERBASE:-$here/../../.build/debug/laterbase}
data=$(mktemp -d)
pids=()
links=
cleanup() {
  kill "${pids[@]}" $links 2> /dev/null || true
  wait
  rm -rf "$data"
}
trap cleanup EXIT

read -r -a port <<< "$(python3 "$here/links.py" ports 6)"
regions=(hamburg rotterdam new-york)
url() { echo "http://127.0.0.1:${port[$1]}"; }         # where a node is
link() { echo "http://127.0.0.1:${port[$1 + 3]}"; }    # where the others reach it

heal() {
  python3 "$here/links.py" "${port[3]}:${port[0]}" "${port[4]}:${port[1]}" "${port[5]}:${port[2]}" &
  links=$!
}
cut_all() { kill $links; wait $links 2> /dev/null || true; }

start() {
  "$laterbase" serve --data "$data/$1" --listen "127.0.0.1:${port[$1]}" --advertise "$(link "$1")" --node "${regions[$1]}" \
    --region "${regions[$1]}" --log-level error "${@:2}" &
  pids+=($!)
}

# Tries a condition for two minutes.
until_true() {
  for _ in $(seq 600); do
    if "$@" 2> /dev/null; then return; fi
    sleep 0.2
  done
  echo "this did not come true: $*"
  exit 1
}
all_live() { [ "$(curl -sf "$(url "$1")/nodes" | grep -o '"state":"live"' | wc -l)" = 3 ]; }
clock() { curl -sf "$(url "$1")/db/shipments/clock"; }
level() { [ -n "$(clock 0)" ] && [ "$(clock 0)" = "$(clock 1)" ] && [ "$(clock 1)" = "$(clock 2)" ]; }
write() { "$laterbase" append shipments --url "$(url "$1")" <<< "$2" > /dev/null; }
view() { "$laterbase" query shipments last-location --url "$(url "$1")"; }
show() { for node in 0 1 2; do view $node | sed "s/^/  ${regions[$node]}  /"; done; }

heal
start 0
start 1 --peer "$(link 0)"
start 2 --peer "$(link 1)"
for node in 0 1 2; do until_true all_live $node; done
"$laterbase" nodes --url "$(url 2)"

write 0 '{"shipment":"S1","location":"HAM","weightKg":10,"_at":"2026-03-01T08:00:00Z"}'
until_true level
echo "All know where S1 is:"
show

cut_all
write 0 '{"shipment":"S1","location":"ROT","weightKg":10,"_at":"2026-03-04T08:00:00Z"}'
write 1 '{"shipment":"S2","location":"ROT","weightKg":7,"_at":"2026-03-02T08:00:00Z"}'
write 2 '{"shipment":"S1","location":"NYC","weightKg":10,"_at":"2026-03-03T08:00:00Z"}'
write 2 '{"shipment":"S2","location":"LEJ","weightKg":7,"_at":"2026-03-01T08:00:00Z"}'
echo "Cut off from each other, each shows what it knows. The scan of S2 in LEJ is a late one:"
show

heal
until_true level
echo "Healed. What happened last counts, whatever arrived last:"
show
expected=$'S1\t{"_at":"2026-03-04T08:00:00.000Z","location":"ROT"}\nS2\t{"_at":"2026-03-02T08:00:00.000Z","location":"ROT"}'
for node in 0 1 2; do
  [ "$(view $node)" = "$expected" ] || { echo "that is not what was expected:"; echo "$expected"; exit 1; }
done
