// Every operation by Auth0's own SDK for Node, against the tenant whose address is the argument.
const assert = require("node:assert/strict");
const { ManagementClient } = require("auth0");

// The SDK speaks https to a domain and nothing else: what it asks of that goes to the tenant.
const tenant = process.argv[2];
const outside = globalThis.fetch;
globalThis.fetch = (url, options) => {
    assert.ok(String(url).startsWith("https://tenant.invalid/"), "an address of its own");
    return outside(String(url).replace("https://tenant.invalid", tenant), options);
};

let checks = 0;
const is = (found, expected) => {
    assert.deepEqual(found, expected);
    checks += 1;
};
const refused = async (call, status) => {
    const error = await call.then(() => assert.fail(`no ${status}`), (error) => error);
    is(error.statusCode, status);
};

const FACTORS = [
    { type: "phone", name: "Mobile", phone_number: "+12025550101", preferred_authentication_method: "voice" },
    { type: "email", email: "somebody@example.com" },
    { type: "totp", totp_secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" },
    { type: "webauthn-roaming", key_id: "a2V5", public_key: "cHVibGlj", relying_party_identifier: "example.com" },
    {
        type: "passkey", key_id: "b3RoZXI", public_key: "cHVibGlj", aaguid: "00000000-0000-0000-0000-00000000000a",
        credential_device_type: "multi_device", credential_backed_up: true, transports: ["usb", "nfc"],
    },
];

async function main() {
    const client = new ManagementClient({ domain: "tenant.invalid", clientId: "sdk", clientSecret: "sdk" });
    const methods = client.users.authenticationMethods;
    const user = "auth0|sdk/with a slash";
    const ids = [];
    for (const factor of FACTORS) {
        const created = await methods.create(user, factor);
        is([created.type, typeof created.id, typeof created.created_at], [factor.type, "string", "string"]);
        ids.push(created.id);
        is((await methods.get(user, created.id)).confirmed, true);
        await refused(methods.create(user, factor), 409);
    }
    const listed = [];
    for await (const method of await methods.list(user, { per_page: 2 })) {
        listed.push(method.id);
    }
    is(listed, ids);
    is((await methods.get(user, ids[4])).transports, ["usb", "nfc"]);
    const phone = await methods.update(user, ids[0], { name: "Renamed", preferred_authentication_method: "sms" });
    is([phone.type, phone.name, phone.preferred_authentication_method], ["phone", "Renamed", "sms"]);
    await refused(methods.update(user, ids[4], { name: "Renamed" }), 400);
    await refused(methods.update(user, ids[0], { name: "x".repeat(21) }), 400);
    await refused(methods.set(user, [{ type: "email", email: "other@example.com" }]), 403);
    await refused(methods.deleteAll(user), 403);
    await methods.delete(user, ids[4]);
    await refused(methods.get(user, ids[4]), 404);
    const set = await methods.set(user, FACTORS.slice(0, 3));
    is(set.map((method) => method.type), ["phone", "email", "totp"]);
    await methods.deleteAll(user);
    is((await methods.list(user)).data, []);
    await refused(methods.create("auth0|gone", FACTORS[0]), 404);
    await refused(methods.create("no bar", FACTORS[0]), 400);
    const stranger = new ManagementClient({ domain: "tenant.invalid", token: "unknown" });
    await refused(stranger.users.authenticationMethods.list(user), 401);
    console.log(`${checks} checks passed`);
}

main().catch((error) => {
    console.log(error.stack);
    process.exit(1);
});
