//! Assertions of a proxy: what is believed, and the many that are not.

#![cfg(test)]

mod audiences;
mod believed;
mod flips;
mod headers;
mod key_sets;
mod mint;
mod people_and_times;
mod signatures;
mod structure;

use bonded_people::assertion::Refusal;
use mint::Mint;
use std::collections::HashSet;

/// Bad assertions that must be tried at least.
const CASES_MIN: usize = 200;

/// An assertion that must not be believed, and why.
pub struct Case {
    pub name: String,
    pub assertion: String,
    pub why: Refusal,
}

pub fn case(why: Refusal, name: impl Into<String>, assertion: String) -> Case {
    Case { name: name.into(), assertion, why }
}

#[test]
fn every_bad_assertion_is_refused_for_its_own_reason() {
    let mint = Mint::new();
    let good = mint.token(mint::HEADER, &mint::claims());
    assert!(mint.verify(&good).is_ok(), "the assertion that all others are made from must be a good one");
    let mut cases = headers::cases(&mint);
    cases.extend(people_and_times::cases(&mint));
    cases.extend(audiences::cases(&mint));
    cases.extend(structure::cases(&mint));
    cases.extend(signatures::cases(&mint));
    for Case { name, assertion, why } in &cases {
        assert_eq!(mint.verify(assertion).err(), Some(*why), "{name}");
    }
    let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "each case has a name of its own");
    let mut assertions = HashSet::new();
    for Case { name, assertion, .. } in &cases {
        assert!(assertions.insert(assertion), "{name} is tried twice");
    }
    println!("{} bad assertions", cases.len());
    assert!(cases.len() >= CASES_MIN);
    let reasons: HashSet<_> = cases.iter().map(|case| case.why).collect();
    assert_eq!(reasons.len(), 19, "every reason is met");
    assert!(!assertions.contains(&good));
}
