# shellcheck shell=bash
# Steps with their times, and one clear sentence where something fails. A sourced file.

failures=()
timings=()
logs=$(mktemp -d)

say() { printf '%s\n' "$*"; }

# fail SENTENCE: ends the step (and what depends on it).
fail() {
  printf 'ci: %s\n' "$*" >&2
  exit 1
}

# step NAME 'what it means when it fails' command…: in a shell of its own, with errexit, timed. A failure is noted; the run goes on.
step() {
  local name=$1 meaning=$2 from=$SECONDS status=0
  shift 2
  printf '\n=== %s\n' "$name"
  (set -Eeuo pipefail && "$@") & # not in a condition: bash would ignore errexit there
  wait $! || status=$?
  timings+=("$(printf '%5d s  %s%s' $((SECONDS - from)) "$name" "$( ((status == 0)) || echo '  FAILED')")")
  ((status == 0)) || failures+=("$name: $meaning")
}

# needed …: the same, but nothing after it makes sense when it fails.
needed() {
  local before=${#failures[@]}
  step "$@"
  ((${#failures[@]} == before)) || exit 1
}

# beside NAME command…: starts it in the background, its output in a log; `joined NAME` waits for it, in any shell of this run.
beside() {
  local name=$1
  shift
  {
    local status=0
    (set -Eeuo pipefail && "$@") >"$logs/$name.log" 2>&1 &
    wait $! || status=$?
    echo "$status" >"$logs/$name.status"
  } &
}
joined() {
  until [[ -s $logs/$1.status ]]; do sleep 0.2; done
  [[ $(<"$logs/$1.status") == 0 ]] && return
  tail -n 25 "$logs/$1.log" | sed 's/^/    /'
  return 1
}

summary() {
  printf '\n=== time\n'
  printf '%s\n' "${timings[@]}" "$(printf '%5d s  in all' "$SECONDS")"
  ((${#failures[@]} == 0)) || printf '\nci: FAILED: %s\n' "${failures[@]}"
}
