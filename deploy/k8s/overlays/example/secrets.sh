#!/bin/sh
# Makes the secrets of this installation in secrets/ (git-ignored), once: what is there stays. The root passphrase opens every
# key: keep a copy where the cluster is not.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets

# once NAME command…: no line end, since some readers would take it for a part of the secret.
once() {
  [ -s "secrets/$1" ] && return
  name=$1
  shift
  "$@" | tr -d '\n' >"secrets/$name"
}
random() { head -c "$1" /dev/urandom | base64 | tr '+/' '-_' | tr -d '='; }
access_key_id() { printf 'AKIA%s' "$(head -c 10 /dev/urandom | base32)"; }

once database-admin-user echo postgres
once database-admin-password random 24
for service in audit-service kms-service iam-service object-store-gateway; do once "$service-database-password" random 24; done
once root-passphrase random 32
once administrator-access-key-id access_key_id
once administrator-secret-access-key random 30
once object-store-access-key-id echo keystead
once object-store-secret-access-key random 30
