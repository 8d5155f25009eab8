#!/usr/bin/env bash
# images.sh [NAME...]: builds the images of the cluster test without an engine and without a registry, and prints the path
# of an archive for each (docker-archive, for `ctr images import`). NAME: flyball, redis, postgres, prometheus, client; all when
# none is given.
#
# debootstrap makes the base that the Dockerfiles name, debian:trixie-slim; buildah builds on it, the project's own
# Dockerfile unchanged. Archives lie in $FLYBALL_CACHE (~/.cache/flyball)/images, named by the content of what went in;
# buildah's layers and the compiler's cache lie beside them, so a changed source costs what changed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${FLYBALL_CACHE:-$HOME/.cache/flyball}/images
suite=trixie
mkdir -p "$cache/tmp"
exec 9>"$cache/.lock"
flock 9

tell() { echo "images: $*" >&2; }

run_buildah() {
  TMPDIR=$cache/tmp buildah --root "$cache/storage" --runroot "$cache/run" --storage-driver overlay "$@"
}

# quietly NAME COMMAND...: its output only when it fails.
quietly() {
  local log=$cache/$1.log begin=$SECONDS
  "${@:2}" >"$log" 2>&1 || { tail -n 60 "$log" >&2; tell "building $1 failed; all of it is in $log"; exit 1; }
  tell "built $1 in $((SECONDS - begin)) s"
}

# As Debian's own slim image: no documentation.
bootstrap() {
  local tree=$cache/tmp/$suite
  rm -rf "$tree"
  debootstrap --variant=minbase $suite "$tree"
  printf 'path-exclude /usr/share/%s/*\n' doc man locale info >"$tree/etc/dpkg/dpkg.cfg.d/docker"
  rm -rf "$tree"/usr/share/{doc,man,locale,info}/* "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*.bin \
    "$tree"/var/cache/apt/archives/*.deb "$tree"/var/log/*.log
  tar -C "$tree" -cf "$cache/tmp/base.tar" .
  rm -rf "$tree"
  mv "$cache/tmp/base.tar" "$cache/$suite.tar"
}

has_base() { run_buildah images -q "docker.io/library/debian:$suite-slim" >/dev/null 2>&1; }

import_base() {
  mkdir -p "$cache/tmp/base"
  ln -f "$cache/$suite.tar" "$cache/tmp/base/base.tar"
  printf 'FROM scratch\nADD base.tar /\nCMD ["bash"]\n' >"$cache/tmp/base/Dockerfile"
  run_buildah bud --isolation chroot -t "docker.io/library/debian:$suite-slim" "$cache/tmp/base"
}

# The digest of everything that goes into an image.
content() {
  (cd "$1" && git ls-files -z -co --exclude-standard -- "${@:2}" | LC_ALL=C sort -z | xargs -0 sha256sum) |
    sha256sum | cut -c1-16
}

# build NAME FOLDER DOCKERFILE FILES...: the archive's path on standard output.
build() {
  local name=$1 folder=$2 file=$3 archive
  archive=$cache/$name-$(content "$folder" "${@:4}").tar
  if [ ! -f "$archive" ]; then
    [ -f "$cache/$suite.tar" ] || quietly base bootstrap
    has_base || quietly import import_base
    quietly "$name" run_buildah bud --isolation chroot --layers --pull-never -f "$folder/$file" -t "flyball.test/$name:1" "$folder"
    rm -f "$cache/$name"-*.tar
    run_buildah push -q "flyball.test/$name:1" "docker-archive:$archive.new:flyball.test/$name:1" >&2
    mv "$archive.new" "$archive"
  fi
  echo "$archive"
}

[ $# -gt 0 ] || set -- flyball redis postgres prometheus client
for name in "$@"; do
  case $name in
    flyball) build flyball "$root" Dockerfile Dockerfile .dockerignore CMakeLists.txt CMakePresets.json cmake cmd pkg manifests/image ;;
    redis | postgres | prometheus | client) build "$name" "$here/images" "Dockerfile.$name" "Dockerfile.$name" ;;
    *) echo "images.sh: '$name' is none of flyball, redis, postgres, prometheus, client" >&2; exit 2 ;;
  esac
done
