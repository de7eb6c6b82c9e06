#!/usr/bin/env bash
# The suites of the database store on Debian's own PostgreSQL, the oldest that is supported: `bash .ci/postgres.sh [vitest's options]`. The other
# suites bring a newer server along.
set -euo pipefail
cd "$(dirname "$0")/.."
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || {
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 postgresql
}
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | head -n 1)
place=$(mktemp -d -t countermand-postgres.XXXXXX)
chown postgres "$place"
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$place" "$@"; }
stop() {
  as_postgres "$bin/pg_ctl" -D "$place/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$place"
}
trap stop EXIT
printf 'trusted here\n' >"$place/password"
port=$(node -e "const s=require('node:net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})")
as_postgres "$bin/initdb" -D "$place/data" -U postgres -A scram-sha-256 --pwfile="$place/password" >/dev/null
as_postgres "$bin/pg_ctl" -D "$place/data" -w -l "$place/log" -o "-p $port -h 127.0.0.1 -k $place -c fsync=off -c max_connections=200" start >/dev/null
as_postgres "$bin/postgres" --version
npm run build
COUNTERMAND_TEST_POSTGRES="postgres://postgres:trusted%20here@127.0.0.1:$port" npx vitest run test/store/postgres "$@"
