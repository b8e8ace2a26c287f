# Shared by the builds of images, which set $program and source it: publishing a program and building an image of it on a base made from Debian's packages,
# so that no registry is asked for anything. Needs root, the .NET SDK and Debian's buildah and debootstrap. The base is made anew when its
# file in the cache is removed; that is how it gets Debian's updates.
set -euo pipefail
shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvm-agent/base
suite=bookworm
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

say() { printf '%s image: %s\n' "$program" "$*" >&2; }
fail() { say "$*"; exit 1; }

need() {
  local tool
  for tool in dotnet buildah debootstrap; do
    command -v "$tool" >/dev/null || fail "needs $tool: install the package that has it"
  done
  [ "$(id -u)" = 0 ] || fail "debootstrap needs root"
}

# What debian:bookworm-slim is: minbase, without documentation now or later, with the archive's updates.
make_base() {
  local work
  work=$(mktemp -d "$cache/work.XXXXXXXX")
  # shellcheck disable=SC2064 # the directory of now
  trap "rm -rf '$work'" EXIT
  say "making the base, Debian $suite"
  debootstrap --variant=minbase "$suite" "$work/base" "$mirror" >&2
  printf 'deb %s main\n' "$mirror $suite" "$mirror $suite-updates" "${mirror%/*}/debian-security $suite-security" >"$work/base/etc/apt/sources.list"
  printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/man/*' '/usr/share/info/*' '/usr/share/locale/*' >"$work/base/etc/dpkg/dpkg.cfg.d/slim"
  rm -rf "$work"/base/usr/share/{doc,man,info,locale}/* "$work"/base/var/lib/apt/lists/* "$work"/base/var/cache/apt/* \
    "$work"/base/var/log/{apt,bootstrap.log,dpkg.log} "$work"/base/etc/{resolv.conf,hostname}
  tar -C "$work/base" --exclude='./dev/*' -cf "$work/base.tar" .
  mv "$work/base.tar" "$cache/$suite.tar"
}

# The base as an image, named by its content.
import_base() {
  local name container
  name=localhost/kvm-agent-base:$(sha256sum "$cache/$suite.tar" | cut -c1-16)
  if ! buildah inspect --type image "$name" >/dev/null 2>&1; then
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$cache/$suite.tar" / >/dev/null
    buildah commit --quiet --rm "$container" "$name" >/dev/null
  fi
  echo "$name"
}

# build_image PROJECT DOCKERFILE [FILE…] publishes src/PROJECT to artifacts/$program and prints the name of its image,
# localhost/$program:<hash of what is in it>; one that is there is not built again. The FILEs are what else goes into it.
build_image() {
  local project=$1 dockerfile=$2 base name key
  shift 2
  need
  mkdir -p "$cache"
  exec 9>"$cache/lock"
  flock 9 # a second run waits here and then finds the image
  rm -rf "${root:?}/artifacts/$program"
  dotnet publish "$root/src/$project" -c Release -r linux-x64 -o "$root/artifacts/$program" -nologo -v quiet >&2
  [ -e "$cache/$suite.tar" ] || make_base
  base=$(import_base)
  key=$({ echo "$base"; cd "$root" && find "artifacts/$program" "$dockerfile" .dockerignore "$@" -type f | LC_ALL=C sort | xargs sha256sum; } | sha256sum)
  name=localhost/$program:${key:0:16}
  if ! buildah inspect --type image "$name" >/dev/null 2>&1; then
    say "building $name"
    # A chroot, for a build needs no more isolation than that and often has no rights to more.
    buildah bud --isolation chroot --layers --build-arg "BASE=$base" -f "$root/$dockerfile" -t "$name" "$root" >&2
  fi
  echo "$name"
}
