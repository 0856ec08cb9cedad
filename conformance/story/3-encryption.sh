# shellcheck shell=bash
chapter '3. Encrypting, decrypting and data keys'

context=tenant=blue,purpose=story
head -c 4096 /dev/urandom >"$work/4096"
head -c 4097 /dev/urandom >"$work/4097"

decoded "$work/blob" as user ask CiphertextBlob kms encrypt --key-id "$alias" --plaintext "fileb://$work/4096" \
  --encryption-context "$context"
decoded "$work/plain" as user ask Plaintext kms decrypt --ciphertext-blob "fileb://$work/blob" --encryption-context "$context"
succeeds 'encrypt of 4,096 bytes, decrypt with the key found from the blob' same_bytes "$work/4096" "$work/plain"
gives "$key_arn" 'decrypt names the key' \
  as user ask KeyId kms decrypt --ciphertext-blob "fileb://$work/blob" --encryption-context "$context"
refused InvalidCiphertextException 'decrypt with a different context' \
  as user aws kms decrypt --ciphertext-blob "fileb://$work/blob" --encryption-context tenant=red,purpose=story
refused InvalidCiphertextException 'decrypt without the context' as user aws kms decrypt --ciphertext-blob "fileb://$work/blob"
refused ValidationException 'encrypt of 4,097 bytes' as user aws kms encrypt --key-id "$alias" --plaintext "fileb://$work/4097"

decoded "$work/reblob" as user ask CiphertextBlob kms re-encrypt --ciphertext-blob "fileb://$work/blob" \
  --source-encryption-context "$context" --destination-key-id "$other_key" --destination-encryption-context tenant=green
gives "arn:aws:kms:us-east-1:$account:key/$other_key" 're-encrypt to a second key' \
  as user ask KeyId kms decrypt --ciphertext-blob "fileb://$work/reblob" --encryption-context tenant=green
decoded "$work/plain" as user ask Plaintext kms decrypt --ciphertext-blob "fileb://$work/reblob" --encryption-context tenant=green
succeeds 'the same bytes come out of it' same_bytes "$work/4096" "$work/plain"

read -r data_key data_key_blob < <(as user ask '[Plaintext,CiphertextBlob]' kms generate-data-key --key-id "$alias" --key-spec AES_256)
base64 --decode <<<"$data_key_blob" >"$work/data-key-blob"
equal 'generate-data-key gives 32 bytes' 32 "$(base64 --decode <<<"$data_key" | wc -c)"
gives "$data_key" 'its blob decrypts to the same key' \
  as user ask Plaintext kms decrypt --ciphertext-blob "fileb://$work/data-key-blob"
gives None 'generate-data-key-without-plaintext has no plaintext' \
  as user ask Plaintext kms generate-data-key-without-plaintext --key-id "$alias" --key-spec AES_128
decoded "$work/random" ask Plaintext kms generate-random --number-of-bytes 77
equal 'generate-random' 77 "$(wc -c <"$work/random")"
