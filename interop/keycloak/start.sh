#!/usr/bin/env bash
# Keycloak, from Maven Central: see README.md beside this file. It keeps the contract of the scripts that start the other
# identity providers: `start.sh PORT` installs into $IDP_CACHE, prints `ready ISSUER` when discovery answers, stays in the
# foreground, and ends with TERM. All state and all signing keys are new at each start.
set -eu
PORT=${1:?usage: start.sh PORT}
CACHE=${IDP_CACHE:-$HOME/.cache/oidc-idps}
HERE=$(cd "$(dirname "$0")" && pwd)
VERSION=26.7.3
SHA256=77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47
REPOSITORY=${MAVEN_REPOSITORY:-https://repo1.maven.org/maven2}
DIST=$CACHE/keycloak-$VERSION
ISSUER=http://127.0.0.1:$PORT/realms/interop
export CALLBACK=${RP_CALLBACK:-${RP_BASE:-http://127.0.0.1:9999}/callback}

command -v java >/dev/null || { echo "start.sh: there is no java; Keycloak wants 17 or newer" >&2; exit 1; }
mkdir -p "$CACHE"
RUN=$(mktemp -d "${TMPDIR:-/tmp}/idp-keycloak.XXXXXX")
CHILD=
finish() {
	trap - EXIT INT TERM
	[ -z "$CHILD" ] || { kill "$CHILD" 2>/dev/null || :; wait "$CHILD" 2>/dev/null || :; }
	rm -rf "$RUN"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What Quarkus calls the build is done once, so that a start takes seconds.
install_keycloak() {
	[ ! -f "$DIST/installed" ] || return 0
	rm -rf "$DIST"
	mkdir -p "$DIST"
	_archive=$CACHE/keycloak-$VERSION.tar.gz
	curl -sSf --retry 3 -o "$_archive" "$REPOSITORY/org/keycloak/keycloak-quarkus-dist/$VERSION/keycloak-quarkus-dist-$VERSION.tar.gz"
	echo "$SHA256  $_archive" | sha256sum -c - >&2
	tar -xzf "$_archive" -C "$DIST" --strip-components=1
	rm "$_archive"
	"$DIST/bin/kc.sh" build --db=dev-mem >&2
	touch "$DIST/installed"
}
(flock 9; install_keycloak) 9>"$CACHE/keycloak.lock"

# Its home is where kc.sh is: a copy in the folder of this run keeps what it writes there.
mkdir -p "$RUN/bin" "$RUN/data/import"
cp "$DIST/bin/kc.sh" "$RUN/bin/"
ln -s "$DIST/lib" "$DIST/conf" "$DIST/providers" "$DIST/themes" "$RUN/"
sed "s|@CALLBACK@|$CALLBACK|g" "$HERE/realm.json" >"$RUN/data/import/interop-realm.json"
KC_BOOTSTRAP_ADMIN_USERNAME=admin KC_BOOTSTRAP_ADMIN_PASSWORD=admin-pw JAVA_OPTS_APPEND="-XX:TieredStopAtLevel=1" \
	"$RUN/bin/kc.sh" start --optimized --import-realm --cache=local --http-enabled=true --http-host=127.0.0.1 --http-port="$PORT" \
	--hostname-strict=false --log-level=warn >&2 &
CHILD=$!
for _ in $(seq 600); do
	if curl -sf -o /dev/null --max-time 5 "$ISSUER/.well-known/openid-configuration"; then
		echo "ready $ISSUER"
		wait "$CHILD"
		exit
	fi
	kill -0 "$CHILD" 2>/dev/null || { echo "start.sh: Keycloak ended early" >&2; exit 1; }
	sleep 0.3
done
echo "start.sh: no answer from $ISSUER" >&2
exit 1
