#!/usr/bin/env bash
# Unpacks MySQL for the tests: its newest packages in Debian (sid: no stable release has any), with every library that
# they need, libc included, into a directory of their own. Nothing of the system is touched or used, and no right is
# needed. Signed index, checked packages. Quick and silent when it is there; remove the directory to get a newer one.
# Prints why and fails where it cannot.
set -euo pipefail

archive=${DEBIAN_ARCHIVE:-http://deb.debian.org/debian}
release=sid
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
helper=/usr/lib/apt/apt-helper
programs=(mysqld mysql mysqldump)

# What root installs, all may use: the tests' servers run as nobody. They look in both places.
shared=/var/cache/tenantry/mysql
own=${HOME:-/nonexistent}/.cache/tenantry/mysql
if [ "$(id -u)" = 0 ]; then target=$shared; else target=$own; fi

complete() {
  local program
  for program in "${programs[@]}"; do
    [ -x "$1/bin/$program" ] || return 1
  done
}

fail() {
  printf 'MySQL cannot be had: %s\n' "$*" >&2
  exit 1
}

# URL path, file, its checksum
download() {
  # As whoever runs this: the archive's own user could not write here.
  "$helper" -qq -o APT::Sandbox::User="$(id -un)" download-file "$archive/$1" "$2" ${3:+"SHA256:$3"} ||
    fail "$archive/$1 cannot be downloaded, or is not what its index says. Its error is above."
}

# The packages' index, of the release that Debian signed.
fetch_index() {
  download "dists/$release/InRelease" "$work/InRelease"
  gpgv --quiet --keyring "$keyring" --output "$work/Release" "$work/InRelease" 2>"$work/gpgv" ||
    fail "Debian's signature on $archive/dists/$release/InRelease is not good: $(cat "$work/gpgv")"
  local name=main/binary-$arch/Packages.xz sum
  sum=$(awk -v name="$name" '/^SHA256:/ { on = 1; next } /^[^ ]/ { on = 0 } on && $3 == name { print $1 }' "$work/Release")
  [ -n "$sum" ] || fail "$archive/dists/$release has no index of packages for $arch."
  download "dists/$release/main/binary-$arch/by-hash/SHA256/$sum" "$work/Packages.xz" "$sum"
}

# `package version file checksum` of the programs' packages and of all the libraries that they depend on. Of what is
# no library (perl, debconf) their programs need nothing to run. The first of several alternatives is the one taken.
resolve() {
  "$helper" cat-file "$work/Packages.xz" | awk -v wanted='mysql-server-core mysql-client-core libc6' '
    BEGIN { RS = ""; FS = "\n" }
    {
      split("", field)
      for (i = 1; i <= NF; i++) if ((at = index($i, ": "))) field[substr($i, 1, at - 1)] = substr($i, at + 2)
      name = field["Package"]
      section[name] = field["Section"]
      depends[name] = field["Depends"] ", " field["Pre-Depends"]
      line[name] = name " " field["Version"] " " field["Filename"] " " field["SHA256"]
      count = split(field["Provides"], provided, /, */)
      for (i = 1; i <= count; i++) { sub(/ .*/, "", provided[i]); provider[provided[i]] = name }
    }
    END {
      todo = split(wanted, queue, " ")
      for (i = 1; i <= todo; i++) seen[queue[i]] = 1
      for (i = 1; i <= todo; i++) {
        name = queue[i]
        if (!(name in line)) { print "missing " name; continue }
        print line[name]
        count = split(depends[name], needs, /, */)
        for (j = 1; j <= count; j++) {
          need = needs[j]
          sub(/[ :|].*/, "", need)
          if (!(need in line) && need in provider) need = provider[need]
          if (need == "" || need in seen || need in section && section[need] != "libs") continue
          seen[need] = 1
          queue[++todo] = need
        }
      }
    }'
}

# Programs that run by the loader and with the libraries of this tree only.
write_wrappers() {
  local loader program directory
  loader=$(cd "$tree" && find usr -name 'ld-linux-*.so.*' -print -quit)
  [ -n "$loader" ] || fail "there is no loader in Debian's libc6."
  directory=$(dirname "$(cd "$tree" && find usr -name 'libc.so.6' -print -quit)")
  mkdir "$tree/bin"
  for program in "${programs[@]}"; do
    local file
    file=$(cd "$tree" && find usr/sbin usr/bin -name "$program" -type f -print -quit)
    [ -n "$file" ] || fail "there is no $program in its packages."
    printf '#!/bin/sh\nset -e\ntree=${0%%/bin/*}\nexec "$tree/%s" --library-path "$tree/%s" "$tree/%s" "$@"\n' \
      "$loader" "$directory" "$file" >"$tree/bin/$program"
    chmod 755 "$tree/bin/$program"
  done
}

if complete "$shared" || complete "$own"; then exit 0; fi

for needed in "$helper" "$keyring" /usr/bin/gpgv /usr/bin/dpkg-deb; do
  [ -e "$needed" ] || fail "$needed is not there; it is part of every Debian and Ubuntu (packages apt, gpgv, dpkg, debian-archive-keyring)."
done
arch=$(dpkg --print-architecture)

umask 022
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
tree=$work/tree
mkdir "$tree"
chmod 755 "$work"

fetch_index
resolve >"$work/packages"
missing=$(awk '$1 == "missing" { print $2 }' "$work/packages")
[ -z "$missing" ] || fail "Debian $release for $arch has no" $missing
while read -r package version file sum; do
  download "$file" "$work/package.deb" "$sum"
  dpkg-deb -x "$work/package.deb" "$tree" || fail "$package $version cannot be unpacked."
  rm "$work/package.deb"
  [ "$package" != mysql-server-core ] || taken=$version
done <"$work/packages"
write_wrappers
for program in "${programs[@]}"; do
  "$tree/bin/$program" --no-defaults --version >/dev/null ||
    fail "$program $taken of Debian $release does not run on this machine (kernel $(uname -r))."
done
rm -rf "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/usr/share/locale"
# Another run may have been faster.
mv -T "$tree" "$target" 2>/dev/null || complete "$target" || fail "$target cannot be written."
echo "Installed: MySQL $taken ($arch, of Debian $release) with $(wc -l <"$work/packages") packages in $target"
