//! What a server will not start with: each with its exit code, one sentence and advice.

use crate::house::{House, Said};
use std::net::TcpListener;

/// Asserts on the exit code and on the words, and that there is advice.
fn refused(said: &Said, code: i32, words: &str) {
    assert_eq!(said.code, code, "{}", said.err);
    assert!(said.err.contains(words), "{words}: {}", said.err);
    assert!(said.err.contains("\n  next: "), "{}", said.err);
}

const FREE: [&str; 5] = ["serve", "--public", "127.0.0.1:0", "--private", "127.0.0.1:0"];

#[test]
fn a_configuration_with_mistakes() {
    let house = House::empty();
    std::fs::write(house.path("bonded.toml"), "enviroment = \"production\"\n[public]\nlisten = \"everywhere\"\n")
        .unwrap();
    let said = house.run(&FREE[..1]);
    refused(&said, 78, "did you mean `environment`?");
    assert!(said.err.contains("public.listen (from bonded.toml)"), "{}", said.err);
    refused(&house.run(&["serve", "--config", "elsewhere.toml"]), 78, "elsewhere.toml cannot be read");
    assert_eq!(house.run(&["serve", "--colour"]).code, 64);
    assert_eq!(house.run(&["frobnicate"]).code, 64);
}

#[test]
fn a_place_where_nothing_was_set_up() {
    let house = House::empty();
    refused(&house.run(&FREE), 78, "there is no data directory");
    house.must(&["init", "--environment", "development"]);
    refused(&house.run(&FREE), 77, "holds no keys");
    refused(&house.run(&["init"]), 73, "is a data directory already");
}

#[test]
fn keys_of_another_environment() {
    let house = House::new();
    refused(
        &house.run(&[&FREE[..], &["--environment", "staging"]].concat()),
        78,
        "belong to development, not to staging",
    );
}

#[test]
fn a_deployment_that_is_in_use() {
    let house = House::new();
    let server = house.serve();
    refused(&house.run(&FREE), 75, "another process");
    server.end();
}

#[test]
fn a_port_that_is_taken() {
    let house = House::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&house.run(&["serve", "--private", "127.0.0.1:0", "--public", &address]), 75, &address);
}

#[test]
fn a_database_of_a_newer_program() {
    let house = House::new();
    house.serve().end();
    let file = rusqlite::Connection::open(house.path("bonded-data/bonded.sqlite")).unwrap();
    file.pragma_update(None, "user_version", 999).unwrap();
    drop(file);
    refused(&house.run(&FREE), 65, "schema version 999");
    let doctor = house.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.out.contains("schema version 999"), "{}", doctor.out);
}

#[test]
fn a_postgresql_that_is_not_there() {
    let house = House::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = house.command(&[&FREE[..], &["--engine", "postgres"]].concat());
    command.env("BONDED_DATABASE_URL", format!("postgres://u:hunter2@{nobody}/d"));
    let output = command.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(69), "{err}");
    assert!(err.contains("cannot be reached") && !err.contains("hunter2"), "{err}");
}

#[test]
fn others_who_may_look_in() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(house.path("bonded-data"), open).unwrap();
    refused(&house.run(&FREE), 78, "others may look into");
}

#[test]
fn doctor_finds_a_good_server_good() {
    let house = House::new();
    let server = house.serve_unsealed();
    let doctor = house.run(&["doctor", "--json"]);
    assert_eq!(doctor.code, 0, "{}", doctor.out);
    let checks = doctor.json()["checks"].as_array().unwrap().clone();
    for about in ["configuration", "data", "server", "database", "keys", "certificate", "clock", "disk", "core dumps"] {
        assert!(checks.iter().any(|check| check["about"] == about), "{about}");
    }
    server.end();
    assert_eq!(house.run(&["doctor"]).code, 0);
}

#[test]
fn what_init_makes_lies_beside_the_file_it_writes() {
    let house = House::empty();
    house.must(&["init", "--environment", "development", "--config", "sub/bonded.toml"]);
    assert!(house.path("sub/bonded-data/tls/ca.pem").exists());
    let doctor = house.run(&["doctor", "--config", "sub/bonded.toml"]);
    assert!(doctor.out.contains("sub/bonded-data, for its owner alone"), "{}", doctor.out);
}
