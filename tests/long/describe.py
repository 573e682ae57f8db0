"""Prepares a copy of Auth0's description of its Management API for the tools of this folder.

    describe.py DESCRIPTION COPY FULL|NARROW

Both keep the seven operations on authentication methods and the questions about the tenant, as far as
they are described, under the paths that a client asks for.
FULL changes nothing else. NARROW also says what the description leaves open and the simulated tenant
decides (the head of src/sandbox/mod.rs lists it), so that what a generator makes up is mostly sound,
and links what POST creates to the operations on one method.
"""

import copy
import json
import sys

LIST = "/users/{id}/authentication-methods"
ONE = LIST + "/{authentication_method_id}"
# Only asked: how they are set is described in the same place.
QUESTIONS = [
    "/guardian/factors",
    "/guardian/factors/phone/message-types",
    "/guardian/policies",
    "/custom-domains",
    "/tenants/settings",
]
# A few users, so that they are met again; ids as the tenant gives them.
PATTERNS = {
    "id": r"^auth0\|[a-f]$",
    "authentication_method_id": r"^(phone|email|totp)\|dev_[A-Za-z0-9]{16}$",
}
# What each type has to have, and what it may have besides.
FIELDS = {
    "phone": (["phone_number"], ["preferred_authentication_method"]),
    "email": (["email"], []),
    "totp": (["totp_secret"], []),
    "webauthn-roaming": (["key_id", "public_key", "relying_party_identifier"], []),
    "passkey": (
        ["key_id", "public_key"],
        [
            "relying_party_identifier",
            "aaguid",
            "credential_device_type",
            "credential_backed_up",
            "identity_user_id",
            "user_agent",
            "user_handle",
            "transports",
        ],
    ),
}


def by_type(schema, types):
    """One schema for each type: `schema` with the fields of that type and no others."""
    narrowed = []
    for kind in types:
        required, optional = FIELDS[kind]
        properties = {
            name: copy.deepcopy(schema["properties"][name])
            for name in ["name", *required, *optional]
        }
        properties["type"] = {"const": kind}
        properties["name"]["maxLength"] = 20
        narrowed.append({**schema, "properties": properties, "required": ["type", *required]})
    return {"oneOf": narrowed}


def narrow(document):
    schemas = document["components"]["schemas"]
    post = schemas["CreateUserAuthenticationMethodRequestContent"]
    put = schemas["SetUserAuthenticationMethods"]
    schemas["CreateUserAuthenticationMethodRequestContent"] = by_type(post, FIELDS)
    schemas["SetUserAuthenticationMethods"] = by_type(put, ["phone", "email", "totp"])
    schemas["UpdateUserAuthenticationMethodRequestContent"]["properties"]["name"]["maxLength"] = 20
    form = "application/x-www-form-urlencoded"
    for item in document["paths"].values():
        for verb, operation in item.items():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in PATTERNS:
                    parameter["schema"]["pattern"] = PATTERNS[parameter["name"]]
            body = operation.get("requestBody")
            if body:
                # No body is declared as required, and without one there is nothing to do.
                body["required"] = True
            if verb == "put":
                # A form cannot be the array that is asked for.
                del body["content"][form]
            if verb == "post":
                # A form cannot tell a list of one from a text.
                body["content"][form]["schema"] = by_type(post, [t for t in FIELDS if t != "passkey"])
    created = document["paths"][LIST]["post"]["responses"]["201"]
    created["links"] = {
        verb: {
            "operationId": document["paths"][ONE][verb]["operationId"],
            "parameters": {
                "id": "$request.path.id",
                "authentication_method_id": "$response.body#/id",
            },
        }
        for verb in ["get", "patch", "delete"]
    }


def main(description, target, extent):
    with open(description, encoding="utf-8") as file:
        document = json.load(file)
    described = document["paths"]
    document["paths"] = {path: described[path] for path in [LIST, ONE]} | {
        path: {"get": described[path]["get"]} for path in QUESTIONS if path in described
    }
    if extent == "NARROW":
        narrow(document)
    paths = document["paths"].items()
    document["paths"] = {"/api/v2" + path: item for path, item in paths}
    document["servers"] = [{"url": "/"}]
    with open(target, "w", encoding="utf-8") as file:
        json.dump(document, file)


main(*sys.argv[1:])
