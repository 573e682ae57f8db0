"""Every operation by Auth0's own SDK for Python, against the tenant whose address is the argument."""

import sys

import httpx
from auth0.management import ManagementClient
from auth0.management.core.api_error import ApiError

# The SDK speaks https to a domain and nothing else: what it asks of that goes to the tenant.
TENANT = httpx.URL(sys.argv[1])
outside = httpx.HTTPTransport.handle_request


def handle_request(transport, request):
    assert request.url.host == "tenant.invalid", "an address of its own"
    request.url = request.url.copy_with(scheme=TENANT.scheme, host=TENANT.host, port=TENANT.port)
    request.headers["host"] = f"{TENANT.host}:{TENANT.port}"
    return outside(transport, request)


httpx.HTTPTransport.handle_request = handle_request
checks = 0


def equal(found, expected):
    global checks
    assert found == expected, (found, expected)
    checks += 1


def refused(status, call, *arguments, **fields):
    try:
        call(*arguments, **fields)
    except ApiError as error:
        equal(error.status_code, status)
    else:
        raise AssertionError(f"no {status}")


FACTORS = [
    {
        "type": "phone",
        "name": "Mobile",
        "phone_number": "+12025550101",
        "preferred_authentication_method": "voice",
    },
    {"type": "email", "email": "somebody@example.com"},
    {"type": "totp", "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"},
    {
        "type": "webauthn-roaming",
        "key_id": "a2V5",
        "public_key": "cHVibGlj",
        "relying_party_identifier": "example.com",
    },
    {
        "type": "passkey",
        "key_id": "b3RoZXI",
        "public_key": "cHVibGlj",
        "aaguid": "00000000-0000-0000-0000-00000000000a",
        "credential_device_type": "multi_device",
        "credential_backed_up": True,
        "transports": ["usb", "nfc"],
    },
]

client = ManagementClient(domain="tenant.invalid", client_id="sdk", client_secret="sdk")
methods = client.users.authentication_methods
user = "auth0|sdk/with a slash"
ids = []
for factor in FACTORS:
    # An SDK that takes a 409 for passing would repeat it; nothing here passes by itself.
    once = {"request_options": {"max_retries": 0}}
    created = methods.create(user, **factor)
    equal(created.type, factor["type"])
    ids.append(created.id)
    equal(methods.get(user, created.id).confirmed, True)
    refused(409, methods.create, user, **factor, **once)
equal([method.id for method in methods.list(user, per_page=2)], ids)
equal(methods.get(user, ids[4]).transports, ["usb", "nfc"])
phone = methods.update(user, ids[0], name="Renamed", preferred_authentication_method="sms")
equal((phone.type, phone.name), ("phone", "Renamed"))
refused(400, methods.update, user, ids[4], name="Renamed")
refused(400, methods.update, user, ids[0], name="x" * 21)
refused(403, methods.set, user, request=[{"type": "email", "email": "other@example.com"}])
refused(403, methods.delete_all, user)
methods.delete(user, ids[4])
refused(404, methods.get, user, ids[4])
equal([method.type for method in methods.set(user, request=FACTORS[:3])], ["phone", "email", "totp"])
methods.delete_all(user)
equal(list(methods.list(user)), [])
refused(404, methods.create, "auth0|gone", **FACTORS[0])
refused(400, methods.create, "no bar", **FACTORS[0])
stranger = ManagementClient(domain="tenant.invalid", token="unknown")
refused(401, stranger.users.authentication_methods.list, user)
print(f"{checks} checks passed")
