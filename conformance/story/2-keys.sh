# shellcheck shell=bash
chapter '2. Keys, aliases and a key policy that names administrator and user'

# new_key DESCRIPTION: made by the key administrator; prints its id.
new_key() {
  as keeper ask KeyMetadata.KeyId kms create-key --description "$1" --tags "TagKey=story,TagValue=$run"
}
key=$(new_key 'the first key of the story')
other_key=$(new_key 'the second key of the story')
equal 'create-key gives a UUID' 36 "${#key}"
key_arn=arn:aws:kms:us-east-1:$account:key/$key
alias=alias/story-$run

succeeds 'create-alias' as keeper aws kms create-alias --alias-name "$alias" --target-key-id "$key"
gives "$key" 'describe-key finds it by the alias' as keeper ask KeyMetadata.KeyId kms describe-key --key-id "$alias"
gives 'the first key of the story' 'describe-key gives the description' \
  as keeper ask KeyMetadata.Description kms describe-key --key-id "$key_arn"
gives $'story\t'"$run" 'list-resource-tags' as keeper ask 'Tags[].[TagKey,TagValue]' kms list-resource-tags --key-id "$key"

# The default policy of the console: the account delegates to IAM, administrators administer, users use.
key_policy() {
  cat <<JSON
{
  "Version": "2012-10-17",
  "Statement": [
    { "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::$account:root" },
      "Action": "kms:*", "Resource": "*" },
    { "Sid": "Allow access for Key Administrators", "Effect": "Allow",
      "Principal": { "AWS": "arn:aws:iam::$account:user/$keeper" },
      "Action": ["kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Revoke*",
                 "kms:Disable*", "kms:Get*", "kms:Delete*", "kms:TagResource", "kms:UntagResource",
                 "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "kms:RotateKeyOnDemand"],
      "Resource": "*" },
    { "Sid": "Allow use of the key", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::$account:user/$user" },
      "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
      "Resource": "*" }
  ]
}
JSON
}
key_policy >"$work/key-policy.json"
for id in "$key" "$other_key"; do
  succeeds 'put-key-policy' as keeper aws kms put-key-policy --key-id "$id" --policy-name default \
    --policy "file://$work/key-policy.json"
done
contains 'get-key-policy gives it back' "$(as keeper ask Policy kms get-key-policy --key-id "$key" --policy-name default)" \
  'Allow use of the key'

printf 'attack at dawn, by %s' "$run" >"$work/secret"
refused AccessDeniedException 'the administrator cannot encrypt' \
  as keeper aws kms encrypt --key-id "$key" --plaintext "fileb://$work/secret"
refused AccessDeniedException 'the user cannot administer' as user aws kms disable-key --key-id "$key"

contains 'list-keys has both' "$(as keeper ask 'Keys[].KeyId' kms list-keys)" "$key"
contains 'list-keys has both' "$(as keeper ask 'Keys[].KeyId' kms list-keys)" "$other_key"
gives "$key" 'list-aliases' as keeper ask "Aliases[?AliasName=='$alias'].TargetKeyId" kms list-aliases

# Code that uses the alias goes on when the alias moves to another key.
decoded "$work/by-alias" as user ask CiphertextBlob kms encrypt --key-id "$alias" --plaintext "fileb://$work/secret"
succeeds 'update-alias to another key' as keeper aws kms update-alias --alias-name "$alias" --target-key-id "$other_key"
gives "arn:aws:kms:us-east-1:$account:key/$other_key" 'the same code now encrypts under the other key' \
  as user ask KeyId kms encrypt --key-id "$alias" --plaintext "fileb://$work/secret"
decoded "$work/plain" as user ask Plaintext kms decrypt --ciphertext-blob "fileb://$work/by-alias"
succeeds 'what was encrypted before still decrypts' same_bytes "$work/secret" "$work/plain"
succeeds 'update-alias back' as keeper aws kms update-alias --alias-name "$alias" --target-key-id "$key"
