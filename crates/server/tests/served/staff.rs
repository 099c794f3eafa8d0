//! The platform's staff from the command line: roles, courses, reviews and the end of sessions, with and without a server.

use crate::house::House;
use bonded_base::{Clock, Id, SystemChance, SystemClock};
use bonded_ledger::sqlite::{SqliteEngine, SqliteOptions};
use bonded_ledger::{Change, Ledger, PLATFORM, Scope};
use bonded_people::credentials::Credentials;
use bonded_people::session::{self, Factor, Person, Stage};
use bonded_people::staff::{StaffRecord, StaffRole, StaffState};
use bonded_vault::{Environment, Officer, Places, Vault};
use serde_json::Value;
use std::sync::Arc;

/// Takes people on, as the program itself would, while no server runs, with a session each; gives their ids.
async fn hire(house: &House, people: &[(&str, StaffRole)]) -> Vec<String> {
    let places = Places { primary: house.path("bonded-data-keys"), replicas: Vec::new() };
    let vault = Vault::open(&places, Environment::Development, Arc::new(SystemChance)).unwrap();
    vault.unseal(&Officer::read(&std::fs::read(house.officer()).unwrap(), None).unwrap()).unwrap();
    let engine = SqliteEngine::open(&house.path("bonded-data/bonded.sqlite"), SqliteOptions::default()).unwrap();
    let ledger = Ledger::open(Arc::new(engine), vault, Arc::new(SystemClock), Arc::new(SystemChance));
    let mut ids = Vec::new();
    for (name, role) in people {
        let person = StaffRecord {
            mail: format!("{name}@bonded.example").parse().unwrap(),
            name: (*name).to_owned(),
            roles: [*role].into_iter().collect(),
            credentials: Credentials::default(),
            state: StaffState::Active,
            joined_at: SystemClock.now(),
            last_sign_in_at: None,
        };
        let id = ledger.new_id::<StaffRecord>();
        let mut change = Change::new();
        change.create(id, &person, "joined");
        ledger.commit(&Scope::operator(PLATFORM), change).await.unwrap();
        let person = Person::Staff(Id::from_bytes(id.bytes()));
        session::begin(&ledger, person, Stage::Full, vec![Factor::Passkey], None, "test").await.unwrap();
        ids.push(id.to_string());
    }
    ledger.close().await;
    ids
}

fn json(house: &House, words: &[&str]) -> Value {
    house.must(&[words, &["--json"]].concat()).json()
}

#[test]
fn the_table_of_roles_needs_no_server() {
    let house = House::empty();
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/roles.md");
    assert_eq!(house.must(&["roles"]).out, std::fs::read_to_string(page).unwrap());
    let all = json(&house, &["roles"]);
    assert!(all["staff"]["powers"].as_array().unwrap().iter().any(|power| power["power"] == "reviews:decide"));
}

#[tokio::test]
async fn the_operator_keeps_staff_courses_and_reviews() {
    let house = House::new();
    let refused = house.run(&["review", "open", "--officer", &house.officer()]);
    assert_eq!(refused.code, 64, "nobody is on the staff: {}", refused.err);
    let ids = hire(&house, &[("ceo", StaffRole::Reviewer), ("ada", StaffRole::Support)]).await;
    let server = house.serve_unsealed();
    let everybody = json(&house, &["staff", "list"]);
    assert_eq!(
        (everybody["staff"][1]["staff"].as_str(), &everybody["staff"][1]["is_trained"]),
        (Some(&*ids[1]), &false.into())
    );
    assert!(everybody["staff"][1]["mail"].is_null(), "addresses are shown to who asks for them");
    assert!(house.must(&["staff", "list", "--addresses"]).out.contains("ada@bonded.example"));

    let invited = json(&house, &["staff", "invite", "grace@bonded.example", "--role", "engineer"]);
    let listed = json(&house, &["staff", "invitations"]);
    assert_eq!(
        (&listed["invitations"][0]["invitation"], listed["invitations"].as_array().unwrap().len()),
        (&invited["invitation"], 1)
    );
    assert!(listed["invitations"][0]["mail"].is_null(), "as above");
    assert!(house.must(&["staff", "invitations", "--addresses"]).out.contains("grace@bonded.example"));
    let which = invited["invitation"].as_str().unwrap();
    assert_eq!(json(&house, &["staff", "withdraw", which])["state"], "withdrawn");
    assert_eq!(house.run(&["staff", "withdraw", which]).code, 64, "once");
    assert_eq!(house.must(&["staff", "invitations"]).out, "nobody is invited\n");

    let course =
        json(&house, &["training", "course", "Privacy", "--for", "support", "--for", "engineer", "--valid-days", "30"]);
    assert_eq!((&course["version"], &course["valid_days"]), (&1.into(), &30.into()));
    let certificate = house.path("ada.pdf");
    std::fs::write(&certificate, [b"%PDF-1.7\n".to_vec(), vec![b'.'; 200_000]].concat()).unwrap();
    let certificate = certificate.display().to_string();
    let done = json(&house, &["training", "record", &ids[1], "privacy", "--certificate", &certificate]);
    assert_eq!(done["certificate_sha256"].as_str().map(str::len), Some(64));
    let again = house.run(&["training", "record", &ids[1], "privacy"]);
    assert_eq!(again.code, 64, "{}", again.err);
    let new = json(&house, &["training", "course", "Privacy", "--new-version"]);
    assert_eq!((&new["version"], &new["required_for"][0]), (&2.into(), &"support".into()), "the rest stays");
    let standings = json(&house, &["training", "list"]);
    assert_eq!(
        (&standings["staff"][1]["is_trained"], &standings["staff"][1]["courses"][0]["standing"]),
        (&true.into(), &"valid".into())
    );

    let both = json(&house, &["staff", "roles", &ids[1], "engineer", "on_call"]);
    assert_eq!(both["roles"], serde_json::json!(["engineer", "on_call"]));
    assert!(house.run(&["staff", "roles", &ids[1], "boss"]).err.contains("bonded roles"));
    let opened = json(&house, &["review", "open", "--every", "30"]);
    assert_eq!((&opened["accounts"], &opened["undecided"]), (&2.into(), &2.into()));
    assert_eq!(house.run(&["review", "open"]).code, 64, "one at a time");
    assert_eq!(json(&house, &["review", "list"])["reviews"][0]["review"], opened["review"]);
    let shown = house.must(&["review", "show", opened["review"].as_str().unwrap()]).out;
    assert!(shown.contains("ada") && shown.contains("2 of 2 undecided"), "{shown}");
    assert_eq!(json(&house, &["staff", "end", &ids[1]])["state"], "ended");
    server.stop().await;
    let listed = house.must(&["staff", "list", "--officer", &house.officer()]).out;
    assert!(listed.contains("ended") && listed.contains("no role"), "{listed}");
}

#[tokio::test]
async fn the_operator_ends_the_sessions_of_one_person_and_everybody_s() {
    let house = House::new();
    hire(&house, &[("ceo", StaffRole::Reviewer), ("ada", StaffRole::Support), ("bob", StaffRole::Engineer)]).await;
    let server = house.serve_unsealed();
    assert_eq!(json(&house, &["sign-out", "Ada@bonded.example"])["sessions"], 1);
    assert_eq!(json(&house, &["sign-out", "ada@bonded.example"])["sessions"], 0);
    let told = json(&house, &["mail", "list"]);
    assert!(told["mails"].as_array().unwrap().iter().all(|mail| mail["matter"] == "signed_out"), "{told}");
    for wrong in [&["sign-out"][..], &["sign-out", "ada@bonded.example", "--everybody"], &["sign-out", "nobody"]] {
        assert_eq!(house.run(wrong).code, 64, "{wrong:?}");
    }
    let nobody = house.run(&["sign-out", "nobody@bonded.example"]);
    assert!(nobody.code == 64 && nobody.err.contains("nobody has this address"), "{}", nobody.err);
    server.stop().await;
    let ended = house.must(&["sign-out", "--everybody", "--officer", &house.officer()]).out;
    assert_eq!(ended, "sessions that ended  2\n");
}
