#!/usr/bin/env bash
# What HTTPBenchmark's `views` asks of this server, asked of PostgreSQL: an indexed event table with the aggregate by SQL (live), and a table
# kept by a trigger. The same events, over one TCP connection, by pgbench with prepared statements. All commits are flushed.
#
#   Benchmarks/Views/postgres.sh <folder on the disk to be measured> <events> <groups>
#
# Needs Debian's postgresql. Run as root it starts the server as the user postgres.
set -euo pipefail
[ $# = 3 ] || { sed -n '2,8s/^# \?//p' "$0"; exit 64; }
events=$2 groups=$3 port=27103
programs=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
data=$(mktemp -d "$1/postgres-XXXXXX")
as() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }
if [ "$(id -u)" = 0 ]; then chown postgres "$data"; fi
stop() { as "$programs/pg_ctl" -D "$data/db" -m fast -w stop >/dev/null 2>&1 || true; rm -rf "$data"; }
trap stop EXIT
as "$programs/initdb" -D "$data/db" -A trust -U bench -E UTF8 --locale=C >/dev/null
cat >> "$data/db/postgresql.conf" <<END
port=$port
listen_addresses='127.0.0.1'
unix_socket_directories='$data/db'
shared_buffers=2GB
max_wal_size=8GB
fsync=on
synchronous_commit=on
full_page_writes=on
END
as "$programs/pg_ctl" -D "$data/db" -l "$data/db/log" -w start >/dev/null
export PGHOST=127.0.0.1 PGPORT=$port PGUSER=bench PGDATABASE=postgres
q() { psql -qAtX -v ON_ERROR_STOP=1 -c "$1" < /dev/null; }

# Shipment k of the k-th client query is spread over all of them; the filler brings a body to 256 bytes.
q "create table ev(position bigserial primary key, id uuid not null default gen_random_uuid() unique, shipment text not null,
     recorded_at timestamptz not null default now(), happened_at timestamptz not null, data jsonb not null)"
q "insert into ev(shipment, happened_at, data)
   select s, t, jsonb_build_object('type','scanned','shipment',s,'location','HAM','at',t,'weightKg',n % 1000,'note',repeat('x',130))
   from (select n, 'SHP-' || lpad(((n * 7919) % $groups)::text, 6, '0') s, timestamptz '2023-11-14' + n * interval '1 second' t
         from generate_series(1::bigint, $events) n) _"
q "create index on ev(shipment)"
q "create table kept(shipment text primary key, n bigint not null, w double precision not null) with (fillfactor=70)"
q "insert into kept select shipment, count(*), sum((data->>'weightKg')::float8) from ev group by 1"
q "create function keep() returns trigger language plpgsql as \$\$ begin
     insert into kept values (new.shipment, 1, (new.data->>'weightKg')::float8)
     on conflict (shipment) do update set n = kept.n + 1, w = kept.w + excluded.w; return null; end \$\$"
q "vacuum analyze ev"
q "vacuum analyze kept"
q checkpoint

random="\\set s random(0, $groups - 1)"
shipment="'SHP-' || lpad((:s::int)::text, 6, '0')"
live="select count(*), sum((data->>'weightKg')::float8) from ev where shipment = $shipment;"
kept="select n, w from kept where shipment = $shipment;"
late="insert into ev(shipment, happened_at, data) values ($shipment, '2023-11-15',
  ('{\"type\":\"scanned\",\"shipment\":\"' || $shipment || '\",\"location\":\"HAM\",\"weightKg\":7.5}')::jsonb);"
echo "| $events events, $groups groups, PostgreSQL | p50, µs | p99, µs |"
echo "| --- | ---: | ---: |"
measure() { # name, transactions, statements…
  local name=$1 count=$2
  shift 2
  { echo "$random"; printf '%s\n' "${@//$'\n'/ }"; } > "$data/script.sql"
  chmod a+rwx "$data"
  (cd "$data" && rm -f log.* && pgbench -n -M prepared -c 1 -t "$count" -l --log-prefix=log -f script.sql > pgbench.out 2>&1) || { cat "$data/pgbench.out" >&2; exit 1; }
  cat "$data"/log.* | awk '{print $3}' | sort -n | awk -v name="$name" '{a[NR]=$1} END {printf "| %s | %d | %d |\n", name, a[int(NR*.5)+1], a[int(NR*.99)]}'
}
measure "one key, a row kept by a trigger" 5000 "$kept"
measure "one key, live" 2000 "$live"
measure "all keys, the table kept by a trigger" 100 "select * from kept;"
measure "a late event, durable, then its key, live" 500 "$late" "$live"
q "create trigger keep after insert on ev for each row execute function keep()"
measure "a late event, durable, then its key, kept by a trigger" 500 "$late" "$kept"
