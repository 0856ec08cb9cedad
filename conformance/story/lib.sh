# shellcheck shell=bash
# What the chapters are written with. Every helper prints one line; a wrong result is counted and the story goes on.

# keystead …: the command line of this tree (a bundle; `npm ci` made it).
keystead() { node "$here/../../dist/cli/main.mjs" "$@"; }

good=0
bad=0
work=$(mktemp -d)
run=$(date +%s) # in every name, so that the story can be told again on the same data

chapter() { printf '\n%s\n' "$*"; }

ok() {
  good=$((good + 1))
  printf '  ok      %s\n' "$1"
}

wrong() {
  bad=$((bad + 1))
  printf '  WRONG   %s\n' "$1"
  [[ -z ${2:-} ]] || sed 's/^/          /' <<<"$2" | head -n 12
}

# succeeds 'what' command…: exit code 0.
succeeds() {
  local what=$1 output
  shift
  if output=$("$@" 2>&1); then ok "$what"; else wrong "$what" "$output"; fi
}

# gives 'expected' 'what' command…: exactly that on standard output.
gives() {
  local expected=$1 what=$2 output
  shift 2
  output=$("$@" 2>"$work/stderr")
  if [[ $output == "$expected" ]]; then ok "$what"; else wrong "$what" "expected $expected, got $output $(<"$work/stderr")"; fi
}

# refused ErrorCode 'what' command…: a failure with that AWS error code.
refused() {
  local code=$1 what=$2 output
  shift 2
  if output=$("$@" 2>&1); then
    wrong "$what" "expected $code, but it was allowed: $output"
  elif [[ $output == *"($code)"* ]]; then
    ok "$what: $code"
  else
    wrong "$what" "expected $code, got $output"
  fi
}

# equal 'what' a b: two values that must not differ (and not be empty).
equal() {
  if [[ -n $2 && $2 == "$3" ]]; then ok "$1"; else wrong "$1" "expected $2, got $3"; fi
}

# contains 'what' haystack needle
contains() {
  if [[ $2 == *"$3"* ]]; then ok "$1"; else wrong "$1" "no $3 in: ${2:0:600}"; fi
}

# eventually SECONDS 'what' command…: becomes true in time.
eventually() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >"$work/eventually" 2>&1; do
    ((SECONDS < deadline)) || {
      wrong "$what" "$(<"$work/eventually")"
      return 0
    }
    sleep 0.2
  done
  ok "$what"
}

# ask field service operation…: one value of an answer, as text.
ask() {
  local query=$1
  shift
  aws "$@" --query "$query" --output text
}

# as NAME command…: with that user's access key (made by chapter 1).
as() {
  local key=access_key_$1 secret=secret_key_$1
  shift
  AWS_ACCESS_KEY_ID=${!key} AWS_SECRET_ACCESS_KEY=${!secret} "$@"
}

same_bytes() { cmp "$1" "$2"; }

# decoded FILE command…: the base64 answer of a command, as bytes in a file.
decoded() {
  local file=$1
  shift
  "$@" | base64 --decode >"$file"
}

finish() {
  rm -rf "$work"
  printf '\nThe story: %d results as expected, %d wrong, %d seconds\n' "$good" "$bad" "$SECONDS"
  ((bad == 0 && good > 0))
}
