#!/usr/bin/env bash
# nginx stands in front of the simulated tenant: TLS with HTTP/2 and gzip on offer, reloads and stops while
# an import is under way. Whatever happens, each factor is there exactly once at the end.
. "$(dirname "$0")/common.sh"

need nginx
need openssl
need python3
start_tenant
port=$(free_port)
base=https://localhost:$port
mkdir "$work/nginx"
# A private authority, and what it signs: no client takes an authority for a server.
{
    curve=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
    openssl req -x509 "${curve[@]}" -days 2 -subj "/CN=Test authority" \
        -keyout "$work/authority.key" -out "$work/authority.pem"
    openssl req "${curve[@]}" -subj /CN=localhost -keyout "$work/key.pem" -out "$work/request.pem"
    openssl x509 -req -in "$work/request.pem" -CA "$work/authority.pem" -CAkey "$work/authority.key" \
        -CAcreateserial -days 2 -extfile <(echo subjectAltName=DNS:localhost) -out "$work/cert.pem"
} >"$work/openssl.log" 2>&1 || fail "$(cat "$work/openssl.log")"
export SSL_CERT_FILE=$work/authority.pem
cat >"$work/nginx.conf" <<CONF
worker_processes 1;
daemon on;
pid $work/nginx/pid;
error_log $work/nginx/error.log info;
events {}
http {
    access_log $work/nginx/access.log;
    client_body_temp_path $work/nginx/body;
    proxy_temp_path $work/nginx/proxy;
    fastcgi_temp_path $work/nginx/fastcgi;
    uwsgi_temp_path $work/nginx/uwsgi;
    scgi_temp_path $work/nginx/scgi;
    gzip on;
    gzip_proxied any;
    gzip_min_length 1;
    gzip_types application/json;
    upstream tenant {
        server ${tenant#http://};
        keepalive 8;
    }
    server {
        listen 127.0.0.1:$port ssl http2;
        server_name localhost;
        ssl_certificate $work/cert.pem;
        ssl_certificate_key $work/key.pem;
        keepalive_requests 100;
        location / {
            proxy_pass http://tenant;
            proxy_http_version 1.1;
            proxy_set_header Host 127.0.0.1;
            proxy_set_header Connection "";
        }
    }
}
CONF
proxy() { nginx -p "$work/nginx" -c "$work/nginx.conf" "$@" 2>>"$work/nginx/said.log"; }
proxy || fail "nginx did not start: $(tail -n 1 "$work/nginx/said.log")"
start_again() {
    # The port is free once the one before has ended.
    for _ in $(seq 50); do
        ! proxy || return 0
        sleep 0.2
    done
    fail "nginx did not start again"
}
stop_proxy() { [ ! -e "$work/nginx/pid" ] || proxy -s quit || true; }
trap 'stop_proxy; clean_up' EXIT

rows=${LONG_ROWS:-1500}
rate=200
# factors NAME: an input of its own users.
factors() {
    python3 -c '
import sys
print("user_id,type,name,phone_number")
for row in range(int(sys.argv[2])):
    print(f"auth0|{sys.argv[1]}{row},phone,Mobile,+1202555{row % 10000:04}")
' "$1" "$rows" >"$work/$1.csv"
}
# Expects that the tenant holds what has been imported so far, once.
total=0
all_there() {
    total=$((total + rows))
    found=$(held)
    [ "$found" = "$total" ] || fail "$1: the tenant holds $found methods, not $total"
    ours 0 verify "$work/$1.csv"
}
# Does SOMETHING again and again while an import runs: while_importing NAME SOMETHING
while_importing() {
    factors "$1"
    ours 0 import "$work/$1.csv" --ledger "$work/$1.ledger" --max-attempts 12 &
    local import=$! times=0
    while sleep 1.3 && kill -0 "$import" 2>/dev/null; do
        "$2"
        times=$((times + 1))
    done
    wait "$import" || fail "$1: the import did not end well"
    [ "$times" -ge 3 ] || fail "$1: it was over before anything happened"
    all_there "$1"
    done_so_far+="$1 ×$times, "
}
done_so_far=

nothing() { :; }
reload() { proxy -s reload || true; }
stop() {
    # At once: connections end in the middle of requests.
    proxy -s stop || true
    sleep 0.3
    start_again
}
while_importing plain nothing
while_importing reloaded reload
while_importing stopped stop
protocols=$(grep -o 'HTTP/[0-9.]*' "$work/nginx/access.log" | sort | uniq -c | tr -s ' \n' ' ')
protocols=${protocols% }
echo "$total factors, each there once: ${done_so_far}${protocols# }; $(requests)"
