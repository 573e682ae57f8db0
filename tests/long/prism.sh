#!/usr/bin/env bash
# Prism stands between the program and the simulated tenant, and holds every request and every answer
# against Auth0's own description of its API.
. "$(dirname "$0")/common.sh"

need_description
installed=$(place prism)
npm_install "$installed" @stoplight/prism-cli@5.14.2
start_tenant
python3 "$here/describe.py" "$LONG_DESCRIPTION" "$work/description.json" FULL
port=$(free_port)
base=http://127.0.0.1:$port
"$installed/node_modules/.bin/prism" proxy "$work/description.json" "$tenant" --port "$port" \
    >"$work/prism.log" 2>&1 &
started+=($!)
await "$work/prism.log" "listening on"

violations() { grep -cE 'Violation: ' "$work/prism.log" || true; }
# Prism that lets everything pass would prove nothing.
python3 -c '
import sys, urllib.error, urllib.request
headers = {"authorization": "Bearer ready", "content-type": "application/json"}
url = sys.argv[1] + "/api/v2/users/auth0%7C1/authentication-methods"
try:
    urllib.request.urlopen(urllib.request.Request(url, b"{\"type\":\"webauthn_roaming\"}", headers))
except urllib.error.HTTPError:
    pass
' "$base"
await "$work/prism.log" "Violation: "
before=$(violations)

cd "$work"
samples=$here/../../samples
cp "$samples"/factors.csv "$samples"/factors.jsonl "$samples"/users.jsonl .
# Three rows of the sample are wrong on purpose.
ours 4 import factors.csv --ledger factors.csv.ledger
ours 0 import factors.jsonl --ledger factors.jsonl.ledger
ours 0 import users.jsonl --skip-existing --ledger users.jsonl.ledger
ours 4 verify factors.csv
echo user_id >users.csv
grep -o '"user_id": *"[^"]*"' factors.jsonl | cut -d'"' -f4 | sort -u >>users.csv
ours 0 export users.csv --out export.jsonl
python3 - >update.csv <<'PYTHON'
import csv, json, sys
out = csv.writer(sys.stdout)
out.writerow(["user_id", "authentication_method_id", "name", "preferred_authentication_method"])
for line in open("export.jsonl"):
    user = json.loads(line)
    for method in user.get("authentication_methods", []):
        # What PATCH answers has no word for a passkey.
        if method["type"] != "passkey":
            channel = "voice" if method["type"] == "phone" else ""
            out.writerow([user["user_id"], method["id"], "Renamed", channel])
PYTHON
ours 0 update update.csv
cat >replace.csv <<'CSV'
user_id,type,name,phone_number,preferred_authentication_method,email,totp_secret
auth0|replaced,phone,Mobile,+12025550155,voice,,
auth0|replaced,email,,,,a@example.com,
auth0|replaced,totp,Authenticator,,,,JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP
CSV
ours 0 replace replace.csv
printf 'user_id\nauth0|replaced\n' >delete.csv
ours 0 delete delete.csv --all-methods --yes
ours 0 undo --ledger factors.csv.ledger --yes --force

after=$(violations)
if [ "$after" != "$before" ]; then
    grep 'Violation: ' "$work/prism.log" | tail -n +"$((before + 1))" | sort | uniq -c
    fail "the description forbids what was sent or answered"
fi
said=$(requests)
[ "${said%% *}" -ge 100 ] || fail "only $said"
echo "$said, and every answer, are as the description has them"
