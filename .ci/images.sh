# shellcheck shell=bash
# The images that the tests and deploy/ name, made without an image registry: from this machine's own apt mirror and Node.
# An image that is there already (pulled by a person, or kept from the last run) is used as it is.
# A sourced file: needs `say` and `fail` of lib.sh.

readonly DEBIAN_RELEASE=bookworm
readonly DEBIAN_IMAGE=keystead-ci/debian:$DEBIAN_RELEASE
readonly NODE_IMAGE=node:20-bookworm-slim
readonly POSTGRES_IMAGE=${KEYSTEAD_POSTGRES_IMAGE:-postgres:17}
readonly MINIO_IMAGE=minio/minio:latest
readonly MINIO_MODULE=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c # MinIO's last version; it ships source only

cache=${KEYSTEAD_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/keystead}
recipes=$(cd "$(dirname "${BASH_SOURCE[0]}")/images" && pwd)

# has_image NAME [RECIPE]: it is there, and if we made it, then by this recipe.
has_image() {
  local made_by
  made_by=$(docker image inspect --format '{{index .Config.Labels "keystead.recipe"}}' "$1" 2>/dev/null) || return 1
  [[ -z $made_by || $made_by == "${2:-}" ]]
}

# recipe_of FILE… [TEXT]: what an image is made from, as a short hash.
recipe_of() {
  local part
  for part in "$@"; do if [[ -f $part ]]; then cat "$part"; else echo "$part"; fi; done | sha256sum | head -c 16
}

# docker_build NAME RECIPE options…: the classic builder, which every engine has, while BuildKit's plug-in is not always there.
docker_build() {
  local name=$1 recipe=$2
  shift 2
  DOCKER_BUILDKIT=0 docker build --quiet --label "keystead.recipe=$recipe" --tag "$name" "$@" >/dev/null ||
    fail "the image $name did not build"
}

# The first mirror of this machine's apt sources that carries the release. Asked at run time: no file names a host.
debian_mirror() {
  # awk reads to the end: a pipe closed early would fail the whole line under pipefail.
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v release="$(. /etc/os-release && echo "$VERSION_CODENAME")" \
      '$2 == release && $3 == "main" && !found { print $1; found = 1 }'
}

debian_image() {
  has_image "$DEBIAN_IMAGE" && return
  local mirror root
  mirror=$(debian_mirror)
  [[ -n $mirror ]] || fail "no apt mirror found in this machine's sources: the base image needs Debian's packages"
  root=$(mktemp -d)
  nice debootstrap --variant=minbase --include=libstdc++6 "$DEBIAN_RELEASE" "$root" "$mirror" >"$logs/debootstrap.log" 2>&1 ||
    fail "debootstrap could not build the base image; the end of its log: $(tail -n 3 "$logs/debootstrap.log")"
  rm -rf "$root"/var/cache/apt/archives/*.deb
  tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$DEBIAN_IMAGE" >/dev/null
  rm -rf "$root"
}

# Debian's own Node.js is 18; the machine's is the one that npm ci and the tests run on.
node_image() {
  local context npm recipe
  recipe=$(recipe_of "$recipes/node.Dockerfile" "$(node --version)")
  has_image "$NODE_IMAGE" "$recipe" && return
  context=$(mktemp -d)
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  cp "$(readlink -f "$(command -v node)")" "$context/node"
  cp -r "$npm" "$context/npm"
  docker_build "$NODE_IMAGE" "$recipe" -f "$recipes/node.Dockerfile" "$context"
  rm -rf "$context"
}

postgres_image() {
  local recipe
  recipe=$(recipe_of "$recipes/postgres.Dockerfile" "$recipes/postgres-entrypoint.sh")
  has_image "$POSTGRES_IMAGE" "$recipe" && return
  docker_build "$POSTGRES_IMAGE" "$recipe" --network host -f "$recipes/postgres.Dockerfile" "$recipes"
}

# Three to five minutes on two cores: kept outside the tree, where the machine keeps it.
minio_binary() {
  local kept="$cache/minio-${MINIO_MODULE##*@}"
  if [[ ! -x $kept ]]; then
    mkdir -p "$cache"
    GOBIN=$cache/build CGO_ENABLED=0 nice go install "$MINIO_MODULE" >"$logs/minio.log" 2>&1 || return 1
    mv "$cache/build/minio" "$kept"
  fi
  echo "$kept"
}

minio_image() {
  local context binary recipe
  recipe=$(recipe_of "$recipes/minio.Dockerfile" "$MINIO_MODULE")
  has_image "$MINIO_IMAGE" "$recipe" && return
  binary=$(minio_binary) || fail "MinIO did not compile; the end of its log: $(tail -n 3 "$logs/minio.log")"
  context=$(mktemp -d)
  cp "$binary" "$context/minio"
  docker_build "$MINIO_IMAGE" "$recipe" -f "$recipes/minio.Dockerfile" "$context"
  rm -rf "$context"
}
