# shellcheck shell=bash
chapter '5. Objects under a key of KMS'

bucket=story-$run
# Recognisable text, so that the backend can be searched for it.
marker="plaintext of story $run;"
mkdir -p "$work/up" "$work/down"
: >"$work/up/0"
printf x >"$work/up/1"
yes "$marker" | head -c $((5 << 20)) >"$work/up/5MiB"
yes "$marker" | head -c $((100 << 20)) >"$work/up/100MiB"

head_of() { ask "$1" s3api head-object --bucket "$bucket" --key "$2"; }
size_in_listing() { aws s3 ls "s3://$bucket/" | awk -v name="$1" '$4 == name { print $3 }'; }

succeeds 's3 mb' aws s3 mb "s3://$bucket"
for name in 0 1 5MiB 100MiB; do
  size=$(stat -c %s "$work/up/$name")
  succeeds "s3 cp of $size bytes with --sse aws:kms" \
    aws s3 cp --only-show-errors --sse aws:kms --sse-kms-key-id "$alias" "$work/up/$name" "s3://$bucket/$name"
  gives $'aws:kms\t'"$key_arn" '  encrypted under the key of the alias' head_of '[ServerSideEncryption,SSEKMSKeyId]' "$name"
  gives "$size" '  s3 ls shows its size' size_in_listing "$name"
  succeeds '  s3 cp back' aws s3 cp --only-show-errors "s3://$bucket/$name" "$work/down/$name"
  succeeds '  byte-identical' same_bytes "$work/up/$name" "$work/down/$name"
done
contains 'the 100 MiB came as a multipart upload' "$(head_of ETag 100MiB)" '-'

succeeds 'get-object --range' \
  aws s3api get-object --bucket "$bucket" --key 100MiB --range bytes=10485700-10485830 "$work/down/range"
tail -c +10485701 "$work/up/100MiB" | head -c 131 >"$work/up/range"
succeeds '  exactly those bytes' same_bytes "$work/up/range" "$work/down/range"

succeeds 's3 cp without a header' aws s3 cp --only-show-errors "$work/up/5MiB" "s3://$bucket/plain"
gives $'AES256\tNone' '  is encrypted under a key of the service' head_of '[ServerSideEncryption,SSEKMSKeyId]' plain

# What the backend holds, in a folder of its own: the directory, or a copy of the S3 store.
backend=$data/objects
if [[ -n $backend_s3 ]]; then
  backend=$work/backend
  mkdir "$backend"
  from_backend() {
    AWS_ENDPOINT_URL=$backend_s3 AWS_ACCESS_KEY_ID=$BACKEND_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY=$BACKEND_SECRET_ACCESS_KEY "$@"
  }
  for name in $(from_backend ask 'Buckets[].Name' s3api list-buckets); do
    from_backend aws s3 cp --only-show-errors --recursive "s3://$name" "$backend/$name"
  done
fi
stored=$(du -sb "$backend" | cut -f1)
if ((stored > 110 << 20)); then ok 'the backend holds the objects'; else wrong 'the backend holds the objects' "$stored bytes in $backend"; fi
if grep -rqF "$marker" "$backend"; then wrong 'nothing readable is in the backend'; else ok 'nothing readable is in the backend'; fi
if grep -rqF "$key" "$backend"; then
  ok 'the wrapped data key lies beside the object'
else
  wrong 'the wrapped data key lies beside the object' "no file in $backend names key $key"
fi

get_small() { aws s3api get-object --bucket "$bucket" --key 1 "$work/down/again"; }
succeeds 'disable-key' as keeper aws kms disable-key --key-id "$key"
refused KMS.DisabledException 'a GET under a disabled key' get_small
refused KMS.DisabledException 'a PUT under a disabled key' aws s3api put-object --bucket "$bucket" --key refused \
  --body "$work/up/1" --server-side-encryption aws:kms --ssekms-key-id "$alias"
succeeds 'enable-key' as keeper aws kms enable-key --key-id "$key"
succeeds 'the GET works again' get_small
