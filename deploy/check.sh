#!/bin/sh
# Whether deploy/ is well formed, without a cluster: needs python3 with kubernetes-validate; docker-compose where it is there.
set -eu
cd "$(dirname "$0")"

python3 k8s/check.py

if command -v docker-compose >/dev/null; then
  docker-compose -f compose.yaml config --quiet
  echo 'compose.yaml: read by docker-compose'
else
  echo 'docker-compose is not here: compose.yaml was only read as YAML'
fi
