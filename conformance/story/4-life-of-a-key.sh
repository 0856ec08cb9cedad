# shellcheck shell=bash
chapter '4. Rotation, disabling, deletion'

state_of() { as keeper ask KeyMetadata.KeyState kms describe-key --key-id "$1"; }
material_of() { as keeper ask KeyMetadata.CurrentKeyMaterialId kms describe-key --key-id "$key"; }
rotations() { as keeper ask 'length(Rotations)' kms list-key-rotations --key-id "$key"; }
rotated() { [[ $(rotations) -ge 1 ]]; }

first_material=$(material_of)
succeeds 'rotate-key-on-demand' as keeper aws kms rotate-key-on-demand --key-id "$key"
eventually 10 'list-key-rotations shows it' rotated
gives ON_DEMAND 'as an on-demand rotation' as keeper ask 'Rotations[0].RotationType' kms list-key-rotations --key-id "$key"
second_material=$(material_of)
if [[ $first_material != "$second_material" && ${#second_material} -eq 64 ]]; then
  ok 'describe-key names new material'
else
  wrong 'describe-key names new material' "before $first_material, after $second_material"
fi
decoded "$work/new-blob" as user ask CiphertextBlob kms encrypt --key-id "$key" --plaintext "fileb://$work/secret"
gives "$first_material" 'an old ciphertext decrypts, with the old material' \
  as user ask KeyMaterialId kms decrypt --ciphertext-blob "fileb://$work/by-alias"
gives "$second_material" 'a new one uses the new material' \
  as user ask KeyMaterialId kms decrypt --ciphertext-blob "fileb://$work/new-blob"

gives False 'get-key-rotation-status: off' as keeper ask KeyRotationEnabled kms get-key-rotation-status --key-id "$key"
succeeds 'enable-key-rotation' as keeper aws kms enable-key-rotation --key-id "$key" --rotation-period-in-days 180
gives $'True\t180' 'get-key-rotation-status: on' \
  as keeper ask '[KeyRotationEnabled,RotationPeriodInDays]' kms get-key-rotation-status --key-id "$key"

succeeds 'disable-key' as keeper aws kms disable-key --key-id "$key"
refused DisabledException 'encrypt under a disabled key' as user aws kms encrypt --key-id "$key" --plaintext "fileb://$work/secret"
refused DisabledException 'decrypt under a disabled key' as user aws kms decrypt --ciphertext-blob "fileb://$work/new-blob"
succeeds 'enable-key' as keeper aws kms enable-key --key-id "$key"
succeeds 'encrypt works again' as user aws kms encrypt --key-id "$key" --plaintext "fileb://$work/secret"

for days in 6 31; do
  refused ValidationException "schedule-key-deletion in $days days" \
    as keeper aws kms schedule-key-deletion --key-id "$other_key" --pending-window-in-days "$days"
done
gives PendingDeletion 'schedule-key-deletion in 7 days' \
  as keeper ask KeyState kms schedule-key-deletion --key-id "$other_key" --pending-window-in-days 7
refused KMSInvalidStateException 'encrypt under a key that waits for its deletion' \
  as user aws kms encrypt --key-id "$other_key" --plaintext "fileb://$work/secret"
succeeds 'cancel-key-deletion' as keeper aws kms cancel-key-deletion --key-id "$other_key"
gives Disabled 'the key is then Disabled' state_of "$other_key"
succeeds 'enable-key' as keeper aws kms enable-key --key-id "$other_key"
