//! All tests of the workspace in one run, with a PostgreSQL of their own.

use crate::chore::{Chore, Voice, colour};
use crate::failure::Failure;
use crate::needs::has_nextest;
use crate::plan::Round;
use bonded_pgcluster::{Cluster, Programs};
use std::env;
use std::fs;
use std::path::Path;

/// Names the cluster to the tests; set from outside, that cluster is used and none is started.
const CLUSTER_VARIABLE: &str = "BONDED_TEST_POSTGRES";

/// Where the server's log goes when tests failed.
const SERVER_LOG: &str = "target/postgresql.log";

/// Starts a cluster, runs unit, conformance and end-to-end tests, and takes the cluster away again.
pub fn run(round: &mut Round) -> Result<(), Failure> {
    if let Ok(url) = env::var(CLUSTER_VARIABLE) {
        println!("    PostgreSQL: the one that {CLUSTER_VARIABLE} names");
        return test(round, &url);
    }
    let programs = Programs::find()
        .ok_or_else(|| Failure::Missing("PostgreSQL is missing: `cargo xtask needs` installs it".to_owned()))?;
    let cluster = Cluster::start(&programs).map_err(Failure::reaching("a private PostgreSQL"))?;
    println!("    PostgreSQL: private, in {} while the tests run", cluster.directory().display());
    let outcome = test(round, &cluster.url());
    if outcome.is_err() {
        keep_log(round.root, &cluster)?;
    }
    outcome
}

fn test(round: &mut Round, url: &str) -> Result<(), Failure> {
    let (mut words, voice) = if has_nextest(round.root) {
        (vec!["nextest", "run", "--workspace", "--no-fail-fast", "--color", colour()], Voice::Error)
    } else {
        (vec!["test", "--workspace", "--no-fail-fast"], Voice::Output)
    };
    if round.is_quick {
        words.extend(["--lib", "--bins"]);
    } else if matches!(voice, Voice::Output) {
        // Not the examples in the docs: they are a step of their own.
        words.push("--tests");
    }
    Chore::cargo(round.root, &words).env(CLUSTER_VARIABLE, url).count(voice, &mut round.tally)
}

fn keep_log(root: &Path, cluster: &Cluster) -> Result<(), Failure> {
    fs::copy(cluster.directory().join("log"), root.join(SERVER_LOG)).map_err(Failure::reaching(SERVER_LOG))?;
    println!("    what PostgreSQL said meanwhile: {SERVER_LOG}");
    Ok(())
}
