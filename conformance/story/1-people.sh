# shellcheck shell=bash
chapter '1. A key administrator and a key user, each with the rights their policies give and no others'

account=$(ask Account sts get-caller-identity)
equal 'the first administrator is in account 000000000000' 000000000000 "$account"

keeper=keeper-$run # the key administrator
user=user-$run     # the key user
group=administrators-$run

succeeds 'create-user: the key administrator' aws iam create-user --user-name "$keeper"
succeeds 'create-user: the key user' aws iam create-user --user-name "$user"
succeeds 'create-group' aws iam create-group --group-name "$group"
succeeds 'add-user-to-group' aws iam add-user-to-group --group-name "$group" --user-name "$keeper"

cat >"$work/administer.json" <<'JSON'
{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Action": ["kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Disable*",
               "kms:Get*", "kms:Delete*", "kms:TagResource", "kms:UntagResource", "kms:ScheduleKeyDeletion",
               "kms:CancelKeyDeletion", "kms:RotateKeyOnDemand"],
    "Resource": "*"
  }]
}
JSON
cat >"$work/look.json" <<'JSON'
{ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "kms:ListAliases", "Resource": "*" }] }
JSON
policy=$(ask Policy.Arn iam create-policy --policy-name "administer-$run" --policy-document "file://$work/administer.json")
equal 'create-policy' "arn:aws:iam::$account:policy/administer-$run" "$policy"
succeeds 'attach-group-policy' aws iam attach-group-policy --group-name "$group" --policy-arn "$policy"
succeeds 'put-user-policy' aws iam put-user-policy --user-name "$user" --policy-name look --policy-document "file://$work/look.json"

# new_access_key NAME USER: the variables that `as NAME` reads.
new_access_key() {
  local pair
  pair=$(ask 'AccessKey.[AccessKeyId,SecretAccessKey]' iam create-access-key --user-name "$2")
  read -r "access_key_$1" "secret_key_$1" <<<"$pair"
}
access_key_keeper='' secret_key_keeper='' access_key_user='' secret_key_user=''
new_access_key keeper "$keeper"
new_access_key user "$user"

gives "arn:aws:iam::$account:user/$keeper" 'the access key is the key administrator' as keeper ask Arn sts get-caller-identity
gives "arn:aws:iam::$account:user/$user" 'the access key is the key user' as user ask Arn sts get-caller-identity
succeeds 'the administrator may list keys' as keeper aws kms list-keys
succeeds 'the user may list aliases' as user aws kms list-aliases
refused AccessDeniedException 'the user may not create a key' as user aws kms create-key
refused AccessDeniedException 'the user may not list keys' as user aws kms list-keys
refused AccessDenied 'the administrator of keys is none of people' as keeper aws iam list-users
