# shellcheck shell=bash
# Keystead as a user starts it, for the story. A sourced file.

product_pid=
product_data=
product_log=

# The first of four free ports in a row, as `keystead up --port` takes them.
free_ports() {
  local first port
  for first in 4566 14566 24566 34566; do
    for ((port = first; port < first + 4; port++)); do
      if { : </dev/tcp/127.0.0.1/$port; } 2>/dev/null; then continue 2; fi
    done
    echo "$first"
    return
  done
  fail 'no four free ports in a row for the product'
}

healthy() {
  # The code is set first: fetch sometimes leaves its promise open when a connection is cut, and Node then ends with 0.
  node -e 'process.exitCode = 1; fetch(process.argv[1]).then((answer) => process.exit(answer.ok ? 0 : 1))' \
    "$1/_keystead/health" 2>/dev/null
}

healthy_endpoint() { healthy "$AWS_ENDPOINT_URL"; }

# start_product DATA options…: returns when `env` is there and the endpoint answers.
start_product() {
  local data=$1 from=$SECONDS
  shift
  product_log=$logs/product.log
  rm -f "$data/env"
  # Job control gives it a process group of its own, as a terminal does, so that Ctrl-C can be sent to the whole group.
  set -m
  npm start --silent -- --data "$data" --port "$(free_ports)" "$@" >>"$product_log" 2>&1 </dev/null &
  product_pid=$!
  product_data=$data
  set +m
  while ((SECONDS - from < 120)); do
    kill -0 "$product_pid" 2>/dev/null || break
    if [[ -s $data/env ]] && as_user "$data" healthy_endpoint; then
      say "npm start answered after $((SECONDS - from)) s"
      return
    fi
    sleep 0.5
  done
  tail -n 40 "$product_log"
  stop_product || true
  fail 'npm start did not come up within two minutes (its output is above)'
}

# The processes of an installation: they have its folder in their command line or environment.
processes_of() {
  local pid
  for pid in $(pgrep -f '/main\.mjs|postgres'); do
    if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qF "$1/" || grep -qaF "$1/" "/proc/$pid/cmdline" 2>/dev/null; then
      echo "$pid"
    fi
  done
}

# Ctrl-C: in order, in under 10 s, nothing left.
stop_product() {
  [[ -n $product_pid ]] || return 0
  local from=$SECONDS status=0 left
  kill -INT -- "-$product_pid" 2>/dev/null || true
  wait "$product_pid" || status=$?
  product_pid=
  left=$(processes_of "$product_data")
  say "Ctrl-C ended it after $((SECONDS - from)) s with exit code $status"
  ((SECONDS - from <= 10)) || fail 'Ctrl-C took more than 10 s'
  # shellcheck disable=SC2086 # one process id a word
  [[ -z $left ]] || fail "Ctrl-C left running: $(ps -o pid=,args= -p ${left//$'\n'/,})"
}

# as_user DATA command…: after `source env`.
as_user() {
  local data=$1
  shift
  (
    set -a
    # shellcheck source=/dev/null
    . "$data/env"
    set +a
    "$@"
  )
}

# refuses 'part of the sentence' options…: npm start must end by itself, not well, and say why.
refuses() {
  local sentence=$1 output
  shift
  if output=$(timeout 60 npm start --silent -- "$@" 2>&1 </dev/null); then fail "npm start $* should have ended with an error"; fi
  [[ $output == *"$sentence"* ]] || fail "npm start $* should say \"$sentence\", but says: $output"
  say "refused: $(tail -n 1 <<<"$output")"
}

story() {
  local data other port
  data=$(mktemp -d)
  trap 'stop_product || true' EXIT
  start_product "$data"
  as_user "$data" conformance/story/story.sh --data "$data"
  other=$(mktemp -d)
  port=$(as_user "$data" node -p 'new URL(process.env.AWS_ENDPOINT_URL).port')
  refuses 'in use' --data "$other/keystead" --port "$port"
  mkdir "$other/old" && echo 0 >"$other/old/version"
  refuses 'version' --data "$other/old" --port "$(free_ports)"
  stop_product
  say 'a second start finds everything again, over HTTPS'
  start_product "$data" --tls
  as_user "$data" aws kms list-aliases --query 'Aliases[].AliasName' --output text | grep -q alias/story- ||
    fail 'the second start did not find the keys of the first'
  stop_product
  trap - EXIT
  rm -rf "$data" "$other"
}

# Chapter 5 once more, with MinIO as the backend.
story_with_minio() {
  local data minio endpoint
  data=$(mktemp -d)
  export KEYSTEAD_S3_ACCESS_KEY_ID=story KEYSTEAD_S3_SECRET_ACCESS_KEY=only-for-the-story
  minio=$(docker run -d -p 127.0.0.1::9000 -e MINIO_ROOT_USER="$KEYSTEAD_S3_ACCESS_KEY_ID" \
    -e MINIO_ROOT_PASSWORD="$KEYSTEAD_S3_SECRET_ACCESS_KEY" "$MINIO_IMAGE" server /data)
  # shellcheck disable=SC2064 # now: a local variable is gone when the trap runs
  trap "stop_product || true; docker rm -fv $minio >/dev/null" EXIT
  endpoint=http://$(docker port "$minio" 9000 | head -n 1)
  start_product "$data" --backend s3 --s3-endpoint "$endpoint"
  BACKEND_ACCESS_KEY_ID=$KEYSTEAD_S3_ACCESS_KEY_ID BACKEND_SECRET_ACCESS_KEY=$KEYSTEAD_S3_SECRET_ACCESS_KEY \
    as_user "$data" conformance/story/story.sh --data "$data" --only 5 --backend-s3 "$endpoint"
  stop_product
  rm -rf "$data"
}

# deploy/compose.yaml for real: every service a container of its own, PostgreSQL and MinIO beside them.
compose() { docker-compose --project-name keystead-ci --file deploy/compose.yaml "$@"; }
compose_round_trip() {
  local port credentials tries
  port=$(free_ports)
  export KEYSTEAD_PORT=$port KEYSTEAD_S3_PORT=$((port + 1)) KEYSTEAD_GRPC_PORT=$((port + 2))
  export KEYSTEAD_POSTGRES_IMAGE=$POSTGRES_IMAGE KEYSTEAD_MINIO_IMAGE=$MINIO_IMAGE
  trap 'compose down --volumes >/dev/null 2>&1' EXIT
  compose up --detach >"$logs/compose.log" 2>&1 || fail "docker-compose up failed: $(tail -n 5 "$logs/compose.log")"
  for ((tries = 0; tries < 240; tries++)); do
    healthy "http://127.0.0.1:$port" && break
    sleep 0.5
  done
  healthy "http://127.0.0.1:$port" || {
    compose logs --tail 15
    fail 'the services of deploy/compose.yaml are not healthy after two minutes'
  }
  credentials=$(compose exec -T iam-service cat /data/admin-credentials) || {
    compose ps
    compose logs --tail 15
    fail 'iam-service serves, but has not written down the key of the administrator'
  }
  export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_DEFAULT_REGION=us-east-1
  AWS_ACCESS_KEY_ID=$(field accessKeyId "$credentials") AWS_SECRET_ACCESS_KEY=$(field secretAccessKey "$credentials")
  export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  aws s3 mb s3://round-trip
  echo there | aws s3 cp - s3://round-trip/object --sse aws:kms
  [[ $(aws s3 cp s3://round-trip/object -) == there ]] || fail 'an object did not come back'
  say 'an object went through the composed services to MinIO and back'
}

field() { node -p 'JSON.parse(process.argv[2])[process.argv[1]]' "$1" "$2"; }
