-- A ledger of format 2 as an earlier version wrote it, but for the last three rows of `factors`, which
-- have what those of a single run do not: NULL and the largest numbers.
PRAGMA application_id = 0x6d666672;
PRAGMA user_version = 2;
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    command    TEXT NOT NULL,
    input      TEXT NOT NULL,
    started_at INTEGER NOT NULL,     -- ms since 1970, our clock, as every time here
    ended_at   INTEGER,              -- NULL: running, or killed
    complete   INTEGER               -- 1: the whole input was settled
) STRICT;
CREATE TABLE factors (
    seq         INTEGER PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    operation   INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    user_id     TEXT NOT NULL,
    type        INTEGER,
    name        INTEGER,             -- stands for the name that was given
    state       INTEGER NOT NULL,
    how         INTEGER,
    attempts    INTEGER NOT NULL,    -- that may have reached the server, an open one included
    doubts      INTEGER NOT NULL,    -- of those, how many ended in doubt
    audited     INTEGER NOT NULL,    -- 1: confirmed by a list at the end of a run
    marked      INTEGER NOT NULL,    -- 1: its name bears a mark that is to be taken away
    intent_at   INTEGER,             -- before the first attempt in doubt
    skew        INTEGER,             -- how far the tenant's clock was ahead then
    method_id   TEXT,
    status      INTEGER,
    error       TEXT,
    settled_at  INTEGER,
    crc         INTEGER NOT NULL,    -- of all the above
    writes      INTEGER NOT NULL     -- how often this row was written; the seal has the sum
) STRICT;
CREATE TABLE rejections (
    input   TEXT NOT NULL,
    line    INTEGER NOT NULL,
    item    INTEGER NOT NULL,        -- index in authentication_methods, else -1
    run     INTEGER NOT NULL,
    user_id TEXT,
    type    INTEGER,
    faults  TEXT NOT NULL,           -- JSON: [{"field":…,"rule":…}]
    at      INTEGER NOT NULL,
    PRIMARY KEY (input, line, item)
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('check', x'6ec3474b');
INSERT INTO meta VALUES ('id', x'373364343237333233383363');
INSERT INTO meta VALUES ('key', x'c049e4e6e579db2fab398a4d38b855a1b6e485640e22cd9c4830d0c03f353750');
INSERT INTO meta VALUES ('made_at', x'31373935383937343538323233');
INSERT INTO meta VALUES ('tenant', x'687474703a2f2f3132372e302e302e313a3138323331');
INSERT INTO runs VALUES (1, 'import', 'in.csv', 1795897458223, 1795897484725, 1);
INSERT INTO runs VALUES (2, 'import', 'more.csv', 1795897485065, NULL, NULL);
INSERT INTO factors VALUES (0, x'c87e24b2a9004d9def3ecbfc55487d8e', 0, 1, 2, 'auth0|64f1c0de0000000000000001', 1, 1873701631, 2, 1, 1, 0, 0, 0, 1795897458383, -383, 'phone|dev_OZ0zEVdwXFeu0RVA', 201, NULL, 1795897458437, 2522614246, 3);
INSERT INTO factors VALUES (1, x'21d593decfc1fb8c27084d5adfcf12ce', 0, 1, 3, 'auth0|64f1c0de0000000000000001', 3, 140708297, 2, 1, 1, 0, 0, 0, 1795897458476, -18, 'totp|dev_OoSPLlWVJqhX0Bb5', 201, NULL, 1795897458517, 438537436, 3);
INSERT INTO factors VALUES (2, x'8923647f53cf01b332cac604d27258d2', 0, 1, 4, 'auth0|64f1c0de0000000000000002', 2, 557939791, 2, 1, 2, 1, 1, 0, 1795897458401, -383, 'email|dev_zBuCP74C4eeAQpF5', 201, NULL, 1795897460271, 623352884, 5);
INSERT INTO factors VALUES (3, x'5673357a948060c88d19b8fd0c1d0511', 0, 1, 5, 'samlp|acme|user+1@corp.example', 1, 3555648301, 2, 1, 1, 0, 0, 0, 1795897458417, -383, 'phone|dev_UvMLQNe7EpMdW9zD', 201, NULL, 1795897458456, 2771641704, 3);
INSERT INTO factors VALUES (4, x'0645bfb2b381f2ed9505b3159990b91f', 0, 1, 6, 'auth0|64f1c0de0000000000000003', 3, 4158723903, 2, 1, 1, 0, 0, 0, 1795897458497, -18, 'totp|dev_QgOtLVcZeaCgB9ua', 201, NULL, 1795897458517, 1086793795, 3);
INSERT INTO factors VALUES (5, x'6351eed037dc5c1b7e60bc9c0f52702e', 0, 1, 7, 'adfs|corp/berlin/dora', 2, NULL, 2, 2, 1, 1, 1, 0, 1795897458557, -11, 'email|dev_rzrhXvaum6papSnO', 503, NULL, 1795897459635, 4069969233, 4);
INSERT INTO factors VALUES (6, x'6c1d59a3d10a95960db91cc085d63666', 0, 1, 9, 'auth0|64f1c0de0000000000000001', 4, 3968078946, 2, 2, 1, 1, 1, 0, 1795897458577, -11, 'webauthn-roaming|dev_N7ECH77XAf8wB3Tm', NULL, NULL, 1795897459643, 89755517, 4);
INSERT INTO factors VALUES (7, x'519952b3909b93eecff63360da10f9d9', 0, 1, 10, 'waad|jörg@firma.example', 1, 3778325733, 2, 2, 1, 1, 1, 0, 1795897458599, -11, 'phone|dev_JYSmUMurKqDvDmur', 503, NULL, 1795897459662, 3161234038, 4);
INSERT INTO factors VALUES (8, x'3e047ea36860247bb721e4c1bdaad140', 0, 1, 11, 'waad|jörg@firma.example', 3, NULL, 2, 1, 1, 0, 0, 0, 1795897460271, -11, 'totp|dev_KpFktViYNVY2viU0', 201, NULL, 1795897460306, 4174628765, 3);
INSERT INTO factors VALUES (9, x'9ea598ee645c4e7066100eb36895015b', 0, 1, 12, 'google-oauth2|100000000000000000001', 5, 1393764918, 2, 1, 2, 1, 1, 0, 1795897458618, -11, 'passkey|dev_gdXk3Jk2VmqzIywK', 201, NULL, 1795897460323, 1707176317, 5);
INSERT INTO factors VALUES (10, x'8a384b67dbe39388f351ef67f79ae1e6', 0, 1, 14, 'samlp|acme|user+1@corp.example', 3, 2140233519, 2, 2, 1, 1, 1, 0, 1795897458637, -11, 'totp|dev_Sz0WADejb1vKVKet', 503, NULL, 1795897459699, 1031790508, 4);
INSERT INTO factors VALUES (11, x'356c9d95df0e0902cad39cedd9361d22', 0, 1, 15, 'auth0|64f1c0de0000000000000002', 1, 3148887719, 2, 1, 1, 0, 0, 0, 1795897460323, -11, 'phone|dev_8XUTv8Z3D6isoQsE', 201, NULL, 1795897460363, 354686521, 3);
INSERT INTO factors VALUES (12, x'1c299882a477ae73ebec78ec0222ac5e', 0, 1, 16, 'auth0|64f1c0de0000000000000002', 4, 463063520, 2, 1, 1, 0, 0, 0, 1795897460403, -11, 'webauthn-roaming|dev_Nr8SIQg5ViwBa3VF', 201, NULL, 1795897460423, 1707192402, 3);
INSERT INTO factors VALUES (13, x'bacdfd3ec43d6e13826149db73fabdf4', 0, 1, 17, 'adfs|corp/berlin/dora', 1, NULL, 2, 1, 1, 0, 0, 0, 1795897460342, -11, 'phone|dev_8yywfqdDtgmronjE', 201, NULL, 1795897460383, 4006492079, 3);
INSERT INTO factors VALUES (14, x'93e7bcf9a5a1753d8c14b9d30e21c13e', 0, 1, 19, 'auth0|64f1c0de0000000000000003', 2, 84670499, 2, 2, 1, 1, 1, 0, 1795897458658, -11, 'email|dev_IaYyUta7Qo9NbY1S', NULL, NULL, 1795897459803, 3934745792, 4);
INSERT INTO factors VALUES (15, x'63665a833491a41b26548a38fca2bd06', 0, 1, 20, 'auth0|64f1c0de0000000000000004', 3, 140708297, 2, 2, 1, 1, 1, 0, 1795897459185, -11, 'totp|dev_eXJUAcgmARQ6x8Qx', NULL, NULL, 1795897460242, 1015669959, 4);
INSERT INTO factors VALUES (16, x'904aee196e3a62e4548ba9675e9f1883', 0, 1, 21, 'auth0|64f1c0de0000000000000003', 5, 2564986756, 2, 2, 1, 1, 1, 0, 1795897460443, -7, 'passkey|dev_NN64wSNCcyiOJuVI', 503, NULL, 1795897461532, 3078421486, 4);
INSERT INTO factors VALUES (17, x'21cc3d6c5575300d4b64ecedf559de99', 0, 1, 22, 'google-oauth2|100000000000000000001', 2, NULL, 2, 1, 1, 0, 0, 0, 1795897460467, -7, 'email|dev_6b4UYs0RJsr0XIvj', 201, NULL, 1795897460503, 1068671635, 3);
INSERT INTO factors VALUES (18, x'05fb7eac7411eb8b72b0023761fdcf9e', 0, 1, 23, 'auth0|64f1c0de0000000000000001', 1, 1337297679, 2, 2, 1, 1, 1, 0, 1795897460483, -7, 'phone|dev_hfkiVU8YlIW3vpT3', 503, NULL, 1795897461633, 2663261434, 4);
INSERT INTO factors VALUES (19, x'ec17c2454225884c47a7b7babde10877', 0, 1, 24, 'auth0|64f1c0de0000000000000004', 2, 557939791, 2, 1, 1, 0, 0, 0, 1795897460527, -7, 'email|dev_oehnho8EuBWNDz3i', 201, NULL, 1795897460568, 2447400516, 3);
INSERT INTO factors VALUES (20, x'7ecdbdda53ca96f600b93924eddd71b8', 0, 1, 25, 'auth0|u0', 1, 1868216248, 2, 1, 1, 0, 0, 0, 1795897460547, -7, 'phone|dev_9a4rW1Gf8gm4GS06', 201, NULL, 1795897460568, 1055520386, 3);
INSERT INTO factors VALUES (21, x'3fe24da55fd00d4ce40c37d25fd83cde', 0, 1, 26, 'auth0|gone1', 1, NULL, 6, 2, 1, 1, 1, 1, 1795897460604, -7, NULL, NULL, 'user_not_found', 1795897484245, 1530354276, 3);
INSERT INTO factors VALUES (22, x'2e1b72233a7172cd67825385e9ecdcce', 0, 1, 27, 'auth0|u2', 1, 1868216248, 2, 2, 1, 1, 1, 0, 1795897460627, -7, 'phone|dev_DfmI8lweLP2mHcnr', NULL, NULL, 1795897461826, 153338279, 4);
INSERT INTO factors VALUES (23, x'c50df5d9e477c2f738c0a4a54899a71a', 0, 1, 28, 'auth0|u3', 1, NULL, 2, 1, 1, 0, 0, 0, 1795897460685, -7, 'phone|dev_EuDip46AwwF2RQAj', 201, NULL, 1795897460719, 337046806, 3);
INSERT INTO factors VALUES (24, x'9753732d2e9e4a91db4e0d23fca9f807', 0, 1, 29, 'auth0|u4', 1, 1868216248, 2, 1, 1, 0, 0, 0, 1795897460696, -7, 'phone|dev_3Q3L49wDvZlDktbI', 201, NULL, 1795897460736, 2378697725, 3);
INSERT INTO factors VALUES (25, x'df8b19d00373b776e614ae8fbf35b20f', 0, 1, 30, 'auth0|u5', 1, NULL, 2, 1, 1, 0, 0, 0, 1795897460719, -7, 'phone|dev_cvg3cWQ6XiWbHn0Y', 201, NULL, 1795897460757, 2374343993, 3);
INSERT INTO factors VALUES (26, x'b0843d9caf78ac6277c34e0999127c07', 0, 1, 31, 'auth0|u6', 1, 1868216248, 2, 1, 1, 0, 0, 0, 1795897460797, -7, 'phone|dev_FoKJOkryylYE1GgZ', 201, NULL, 1795897460818, 186816325, 3);
INSERT INTO factors VALUES (27, x'e0451991a61b56498c21fc2dd7f8ea77', 0, 1, 32, 'auth0|u7', 1, NULL, 2, 2, 1, 1, 1, 0, 1795897460836, -7, 'phone|dev_B7YfuHbDPfn2UpBM', 503, NULL, 1795897461981, 3903467856, 4);
INSERT INTO factors VALUES (28, x'69821313a890f8c9fb2ddf3db3c31847', 0, 2, 2, 'auth0|v0', 1, NULL, 2, 1, 1, 0, 0, 0, 1795897485364, -364, 'phone|dev_IUl0B3lBjo8Ge5y8', 201, NULL, 1795897485491, 559960474, 2);
INSERT INTO factors VALUES (29, x'bddd98e473e302107646663b5d506515', 0, 2, 3, 'auth0|v1', 1, NULL, 2, 1, 1, 0, 0, 0, 1795897485614, -10, 'phone|dev_Y1XPzZoZq5LaaUs5', 201, NULL, 1795897485743, 2556118866, 2);
INSERT INTO factors VALUES (30, x'b4eb89bb035c24c06f4ede683801562a', 0, 2, 4, 'auth0|v2', 1, NULL, 2, 1, 1, 0, 0, 0, 1795897485864, -10, 'phone|dev_Vr2CvELqXXYLSTjH', 201, NULL, 1795897485989, 844154006, 2);
INSERT INTO factors VALUES (31, x'0e65132002d2baa486bed72d4b729d59', 0, 2, 5, 'auth0|v3', 1, NULL, 2, 1, 1, 0, 0, 0, 1795897486119, -10, 'phone|dev_uWYu91EhvZxdR8rl', 201, NULL, 1795897486250, 41018068, 2);
INSERT INTO factors VALUES (32, x'04d9917c9a65f3ed38b05c36086397ec', 0, 2, 6, 'auth0|v4', 1, NULL, 2, 1, 1, 0, 0, 0, 1795897486366, -10, 'phone|dev_hWysZSmHx6ccnnYW', 201, NULL, 1795897486494, 3681660849, 2);
INSERT INTO factors VALUES (33, x'80649f555f2df4b8b4d805b61ec9d27d', 0, 2, 7, 'auth0|v5', 1, NULL, 0, NULL, 0, 0, 0, 0, 1795897487120, -10, NULL, NULL, NULL, NULL, 297471428, 6);
INSERT INTO factors VALUES (34, x'000102030405060708090a0b0c0d0e0f', 1, 1, 2, 'auth0|w0', NULL, NULL, 13, 1, 1, 0, 0, 0, NULL, NULL, NULL, 200, NULL, 1795897484725, 1704682554, 1);
INSERT INTO factors VALUES (35, x'0102030405060708090a0b0c0d0e0f10', 0, 1, 5000000000, 'auth0|w1', 5, 4294967295, 5, 1, 3, 2, 0, 1, 1795897484725, NULL, NULL, NULL, 'http_503', 1795897484726, 3324716401, 1);
INSERT INTO factors VALUES (36, x'02030405060708090a0b0c0d0e0f1011', 4, 1, 7, 'auth0|w2', NULL, NULL, 6, 1, 1, 1, 0, 0, NULL, NULL, 'phone|dev_a', NULL, 'timeout', 0, 2382959472, 1);
INSERT INTO rejections VALUES ('in.csv', 8, -1, 1, 'auth0|64f1c0de0000000000000004', 1, '[{"field":"phone_number","rule":"is masked: export the whole number (tenant flag `disable_management_api_sms_obfuscation`)","code":"masked"}]', 1795897458223);
INSERT INTO rejections VALUES ('in.csv', 13, -1, 1, 'auth0|64f1c0de0000000000000004', 3, '[{"field":"totp_secret","rule":"asks for another number of `digits` than 6: the API takes 6 for granted, and every code would be wrong","code":"otpauth_digits"}]', 1795897458223);
INSERT INTO rejections VALUES ('in.csv', 18, -1, 1, 'auth0|64f1c0de0000000000000004', NULL, '[{"field":"type","rule":"must be `phone`, `email`, `totp`, `webauthn-roaming` or `passkey`; no other type can be created","code":"unknown_type"}]', 1795897458223);
INSERT INTO rejections VALUES ('in.csv', 33, -1, 1, 'auth0|u1', 1, '[{"field":"phone_number","rule":"must not contain letters: write `+`, the country code and the number","code":"missing_plus"}]', 1795897458223);
