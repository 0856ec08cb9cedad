# shellcheck shell=bash
chapter '7. Every service killed with kill -9 in the middle: it comes back, and nothing acknowledged is lost'

# pid_of SERVICE: of this installation only, known by the folder of its certificates.
folder=$(realpath "$data")
pid_of() {
  local pid
  [[ $1 != postgres ]] || { head -n 1 "$folder/postgres/data/postmaster.pid" && return; }
  for pid in $(pgrep -f "$1/main.mjs"); do
    if grep -qzF "KEYSTEAD_TLS_DIR=$folder/" "/proc/$pid/environ" 2>/dev/null; then echo "$pid"; fi
  done
}

# Works until it is told to stop, and notes what was acknowledged.
work_on() {
  local i=0
  while [[ ! -e $work/stop ]]; do
    i=$((i + 1))
    as keeper aws kms create-alias --alias-name "alias/kept-$run-$i" --target-key-id "$key" >/dev/null 2>&1 &&
      echo "alias/kept-$run-$i" >>"$work/kept-aliases"
    aws s3api put-object --bucket "$bucket" --key "kept-$i" --body "$work/up/1" --server-side-encryption aws:kms \
      --ssekms-key-id "$alias" >/dev/null 2>&1 && echo "kept-$i" >>"$work/kept-objects"
  done
}

everything_works() {
  as user aws kms encrypt --key-id "$alias" --plaintext "fileb://$work/secret" &&
    aws s3api put-object --bucket "$bucket" --key alive --body "$work/up/1" --server-side-encryption aws:kms &&
    aws s3api get-object --bucket "$bucket" --key alive "$work/down/alive" && aws iam get-user --user-name "$user" &&
    aws cloudtrail lookup-events --max-results 1
}

[[ -n ${bucket:-} ]] || wrong 'chapter 7 needs chapter 5'
: >"$work/kept-aliases"
: >"$work/kept-objects"
rm -f "$work/stop"
work_on &
worker=$!
for service in hsm-service kms-service iam-service audit-service object-store-gateway edge postgres; do
  sleep 1
  before=$(pid_of "$service")
  if [[ -z $before ]]; then
    wrong "$service runs"
    continue
  fi
  kill -9 "$before"
  back() {
    local now
    now=$(pid_of "$service") && [[ -n $now && $now != "$before" ]] && everything_works
  }
  eventually 30 "$service was killed and everything works again" back
done
touch "$work/stop"
wait "$worker"

aliases=$(as keeper ask "Aliases[].[AliasName]" kms list-aliases)
lost=$(grep -vxF -f <(echo "$aliases") "$work/kept-aliases")
if [[ -s $work/kept-aliases && -z $lost ]]; then
  ok "every acknowledged alias is there ($(wc -l <"$work/kept-aliases"))"
else
  wrong 'every acknowledged alias is there' "lost: $lost"
fi
lost=''
while read -r name; do
  aws s3api get-object --bucket "$bucket" --key "$name" "$work/down/kept" >/dev/null 2>&1 &&
    same_bytes "$work/up/1" "$work/down/kept" || lost+=" $name"
done <"$work/kept-objects"
if [[ -s $work/kept-objects && -z $lost ]]; then
  ok "every acknowledged object is there ($(wc -l <"$work/kept-objects"))"
else
  wrong 'every acknowledged object is there' "lost:$lost"
fi
logged=$(events EventName CreateAlias)
lost=$(while read -r name; do grep -qF "\"$name\"" <<<"$logged" || echo "$name"; done <"$work/kept-aliases")
if [[ -z $lost ]]; then ok 'every acknowledged change is in the log'; else wrong 'every acknowledged change is in the log' "missing: $lost"; fi
succeeds 'keystead audit verify: the log is whole' keystead audit verify --data "$data"
