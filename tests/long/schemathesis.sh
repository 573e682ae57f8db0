#!/usr/bin/env bash
# Schemathesis makes up requests from Auth0's own description and holds the simulated tenant's answers
# against it: statuses, media types, schemas, refusal of what is wrong, acceptance of what is right.
. "$(dirname "$0")/common.sh"

need_description
installed=$(place schemathesis)
pip_install "$installed" schemathesis==4.32.5
start_tenant
python3 "$here/describe.py" "$LONG_DESCRIPTION" "$work/description.json" NARROW
cd "$work"
cat >schemathesis.toml <<'TOML'
# What PATCH takes depends on the type of the method, which no description says.
[[operations]]
include-method = "PATCH"
checks.positive_data_acceptance.enabled = false
# A question that is put in another way is a path that the API does not have: 404, not 405.
[[operations]]
include-path-regex = "/api/v2/(guardian|custom-domains|tenants)"
checks.unsupported_method.enabled = false
TOML
code=0
"$installed/bin/schemathesis" run description.json --url "$tenant" --header "Authorization: Bearer ready" \
    --seed 14 --generation-database none --max-examples "${LONG_EXAMPLES:-200}" \
    --phases examples,coverage,fuzzing,stateful --continue-on-failure --no-color \
    >schemathesis.log 2>&1 || code=$?
if [ "$code" != 0 ]; then
    cat schemathesis.log
    fail "the tenant's answers differ from the description"
fi
# It also ends well when it had nothing to test.
said=$(requests)
[ "${said%% *}" -ge 500 ] || fail "only $said"
echo "$said; $(grep 'generated' schemathesis.log | sed 's/^ *//')"
