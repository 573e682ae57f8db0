//! A realm of Keycloak of any size, as `kc.sh export` lays one out: a document of people with a
//! password and a secret, some 1,100 bytes each.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    process::{Command, Stdio},
};

use super::{
    Options,
    modes::{Place, expect},
    numbers::{Spread, at_least, at_most},
    process::{Cost, measure},
};

/// People in a file that is read from disk, at most: 1.1 GB.
const IN_A_FILE: u64 = 1_000_000;

fn write(out: &mut dyn Write, people: u64) -> io::Result<()> {
    out.write_all(b"{\n  \"id\" : \"acme\",\n  \"realm\" : \"acme\",\n  \"users\" : [ ")?;
    for number in 0..people {
        if number > 0 {
            out.write_all(b", ")?;
        }
        write!(
            out,
            "{{\n    \"id\" : \"{number:08x}-1a2b-4c3d-8e4f-{number:012x}\",\n    \"createdTimestamp\" : \
             1717000000000,\n    \"username\" : \"user{number}\",\n    \"enabled\" : true,\n    \"totp\" : \
             true,\n    \"emailVerified\" : true,\n    \"firstName\" : \"First{number}\",\n    \"lastName\" : \
             \"Last\",\n    \"email\" : \"user{number}@example.org\",\n    \"credentials\" : [ {{\n      \"id\" \
             : \"p{number}\",\n      \"type\" : \"password\",\n      \"createdDate\" : 1717000000000,\n      \
             \"secretData\" : \"{{\\\"value\\\":\\\"c3ludGhldGljc3ludGhldGljc3ludGhldGljc3ludGg=\\\",\
             \\\"salt\\\":\\\"c2FsdHNhbHRzYWx0\\\",\\\"additionalParameters\\\":{{}}}}\",\n      \
             \"credentialData\" : \"{{\\\"hashIterations\\\":27500,\\\"algorithm\\\":\\\"pbkdf2-sha256\\\"}}\"\n    \
             }}, {{\n      \"id\" : \"c{number}\",\n      \"type\" : \"otp\",\n      \"userLabel\" : \"Pixel\",\n      \
             \"createdDate\" : 1717000000000,\n      \"secretData\" : \"{{\\\"value\\\":\\\"Secret{number:014}\\\"}}\",\
             \n      \"credentialData\" : \"{{\\\"subType\\\":\\\"totp\\\",\\\"digits\\\":6,\\\"counter\\\":0,\
             \\\"period\\\":30,\\\"algorithm\\\":\\\"HmacSHA1\\\"}}\"\n    }} ],\n    \"disableableCredentialTypes\" \
             : [ ],\n    \"requiredActions\" : [ ],\n    \"realmRoles\" : [ \"default-roles-acme\" ],\n    \
             \"notBefore\" : 0,\n    \"groups\" : [ ]\n  }}"
        )?;
    }
    out.write_all(b" ]\n}\n")?;
    out.flush()
}

/// Checks a realm of so many people, out of a file or, where that would be too large, out of a
/// pipe.
fn check(options: &Options, place: &Path, people: u64) -> Cost {
    let mut command = Command::new(&options.program);
    command.args(["check", "--from", "keycloak", "--output", "json"]);
    if people > IN_A_FILE {
        let (reader, writer) = io::pipe().expect("a pipe");
        let writing = std::thread::spawn(move || write(&mut BufWriter::new(writer), people));
        command.arg("-").stdin(Stdio::from(reader));
        let cost = measure(&mut command);
        writing.join().expect("it does not panic").expect("the program reads to the end");
        return cost;
    }
    let file = File::create(place).expect("the folder is ours");
    write(&mut BufWriter::new(file), people).expect("there is room");
    measure(command.arg(place))
}

pub(crate) fn export(options: &Options) {
    let people = options.rows.unwrap_or(200_000);
    let place = Place::new(options);
    let file = place.input.with_file_name("realm.json");
    let run = || {
        let cost = check(options, &file, people);
        expect(&cost, "factors", people);
        cost
    };
    let costs: Vec<Cost> = (0..options.rounds).map(|_| run()).collect();
    println!("check of a realm: {people} people, {} rounds", options.rounds);
    let speed = costs.iter().map(|cost| people as f64 / cost.wall.as_secs_f64());
    at_least("people a second", 50_000.0, &speed.collect());
    let peak: Spread = costs.iter().map(|cost| cost.peak).collect();
    at_most("MiB", 64.0, &peak);
}
