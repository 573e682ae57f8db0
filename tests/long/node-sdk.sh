#!/usr/bin/env bash
# Auth0's own SDK for Node calls every operation of the simulated tenant.
. "$(dirname "$0")/common.sh"

need node
installed=$(place node-sdk)
npm_install "$installed" auth0@7.1.0
start_tenant --missing-users gone
checks=$(NODE_PATH="$installed/node_modules" timeout 300 node "$here/node-sdk.cjs" "$tenant") ||
    fail "$checks"
echo "$checks; $(requests)"
