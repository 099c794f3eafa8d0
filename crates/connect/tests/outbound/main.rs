//! The way out: real servers under TLS, good ones and bad ones, and what is written down before they hear anything.

#![cfg(test)]

mod limits;
mod refusals;
mod traces;

use bonded_base::{Id, Kind, Kinded};
use bonded_connect::outbound::{Answer, CallError, Host, Line, Outbound, OutboundSetup, Owner, Request, Resolve, Url};
use bonded_ledger::Scope;
use bonded_testkit::https_server::HttpsServer;
use bonded_testkit::ledger::{TestLedger, on_sqlite};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

/// A connection, as far as calls need one.
pub enum Connection {}

impl Kinded for Connection {
    const KIND: Kind = Kind::Connection;
}

/// Names as a test says; whatever else leads to this machine.
#[derive(Default)]
pub struct Names {
    addresses: HashMap<&'static str, Vec<IpAddr>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Resolve for Names {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        Ok(self.addresses.get(name).cloned().unwrap_or_else(|| vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]))
    }
}

/// A ledger, and the way out of an account in it.
pub struct World {
    pub ledger: TestLedger,
    pub scope: Scope,
    pub outbound: Outbound,
    pub names: Arc<Names>,
}

impl World {
    /// A world that trusts this server's authority.
    pub async fn around(server: &HttpsServer) -> Self {
        Self::with(server, &[], true).await
    }

    pub async fn with(server: &HttpsServer, names: &[(&'static str, &[&str])], loopback: bool) -> Self {
        let ledger = on_sqlite().await;
        let scope = ledger.any_account();
        let parsed = |addresses: &[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        let addresses = names.iter().map(|(name, addresses)| (*name, parsed(addresses))).collect();
        let names = Arc::new(Names { addresses, asked: Mutex::default() });
        let setup = OutboundSetup {
            loopback,
            root_certificate: Some(server.authority()),
            user_agent: String::from("Bonded/test"),
        };
        let outbound = Outbound::with_resolver(setup, names.clone()).unwrap();
        Self { ledger, scope, outbound, names }
    }

    pub fn owner() -> Owner {
        Owner::of(Id::<Connection>::from_bytes([7; 16]))
    }

    /// A line to these hosts.
    pub fn line(&self, hosts: &[&str]) -> Line {
        let hosts = hosts.iter().map(|host| host.parse::<Host>().unwrap()).collect();
        self.outbound.line(&self.ledger, &self.scope, Self::owner(), hosts)
    }

    /// Asks something of an address whose host was approved.
    pub async fn ask(&self, url: &str) -> Result<Answer, CallError> {
        let url: Url = url.parse().unwrap();
        let host = Host::of(&url).map(|host| host.to_string());
        self.line(&host.iter().map(String::as_str).collect::<Vec<_>>()).call("tests", &[], Request::get(url)).await
    }
}
