#!/usr/bin/env bash
# Runs a command with a PostgreSQL of its own, whose URL is in OIDCSSO_POSTGRES: on a free port of loopback, in a directory
# that is removed afterwards. It installs nothing.
#
#   postgres.sh COMMAND...
#
# PGBIN names the directory of initdb and pg_ctl, if they are not where Debian and others put them.
set -euo pipefail

bin=${PGBIN:-}
if [[ -z $bin ]]; then
	for candidate in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
		[[ -x $candidate/initdb && -x $candidate/pg_ctl ]] && bin=$candidate
	done
fi
[[ -n $bin ]] || { echo "postgres.sh: there is no initdb" >&2 && exit 127; }

dir=$(mktemp -d)
as=()
if [[ $(id -u) == 0 ]]; then # PostgreSQL does not run as root
	chown nobody "$dir"
	as=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups env HOME="$dir")
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null || echo $((20000 + RANDOM % 20000)))

stop() {
	"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT

cd "$dir"
"${as[@]}" "$bin/initdb" -D "$dir/data" -U oidcsso -A trust --no-instructions -E UTF8 --locale=C.UTF-8 >"$dir/log" 2>&1 ||
	{ cat "$dir/log" >&2 && exit 1; }
printf '%s\n' "listen_addresses = '127.0.0.1'" "port = $port" "unix_socket_directories = '$dir'" "max_connections = 300" >>"$dir/data/postgresql.conf"
"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w start >/dev/null || { cat "$dir/server.log" >&2 && exit 1; }
cd - >/dev/null

# For tests that restart the server:
export OIDCSSO_POSTGRES_RESTART="${as[*]} $bin/pg_ctl -D $dir/data -l $dir/server.log -m immediate -w restart"
export OIDCSSO_POSTGRES="postgres://oidcsso@127.0.0.1:$port/postgres?sslmode=disable"
"$@"
