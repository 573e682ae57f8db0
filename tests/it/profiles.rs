//! Profiles: settings of several tenants in one file, and what must never be taken for another's.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use mfaferry::sandbox::Settings;

use crate::support::{Bench, Done, binary, factors, run};

/// Flags, variables; and the client that is said and the tenant that was written to, or what is
/// said of why nobody was.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], Result<&'a str, &'a str>);

/// A tenant that knows only the client of that name.
fn bench(client: &str) -> Bench {
    Bench::new(Settings {
        client_id: Some(client.into()),
        client_secret: Some(format!("CANARY{client}").into()),
        static_tokens: vec![format!("CANARYtoken{client}").into()],
        ..Settings::default()
    })
}

/// Two tenants, and the settings file of both in the folder of the first.
fn tenants() -> (Bench, Bench) {
    let (acme, beta) = (bench("acme"), bench("beta"));
    acme.write("in.csv", factors(3).0);
    for name in ["acme", "beta"] {
        for (file, kind) in [(name.to_owned(), ""), (format!("{name}-token"), "token")] {
            let path = acme.write(&file, format!("CANARY{kind}{name}"));
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
    let [at_acme, at_beta] = [&acme, &beta].map(|bench| bench.tenant().base_url());
    let table = |name: &str, at: &str, more: &str| {
        format!("[tenant.{name}]\nbase_url = \"{at}\"\n{more}\n")
    };
    let file = "rate = 2000\nmax_attempts = 2\n".to_owned()
        + &table("acme", &at_acme, "client_id = \"acme\"\nclient_secret_file = \"acme\"")
        + &table("beta", &at_beta, "client_id = \"beta\"\nclient_secret_file = \"beta\"")
        + &table("ready", &at_acme, "token_file = \"acme-token\"")
        + &table("id-only", &at_acme, "client_id = \"acme\"\nmax_attempts = 4")
        + &table("place-only", &at_acme, "")
        + "[tenant.pace-only]\nreserve = \"50%\"\n";
    acme.write("tenants.toml", file);
    (acme, beta)
}

/// A command in the folder of the first.
fn command(folder: &Bench, name: &str) -> Command {
    let mut command = binary();
    command.current_dir(folder.folder.path()).args([name, "--config=tenants.toml"]);
    command
}

fn import(folder: &Bench, flags: &[&str], variables: &[(&str, &str)]) -> Done {
    let mut command = command(folder, "import");
    let done = run(command.arg("in.csv").args(flags).envs(variables.iter().copied()));
    let all = format!("{}{}", done.stdout, done.stderr);
    assert!(!all.contains("CANARY"), "{all}");
    done
}

fn requests(bench: &Bench) -> u64 {
    bench.tenant().stats().requests.values().sum()
}

#[test]
fn a_table_is_a_tenant_and_its_ledger_is_no_other_s() {
    let (acme, beta) = tenants();
    for (bench, name, from) in [(&acme, "acme", "--tenant"), (&beta, "beta", "MFAFERRY_TENANT")] {
        let ledger = format!("--ledger={name}.ledger");
        let (flag, variable) = (format!("--tenant={name}"), [("MFAFERRY_TENANT", name)]);
        let is_flag = from == "--tenant";
        let flags = if is_flag { vec![&*flag, &*ledger] } else { vec![&*ledger] };
        let done = import(&acme, &flags, if is_flag { &[] } else { &variable });
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!(bench.tenant().stats().created, 3, "{name}");
        let at = bench.tenant().base_url();
        let said = format!(
            "tenant {at} ([tenant.{name}]) · client {name} ([tenant.{name}]) · scopes create, read · \
             ledger {name}.ledger (new) · settings tenants.toml · profile {name} ({from})"
        );
        assert_eq!(done.stderr.lines().next(), Some(&*said), "{done:?}");
        // The suggested commands go to the same tenant.
        assert!(done.stdout.contains("--tenant acme") || !is_flag, "{done:?}");
    }
    let done = import(&acme, &["--tenant=beta", "--ledger=acme.ledger"], &[]);
    assert_eq!(done.code, Some(6), "another tenant's ledger: {done:?}");
    assert_eq!((acme.tenant().stats().created, beta.tenant().stats().created), (3, 3));

    let json = ["--tenant=acme", "--ledger=acme.ledger", "--log-format=json"];
    let done = import(&acme, &json, &[]);
    let line: serde_json::Value =
        serde_json::from_str(done.stderr.lines().next().unwrap()).unwrap();
    assert_eq!(line["fields"]["profile"], "acme", "{line}");
    assert_eq!(line["fields"]["profile_from"], "--tenant", "{line}");
    assert_eq!(line["fields"]["credentials_from"], "[tenant.acme]", "{line}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of places")]
fn nothing_is_sent_where_the_environment_speaks_of_another_tenant_than_the_table() {
    let (acme, beta) = tenants();
    let at_beta = beta.tenant().base_url();
    let at_acme = acme.tenant().base_url();
    let (id, secret) = ("AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET");
    let (domain, audience, token) = ("AUTH0_DOMAIN", "AUTH0_AUDIENCE", "AUTH0_API_TOKEN");
    let (url, secret_file) = ("MFAFERRY_BASE_URL", "MFAFERRY_CLIENT_SECRET_FILE");
    let (token_file, key) = ("MFAFERRY_TOKEN_FILE", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY");
    let [acme_s, beta_s] = ["acme", "beta"].map(|name| format!("CANARY{name}"));
    let (acme_s, beta_s) = (&*acme_s, &*beta_s);
    let to_beta = format!("--base-url={at_beta}");
    let wrong_audience = format!("{at_beta}/api/v2/");
    let right_audience = format!("{at_acme}/api/v2/");
    let cases: [Case<'_>; 26] = [
        // Another place.
        (&["--tenant=acme"], &[(url, &at_beta)], Err("MFAFERRY_BASE_URL names another tenant")),
        (&["--tenant=acme"], &[(domain, "beta.example")], Err("AUTH0_DOMAIN names another tenant")),
        (&[], &[("MFAFERRY_TENANT", "acme"), (domain, "beta.example")], Err("unset AUTH0_DOMAIN")),
        (
            &["--tenant=place-only"],
            &[(url, &at_beta), (id, "beta"), (secret, beta_s)],
            Err("BASE_URL"),
        ),
        (
            &["--tenant=acme"],
            &[("MFAFERRY_SANDBOX", "true")],
            Err("MFAFERRY_SANDBOX names another"),
        ),
        (
            &["--tenant=acme"],
            &[(audience, &wrong_audience)],
            Err("AUTH0_AUDIENCE names another aud"),
        ),
        // The same place, or none in the table.
        (&["--tenant=acme"], &[(url, &at_acme)], Ok("client acme ([tenant.acme])")),
        (&["--tenant=acme"], &[(audience, &right_audience)], Ok("client acme ([tenant.acme])")),
        (
            &["--tenant=pace-only"],
            &[(url, &at_acme), (id, "acme"), (secret, acme_s)],
            Ok("client acme (AUTH0_CLIENT_ID)"),
        ),
        // Another client, whole or in part.
        (
            &["--tenant=acme"],
            &[(id, "beta"), (secret, beta_s)],
            Err("AUTH0_CLIENT_ID names another"),
        ),
        (&["--tenant=acme"], &[(id, "beta")], Err("AUTH0_CLIENT_ID names another client")),
        (&["--tenant=id-only"], &[(id, "beta"), (secret, beta_s)], Err("AUTH0_CLIENT_ID names")),
        (&["--tenant=acme"], &[(secret, beta_s)], Err("AUTH0_CLIENT_SECRET would take the place")),
        (&["--tenant=acme"], &[(secret_file, "beta")], Err("MFAFERRY_CLIENT_SECRET_FILE would")),
        (
            &["--tenant=acme"],
            &[(key, "CANARYkey")],
            Err("AUTH0_CLIENT_ASSERTION_PRIVATE_KEY would"),
        ),
        (&["--tenant=acme"], &[(token, "CANARYtokenbeta")], Err("AUTH0_API_TOKEN would take")),
        (&["--tenant=acme"], &[(token_file, "beta-token")], Err("MFAFERRY_TOKEN_FILE would take")),
        (&["--tenant=id-only"], &[(token, "CANARYtokenbeta")], Err("AUTH0_API_TOKEN would take")),
        (&["--tenant=ready"], &[(id, "beta"), (secret, beta_s)], Err("AUTH0_CLIENT_SECRET would")),
        (&["--tenant=ready"], &[(token, "CANARYtokenbeta")], Err("AUTH0_API_TOKEN would take")),
        // The same client, or none in the table.
        (
            &["--tenant=acme"],
            &[(id, "acme"), (secret, acme_s)],
            Ok("client acme (AUTH0_CLIENT_ID)"),
        ),
        (
            &["--tenant=id-only"],
            &[(secret, acme_s)],
            Ok("client acme ([tenant.id-only], secret AUTH0_CLIENT_SECRET)"),
        ),
        (
            &["--tenant=place-only"],
            &[(id, "acme"), (secret, acme_s)],
            Ok("client acme (AUTH0_CLIENT_ID)"),
        ),
        // A flag is nearest, but a table's credentials are for the table's tenant.
        (&["--tenant=acme", &to_beta], &[], Err("credentials of `[tenant.acme]` would be sent")),
        (
            &["--tenant=acme", "--token-file=acme-token"],
            &[(token, "CANARYtokenbeta"), (id, "beta"), (secret, beta_s)],
            Ok("token (--token-file)"),
        ),
        (&["--tenant=ready"], &[(id, "beta")], Ok("token ([tenant.ready])")),
    ];
    for (number, (flags, variables, expected)) in cases.into_iter().enumerate() {
        let ledger = format!("--ledger=ledger{number}");
        let before = requests(&acme);
        let done = import(&acme, &[flags, &[&*ledger]].concat(), variables);
        let (Ok(text) | Err(text)) = expected;
        let names: Vec<_> = variables.iter().map(|(name, _)| name).collect();
        assert!(done.stderr.contains(text), "{flags:?} {names:?}: {text}: {done:?}");
        let code = if expected.is_ok() { 0 } else { 3 };
        assert_eq!(done.code, Some(code), "{flags:?} {names:?}: {done:?}");
        assert_eq!(requests(&acme) > before, expected.is_ok(), "{flags:?} {names:?}");
    }
    assert_eq!(requests(&beta), 0, "the other tenant was asked");
}

#[test]
fn credentials_above_the_tables_are_not_sent_to_the_tenant_of_a_table() {
    let (acme, beta) = tenants();
    let [at_acme, at_beta] = [&acme, &beta].map(|bench| bench.tenant().base_url());
    let credentials = "client_id = \"acme\"\nclient_secret_file = \"acme\"\n";
    let table = format!("[tenant.beta]\nbase_url = \"{at_beta}\"\n");
    // Said to be one tenant's, and not another's.
    acme.write("tenants.toml", format!("base_url = \"{at_acme}\"\n{credentials}{table}"));
    let done = import(&acme, &["--tenant=beta"], &[]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("the credentials of `tenants.toml` would be sent"), "{done:?}");
    // Half of a client, and half of another.
    acme.write("tenants.toml", format!("{credentials}{table}client_id = \"beta\"\n"));
    let done = import(&acme, &["--tenant=beta"], &[]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(
        done.stderr.contains("[tenant.beta] names another client than tenants.toml"),
        "{done:?}"
    );
    assert_eq!((requests(&acme), requests(&beta)), (0, 0));
    // A part of what is said to be one tenant's.
    let own = "client_id = \"beta\"\nclient_secret_file = \"beta\"\n";
    let audience = format!("audience = \"{at_acme}/api/v2/\"\n");
    let secret = own.split_once('\n').unwrap().1;
    for (more, table_s, said) in [
        (
            &*audience,
            own,
            format!("write `audience = \"{at_beta}/api/v2/\"` below `[tenant.beta]`"),
        ),
        ("", secret, "write `client_id = ".into()),
    ] {
        let top = format!("base_url = \"{at_acme}\"\n{more}{credentials}");
        acme.write("tenants.toml", format!("{top}{table}{table_s}"));
        let done = import(&acme, &["--tenant=beta"], &[]);
        assert_eq!(done.code, Some(3), "{done:?}");
        assert!(done.stderr.contains(&said), "{said}: {done:?}");
    }
    assert_eq!((requests(&acme), requests(&beta)), (0, 0));
    // One client for all of them is what the file says.
    acme.write("tenants.toml", format!("{credentials}[tenant.one]\nbase_url = \"{at_acme}\"\n"));
    let done = import(&acme, &["--tenant=one"], &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stderr.contains("client acme (tenants.toml)"), "{done:?}");
}

#[test]
fn a_setting_comes_from_flag_environment_table_file_in_this_order() {
    let (acme, _) = tenants();
    let table = "[tenant.one]\nledger = \"table\"\nsandbox = true\nrate = 2000\n";
    for (number, (top, flags, variables, ledger)) in [
        ("", &["--ledger=flag"][..], &[("MFAFERRY_LEDGER", "environment")][..], "flag"),
        ("", &[], &[("MFAFERRY_LEDGER", "environment")], "environment"),
        ("ledger = \"file\"\n", &[], &[], "table"),
        // Above the tables it is for those that say nothing of their own.
        ("ledger = \"file\"\nsandbox = true\n", &["--tenant=other"], &[], "file"),
    ]
    .into_iter()
    .enumerate()
    {
        acme.write("tenants.toml", format!("{top}{table}[tenant.other]\n"));
        let flags = [&["--tenant=one", "--output=json"], flags].concat();
        let done = import(&acme, &flags, variables);
        assert_eq!(done.code, Some(0), "{number}: {done:?}");
        assert_eq!(done.summary()["ledger"], ledger, "{number}: {done:?}");
        let is_said = done.stderr.contains("MFAFERRY_LEDGER is set and overrides `ledger` of");
        assert_eq!(is_said, ledger == "environment", "{number}: {done:?}");
    }
    // A tenant that a table names is meant more than a sandbox above it.
    let at = acme.tenant().base_url();
    let text = format!(
        "sandbox = true\n[tenant.one]\nbase_url = \"{at}\"\nclient_id = \"acme\"\n\
         client_secret_file = \"acme\"\n"
    );
    acme.write("tenants.toml", text);
    let done = import(&acme, &["--tenant=one", "--ledger=real"], &[]);
    assert_eq!((done.code, acme.tenant().stats().created), (Some(0), 3), "{done:?}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of faults")]
fn what_is_wrong_with_a_table_is_named_with_its_line_and_never_its_value() {
    let (acme, _) = tenants();
    let one = "[tenant.one]\n";
    for (text, code, words) in [
        ("[tenant.one]\nrat = 5\n", 2, &["line 2", "`rat`", "`rate`"][..]),
        ("[tenant.two]\n[tenant.one]\nmax_error = 5\n", 2, &["line 3", "`max_errors`"]),
        ("[tenant.one]\n[tenant.two]\nrate = \"fast\"\n", 2, &["`fast`", "line 3", "`auto`"]),
        ("[tenant.one]\nclient_secret = \"CANARY\"\n", 2, &["line 2", "client_secret_file"]),
        ("[tenant.one]\napi_token = \"CANARY\"\n", 2, &["line 2"]),
        ("[tenant.one]\ntenant = \"CANARY\"\n", 2, &["line 2", "`tenant`"]),
        ("[tenant.one.more]\nrate = 5\n", 2, &["line 1"]),
        ("[tenant.one]\nrate = [5]\n", 3, &["line 2", "neither text nor a number"]),
        ("[tenant.one]\n\"max-errors\" = 1\nmax_errors = 2\n", 2, &["line 3", "twice"]),
        ("tenant = \"CANARY\"\n", 2, &["line 1", "--tenant NAME"]),
        ("[tenant]\nrate = 5\n", 2, &["line 2", "[tenant.NAME]"]),
        ("[[tenant.one]]\nrate = 5\n", 2, &["line 1", "[tenant.NAME]"]),
        ("rate = 5\n[tenants.one]\nrate = 5\n", 2, &["line 2", "`tenants`"]),
        (
            "[tenant.one]\n[tenant.one]\nkey = \"CANARY\"\n",
            3,
            &["line 2", "repeats a table or a key"],
        ),
        ("rate = 5\nrate = 6\n", 3, &["line 2", "repeats a table or a key"]),
        ("rate = 5\n[tenant.one\n", 3, &["line 2", "not TOML"]),
        (
            "[tenant.one]\nclient_signing_alg = \"RS512\"\n",
            2,
            &["`RS512` for `client_signing_alg` in `tenants.toml` line 2", "RS256, RS384"],
        ),
        ("[tenant.one]\nclient_key = \"CANARY\"\n", 2, &["line 2", "`client_key_file`"]),
        (
            "[tenant.one]\ndomain = \"https://acme.example\"\n",
            3,
            &["the domain is not a plain host name ([tenant.one])"],
        ),
    ] {
        acme.write("tenants.toml", text);
        let done = import(&acme, &["--tenant=one"], &[]);
        assert_eq!(done.code, Some(code), "{text}: {done:?}");
        for word in words {
            assert!(done.stderr.contains(word), "{text}: {word}: {done:?}");
        }
    }
    let two = format!("{one}sandbox = true\n[tenant.prod-eu]\n[tenant.\"a b\"]\n");
    for (text, flags, words) in [
        (&*two, &["--tenant=prod_eu"][..], &["no table `[tenant.prod_eu]`", "mean `prod-eu`"][..]),
        (&two, &["--tenant=x"], &["the tenants in it are: ", "one", "prod-eu", "a b"]),
        (&two, &["--tenant="], &["--tenant is empty", "prod-eu"]),
        (
            "rate = 5\n",
            &["--tenant=one"],
            &["no table `[tenant.one]`", "it has no `[tenant.NAME]`"],
        ),
        (&two, &[], &["no tenant given", "with --tenant NAME: ", "one", "prod-eu"]),
        // The table is where whoever has tables keeps credentials.
        (
            "[tenant.one]\ndomain = \"one.example\"\n",
            &["--tenant=one"],
            &["no credentials", "give `[tenant.one]` client_id and client_secret_file"],
        ),
        (
            "[tenant.one]\ndomain = \"one.example\"\nclient_id = \"one\"\n",
            &["--tenant=one"],
            &["secret is missing", "give `[tenant.one]` client_id and", "or set AUTH0_CLIENT_ID"],
        ),
        (
            "domain = \"top.example\"\n[tenant.one]\n",
            &[],
            &["no credentials", "`tenants.toml` with --tenant NAME: one; or set AUTH0_CLIENT_ID"],
        ),
        (
            "[tenant.one]\nclient_id = \"one\"\nclient_secret_file = \"~/one\"\n\
             domain = \"one.example\"\n",
            &["--tenant=one"],
            &["cannot be read", "write its path in full"],
        ),
        (
            "[tenant.one]\nclient_id = \"one\"\nclient_secret_file = \"no/one\"\n\
             domain = \"one.example\"\n",
            &["--tenant=one"],
            &["cannot be read", "relative to the working directory"],
        ),
    ] {
        acme.write("tenants.toml", text);
        let done = import(&acme, flags, &[]);
        assert_eq!(done.code, Some(3), "{flags:?}: {done:?}");
        for word in words {
            assert!(done.stderr.contains(word), "{flags:?}: {word}: {done:?}");
        }
    }
    acme.write("tenants.toml", &two);
    assert_eq!(import(&acme, &["--tenant=one"], &[]).code, Some(0));
    // Without a file there is no table, and the one that is only found has none.
    let elsewhere = |file: Option<&str>| {
        let bench = Bench::new(Settings::default());
        bench.write("in.csv", factors(1).0);
        file.map(|text| bench.write("mfaferry.toml", text));
        let mut command = binary();
        run(command.current_dir(bench.folder.path()).args(["import", "in.csv", "--tenant=one"]))
    };
    for (file, word) in
        [(None, "there is no settings file"), (Some(&*two), "`--config ./mfaferry.toml`")]
    {
        let done = elsewhere(file);
        assert_eq!(done.code, Some(3), "{done:?}");
        assert!(done.stderr.contains(word) && done.stderr.contains("--config"), "{done:?}");
    }
}
