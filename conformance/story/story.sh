#!/usr/bin/env bash
# What Keystead promises, told with the unchanged `aws` CLI. Start the product (`npm start`), then in another shell:
#
#   source .keystead/env && conformance/story/story.sh --data .keystead
#
# Options: --data DIR (where to look for what the backend keeps; default .keystead), --only N (one chapter, repeatable; chapters
# build on 1 and 2, which are then told as well), --backend-s3 URL (the backend is an S3 store there, not a directory; its
# credentials in BACKEND_ACCESS_KEY_ID and BACKEND_SECRET_ACCESS_KEY). Exits with 1 when any result was wrong.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
data=.keystead
only=()
backend_s3=
while (($# > 0)); do
  case $1 in
    --data) data=$2 ;;
    --only) only+=("$2") ;;
    --backend-s3) backend_s3=$2 ;;
    *) echo "story.sh: unknown option $1" >&2; exit 64 ;;
  esac
  shift 2
done

: "${AWS_ENDPOINT_URL:?source the env file of the data folder first}"
export AWS_PAGER='' AWS_MAX_ATTEMPTS=1 AWS_EC2_METADATA_DISABLED=true
# Not the machine's own configuration: only what `env` says.
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
# AWS_CA_BUNDLE stays for `up --tls`; for plain HTTP it is not looked at.

# shellcheck source=lib.sh
source "$here/lib.sh"
trap 'jobs -p | xargs -r kill 2>/dev/null' EXIT

for file in "$here"/[1-7]-*.sh; do
  number=$(basename "$file")
  number=${number%%-*}
  if ((${#only[@]} == 0 || number <= 2)) || [[ " ${only[*]} " == *" $number "* ]]; then source "$file"; fi
done

finish
