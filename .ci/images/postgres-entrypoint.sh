#!/bin/bash
# The part of the official image's entrypoint that is used here: POSTGRES_USER, POSTGRES_PASSWORD[_FILE], POSTGRES_DB.
set -euo pipefail

[[ $1 == postgres ]] || exec "$@"

if [[ $(id -u) == 0 ]]; then
  # A volume or tmpfs mounted over the data folder belongs to root at first; PostgreSQL itself refuses to run as root.
  install -d -o postgres -g postgres -m 0700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
password=${POSTGRES_PASSWORD:-}
[[ -z ${POSTGRES_PASSWORD_FILE:-} ]] || password=$(<"$POSTGRES_PASSWORD_FILE")

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  [[ -n $password ]] || { echo 'POSTGRES_PASSWORD must not be empty' >&2; exit 1; }
  initdb --username="$user" --pwfile=<(printf '%s\n' "$password") --auth=scram-sha-256 --encoding=UTF8 >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  if [[ $database != postgres ]]; then
    printf 'create database "%s";\n' "${database//\"/\"\"}" | postgres --single -jE postgres >/dev/null
  fi
fi

exec postgres -c listen_addresses='*' "${@:2}"
