#!/usr/bin/env bash
# The whole line against a load generator (`oha`) and the vendor's Node SDK (`auth0`), in turns in one
# run: benches/compare.sh [ROWS]. Installs both from their registries into a temporary folder, or
# into the folder TOOLS, which is kept; says so when it cannot, and compares with what is left.
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-100000}
if [[ -n ${TOOLS:-} ]]; then
    mkdir -p "$TOOLS"
    tools=$(realpath "$TOOLS")
else
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
fi

others=()
if [[ -x $tools/bin/oha ]] || cargo install oha --locked --quiet --root "$tools"; then
    echo "with $("$tools/bin/oha" --version)"
    others+=(--oha "$tools/bin/oha")
else
    echo "WITHOUT oha: it could not be installed" >&2
fi

if [[ -d $tools/node_modules/auth0 ]] || npm install --silent --prefix "$tools" auth0; then
    cat >"$tools/sdk.mjs" <<'SCRIPT'
#!/usr/bin/env node
// 64 in flight, as whoever knows that the SDK can do so would write it.
import { ManagementClient } from "auth0";

const [url, rows] = [process.argv[2], Number(process.argv[3])];
const client = new ManagementClient({ domain: "localhost", token: "bench" });
// The SDK insists on https, and what is compared is not TLS.
client._options.baseUrl = `${url}/api/v2`;
let next = 0;
async function worker() {
    for (let row = next++; row < rows; row = next++) {
        const user = `auth0|${row.toString(16).padStart(24, "0")}`;
        const { id } = await client.users.authenticationMethods.create(user, {
            type: "phone",
            name: "Work phone",
            phone_number: `+1${2_000_000_000 + row}`,
            preferred_authentication_method: "sms",
        });
        if (!id) throw new Error("not created");
    }
}
await Promise.all(Array.from({ length: 64 }, worker));
SCRIPT
    chmod +x "$tools/sdk.mjs"
    sed -n 's/.*"version": "\(.*\)".*/with auth0 \1/p' "$tools/node_modules/auth0/package.json"
    others+=(--sdk "$tools/sdk.mjs")
else
    echo "WITHOUT the SDK: Node and npm are needed, and their registry" >&2
fi

cargo bench --locked --quiet --profile release --bench line -- throughput --rows "$rows" "${others[@]}"
