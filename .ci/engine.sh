# shellcheck shell=bash
# A Docker engine: the one that answers, else one of our own, which ends with this run. A sourced file.

engine_answers() { docker info >/dev/null 2>&1; }

# Debian packages by the command that each brings; apt is asked only when one is missing.
install_packages() {
  local missing=() pair
  for pair in dockerd:docker.io docker:docker.io iptables:iptables debootstrap:debootstrap pgrep:procps xargs:findutils \
    docker-compose:docker-compose unshare:util-linux softhsm2-util:softhsm2 g++:g++ make:make; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
  ((${#missing[@]} > 0)) || return 0
  command -v apt-get >/dev/null || fail "this machine has no apt-get; install by hand: ${missing[*]}"
  apt-get update -q >"$logs/apt.log" 2>&1 || fail "apt-get update failed; the end of its log: $(tail -n 3 "$logs/apt.log")"
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}" >>"$logs/apt.log" 2>&1 ||
    fail "apt-get could not install ${missing[*]}; the end of its log: $(tail -n 3 "$logs/apt.log")"
}

# To be called in the main shell: it remembers the engine that it starts.
engine_pid=
start_engine() {
  engine_answers && return
  # A pid file of an engine that was killed makes the next one refuse to start.
  rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
  setsid dockerd >"$logs/dockerd.log" 2>&1 &
  engine_pid=$!
  local tries
  for ((tries = 0; tries < 120; tries++)); do
    engine_answers && return
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.5
  done
  return 1
}

require_engine() {
  engine_answers || fail "no Docker engine answers; the end of its log: $(tail -n 3 "$logs/dockerd.log" 2>/dev/null)"
}

stop_engine() {
  [[ -n $engine_pid ]] || return 0
  # On our own engine every container of the tests is ours; where Ryuk is off, a test that died leaves one.
  docker ps -aq | xargs -r docker rm -fv >/dev/null 2>&1 || true
  # The layers of earlier runs, on a machine that is kept.
  docker image prune --force --filter until=48h >/dev/null 2>&1 || true
  kill "$engine_pid" 2>/dev/null || true
  wait "$engine_pid" 2>/dev/null || true
  engine_pid=
}
