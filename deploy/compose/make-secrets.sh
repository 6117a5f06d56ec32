#!/bin/sh
# Makes the secrets of compose.yaml, each in a file of its own under secrets/. Files that exist stay as they are.
# The files are readable by the containers' users; the directory is readable by you alone.
set -eu
directory=${1:-secrets}

write() {
  if [ -e "$directory/$1" ]; then
    echo "$directory/$1 exists"
  else
    cat >"$directory/$1.next"
    mv "$directory/$1.next" "$directory/$1"
  fi
}

mkdir -p "$directory"
chmod 700 "$directory"
umask 022
for name in control-password tenants-password tenantry-password migrator-password; do
  head -c 24 /dev/urandom | base64 | tr -d '/+=\n' | write "$name"
done
printf 'postgres://tenantry:%s@control:5432/tenantry' "$(cat "$directory/tenantry-password")" | write control-url
