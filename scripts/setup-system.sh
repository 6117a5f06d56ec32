#!/usr/bin/env bash
# Installs the Debian 12 programs that some tests run: PostgreSQL 15, PgBouncer, MariaDB, SQLite, Alembic,
# a C compiler with libpq; and unpacks MySQL, which Debian 12 does not have (install-mysql.sh).
# Starts no service and takes no port. Quick and silent when everything is there.
# Where it cannot install, it says what will be skipped and succeeds; with CI=true or REQUIRE_ALL=1 it fails.
set -euo pipefail

# package : a file that proves it is installed
wanted=(
  postgresql-15:/usr/lib/postgresql/15/bin/postgres
  postgresql-client-15:/usr/lib/postgresql/15/bin/psql
  pgbouncer:/usr/sbin/pgbouncer
  mariadb-server:/usr/sbin/mariadbd
  mariadb-client:/usr/bin/mariadb
  sqlite3:/usr/bin/sqlite3
  alembic:/usr/bin/alembic
  openssl:/usr/bin/openssl
  gcc:/usr/bin/gcc
  libc6-dev:/usr/include/stdio.h
  libpq-dev:/usr/include/postgresql/libpq-fe.h
)
policy=/usr/sbin/policy-rc.d
dropin=/etc/postgresql-common/createcluster.d/zz-tenantry-setup.conf
log=
without_mysql=
wrote_policy=
wrote_dropin=

missing_packages() {
  local entry
  for entry in "${wanted[@]}"; do
    [ -e "${entry#*:}" ] || printf '%s ' "${entry%%:*}"
  done
}

# Succeeds unless everything is required: the tests then name what they skipped.
give_up() {
  printf 'Not installed: %s\n%s\n' "$(missing_packages)${without_mysql}" "$1"
  if [ "${CI:-}" = true ] || [ "${REQUIRE_ALL:-}" = 1 ]; then
    echo 'CI=true or REQUIRE_ALL=1 is set, so this is a failure.'
    exit 1
  fi
  echo 'The tests that need them are skipped. Enable them: sudo npm run setup:system'
  exit 0
}

# All that is left to do when the packages are there.
finish() {
  [ -z "$without_mysql" ] || give_up 'Why is said above.'
  exit 0
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Leaves the host's configuration as it was found, also after a failure or Ctrl-C.
tidy() {
  if [ -n "$wrote_policy" ]; then as_root rm -f "$policy"; fi
  if [ -n "$wrote_dropin" ]; then
    as_root rm -f "$dropin"
    as_root rmdir --ignore-fail-on-non-empty -p "$(dirname "$dropin")"
  fi
  if [ -n "$log" ]; then rm -f "$log"; fi
}

# Package scripts ask policy-rc.d before they start a service: 101 means "not here".
forbid_services() {
  if ! as_root test -e "$policy"; then
    wrote_policy=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  wrote_dropin=yes
  as_root mkdir -p "$(dirname "$dropin")"
  echo 'create_main_cluster = false' | as_root tee "$dropin" >/dev/null
}

install() {
  # A list that cannot be refreshed (another repository is down) does not yet mean that nothing can be installed.
  as_root apt-get -o DPkg::Lock::Timeout=120 update || echo 'apt-get update failed'
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@"
}

bash "$(dirname "$0")/install-mysql.sh" || without_mysql=mysql

# shellcheck disable=SC2046 # package names hold no spaces
set -- $(missing_packages)
[ $# -gt 0 ] || finish

# shellcheck source=/dev/null
os=$(. /etc/os-release 2>/dev/null && echo "${ID:-}-${VERSION_ID:-}") || os=unknown
[ "$os" = debian-12 ] || give_up "They are installed by themselves on Debian 12 only; this is ${os}."
if [ "$(id -u)" != 0 ] && ! { command -v sudo && sudo -n true; } >/dev/null 2>&1; then
  give_up 'Installing them needs root, or sudo without a password.'
fi

trap tidy EXIT
trap 'exit 130' INT TERM
log=$(mktemp)
echo "Installing: $*"
forbid_services
if ! install "$@" >"$log" 2>&1; then
  tail -n 15 "$log"
  give_up 'apt-get could not install them; its last lines are above.'
fi
case " $* " in
  # Not at the next boot either: its port would be 6432.
  *' pgbouncer '*) as_root update-rc.d pgbouncer disable >/dev/null 2>&1 || echo 'Note: pgbouncer may start at the next boot.' ;;
esac
still=$(missing_packages)
[ -z "$still" ] || give_up 'apt-get succeeded, yet the programs are not where they should be.'
finish
