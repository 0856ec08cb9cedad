# shellcheck shell=bash
chapter '6. The log'

# events ATTRIBUTE VALUE: the events themselves, one JSON document a line. The administrator's own records are in it at once.
events() {
  aws cloudtrail lookup-events --lookup-attributes "AttributeKey=$1,AttributeValue=$2" --query 'Events[].CloudTrailEvent' \
    --output json | node -e 'for (const event of JSON.parse(require("fs").readFileSync(0))) console.log(event)'
}
# event_with JS-CONDITION ATTRIBUTE VALUE: there is an event `e` of which it holds.
event_with() {
  events "$2" "$3" | node -e '
    const holds = new Function("e", `return (${process.argv[1]})`);
    const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
    process.exit(lines.some((line) => { try { return holds(JSON.parse(line)); } catch { return false; } }) ? 0 : 1);
  ' "$1"
}

by_name=(CreateUser CreateGroup AddUserToGroup CreatePolicy AttachGroupPolicy PutUserPolicy CreateAccessKey GetCallerIdentity
  CreateKey CreateAlias UpdateAlias DescribeKey ListResourceTags PutKeyPolicy GetKeyPolicy ListKeys ListAliases
  Encrypt Decrypt ReEncrypt GenerateDataKey GenerateDataKeyWithoutPlaintext GenerateRandom
  RotateKeyOnDemand ListKeyRotations EnableKeyRotation GetKeyRotationStatus DisableKey EnableKey ScheduleKeyDeletion
  CancelKeyDeletion CreateBucket)
for name in "${by_name[@]}"; do
  eventually 5 "lookup-events by name: $name" event_with "e.eventName === '$name'" EventName "$name"
done

eventually 5 'by user: what the key administrator did' \
  event_with "e.eventName === 'DisableKey' && e.userIdentity.userName === '$keeper'" Username "$keeper"
eventually 5 'by resource: what was done to the key' event_with "e.eventName === 'PutKeyPolicy'" ResourceName "$key_arn"
eventually 5 'with principal, request parameters and encryption context' event_with "
    e.userIdentity.arn === 'arn:aws:iam::$account:user/$user' && e.userIdentity.accessKeyId === '$access_key_user' &&
    e.requestParameters.encryptionContext.tenant === 'blue' && e.recipientAccountId === '$account' &&
    e.resources.some(({ ARN }) => ARN === '$key_arn')" Username "$user"
eventually 5 'with the error code of what failed' event_with "e.errorCode === 'InvalidCiphertextException'" Username "$user"
eventually 5 'with what was denied' event_with "e.eventName === 'CreateKey' && e.errorCode === 'AccessDenied'" Username "$user"
eventually 5 'the data keys made for S3, with the object as context' event_with "
    ['GenerateDataKey', 'Encrypt'].includes(e.eventName) &&
    e.requestParameters.encryptionContext['aws:s3:arn'].startsWith('arn:aws:s3:::$bucket')" ResourceName "$key_arn"

for attribute in "Username=$user" "Username=$keeper" "EventSource=kms.amazonaws.com" "EventSource=iam.amazonaws.com"; do
  events "${attribute%%=*}" "${attribute#*=}"
done >"$work/events"
leaks=0
for secret in "$(<"$work/secret")" "$(base64 -w0 "$work/secret")" "$data_key" "$data_key_blob" "$secret_key_user" "$secret_key_keeper" \
  "$(base64 -w0 "$work/4096" | head -c 200)" "$marker"; do
  [[ -n $secret ]] && grep -qF -- "$secret" "$work/events" && leaks=$((leaks + 1))
done
if ((leaks == 0)) && [[ -s $work/events ]]; then ok 'never a plaintext, a key or a secret'; else wrong 'never a plaintext, a key or a secret' "$leaks found"; fi

object_calls() { keystead audit search --data "$data" --name "$1" --json | grep -F "$bucket"; }
for name in PutObject GetObject CompleteMultipartUpload; do
  eventually 5 "keystead audit search shows $name" object_calls "$name"
done
