#!/usr/bin/env bash
# Auth0's own SDK for Python, whose answers are models that refuse what does not fit, calls every
# operation of the simulated tenant.
. "$(dirname "$0")/common.sh"

installed=$(place python-sdk)
pip_install "$installed" auth0-python==6.8.0
start_tenant --missing-users gone
checks=$(timeout 300 "$installed/bin/python" "$here/python-sdk.py" "$tenant" 2>&1) || fail "$checks"
echo "$checks; $(requests)"
