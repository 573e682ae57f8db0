# shellcheck shell=bash
# What the scripts of this folder share. Each is run by `run`, or by itself with the variables that `run`
# lists; it ends with one line that says what ran.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
# Processes to end, the last one first.
started=()

clean_up() {
    for ((at = ${#started[@]} - 1; at >= 0; at--)); do
        kill "${started[at]}" 2>/dev/null || true
        wait "${started[at]}" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT

skip() {
    echo "needs $*"
    exit 77
}

fail() {
    echo "failed: $*"
    exit 1
}

need() {
    command -v "$1" >/dev/null || skip "$1"
}

need_description() {
    [ -f "${LONG_DESCRIPTION:-}" ] || skip "Auth0's OpenAPI description: name it with LONG_DESCRIPTION"
}

# Prints where NAME is to be installed.
place() {
    local folder=${LONG_CACHE:-$work/installed}/$1
    mkdir -p "$folder"
    realpath "$folder"
}

# npm_install FOLDER PACKAGE
npm_install() {
    need npm
    [ ! -e "$1/complete" ] || return 0
    npm install --prefix "$1" --no-audit --no-fund --loglevel=error "$2" >"$work/npm.log" 2>&1 ||
        skip "$2 from npm: $(grep -m 1 . "$work/npm.log")"
    touch "$1/complete"
}

# pip_install FOLDER PACKAGE
pip_install() {
    need python3
    [ ! -e "$1/complete" ] || return 0
    python3 -m venv "$1" >"$work/pip.log" 2>&1 || skip "python3 with venv"
    "$1/bin/pip" install --quiet --disable-pip-version-check "$2" >"$work/pip.log" 2>&1 ||
        skip "$2 from pip: $(tail -n 1 "$work/pip.log")"
    touch "$1/complete"
}

# Waits until the file LOG has a line with TEXT: await LOG TEXT
await() {
    for _ in $(seq 300); do
        ! grep -q "$2" "$1" 2>/dev/null || return 0
        sleep 0.2
    done
    tail -n 5 "$1"
    fail "it never said: $2"
}

# A port that is free now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts the simulated tenant that accepts the token `ready`; its address is in $tenant.
start_tenant() {
    echo '{"static_tokens": ["ready"]}' >"$work/settings.json"
    "${LONG_BINARY:?the program to test}" sandbox --port 0 --seed 14 \
        --settings "$work/settings.json" "$@" >"$work/tenant.log" 2>&1 &
    started+=($!)
    await "$work/tenant.log" "simulated tenant at"
    tenant=$(grep -o 'http://127[0-9.:]*' "$work/tenant.log")
}

# requests: how many requests of each kind the tenant has had; held: how many methods it holds.
requests() {
    python3 -c '
import json, sys, urllib.request
count = json.load(urllib.request.urlopen(sys.argv[1] + "/_sandbox/stats"))["requests"]
print(sum(count.values()), "requests:", ", ".join(f"{n} {v}" for v, n in sorted(count.items()) if n))
' "$tenant"
}

held() {
    python3 -c '
import json, sys, urllib.request
lines = urllib.request.urlopen(sys.argv[1] + "/_sandbox/state").read().splitlines()
print(sum(len(json.loads(line)["methods"]) for line in lines))
' "$tenant"
}

# Runs a command of ours against $base and expects its exit code: ours CODE COMMAND [ARGUMENT…]
ours() {
    local expected=$1 code=0
    shift
    AUTH0_API_TOKEN=ready timeout 300 "$LONG_BINARY" "$@" --base-url "$base" --timeout 20s --rate "${rate:-100}" \
        --settle 2s --output json >"$work/ours.out" 2>"$work/ours.err" || code=$?
    if [ "$code" != "$expected" ]; then
        cat "$work/ours.out" "$work/ours.err"
        fail "\`$1\` ended with $code, not $expected"
    fi
}
