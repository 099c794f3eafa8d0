//! Reaches a PostgreSQL server: over TLS with the server's name and certificate checked, unless it is this machine.

use super::failure::{connect_error, pool_error};
use crate::engine::EngineError;
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long one attempt to connect may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// How long a server may leave unanswered what the network carries to it.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long a call waits for a connection while all are busy.
const POOL_WAIT: Duration = Duration::from_secs(30);

/// What every session is told. Each of our statements has one right plan, through an index in its order, whatever the
/// tables hold; planned while a table is empty, and kept, it would become a scan of the whole table. A server that does
/// not wait for its disk is made to. The arrays of a batch fit into memory.
const SESSION: &str = "
    SET plan_cache_mode = force_generic_plan; SET jit = off;
    SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;
    SET enable_hashjoin = off; SET enable_mergejoin = off;
    SET work_mem = '64MB';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Where the server is and how it is spoken to; makes single connections and pools of them.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    tls: MakeRustlsConnect,
}

impl Server {
    /// Reads a `postgres://` URL and refuses one that would send data in clear over a network.
    pub(super) fn at(url: &str, root_certificates: Option<PathBuf>) -> Result<Self, EngineError> {
        // The parser's error could repeat a part of the URL, and so of the password.
        let mut config: Config =
            url.parse().map_err(|_| EngineError::Failed("the PostgreSQL URL cannot be read".into()))?;
        if !config.get_hosts().iter().all(is_this_machine) || has_foreign_address(&config) {
            if config.get_ssl_mode() == SslMode::Disable {
                return Err(EngineError::Failed(
                    "the PostgreSQL URL says sslmode=disable for a server that is not on this machine".into(),
                ));
            }
            config.ssl_mode(SslMode::Require);
        }
        if config.get_application_name().is_none() {
            config.application_name("bonded");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WAIT);
        }
        // A server that went away without a word is noticed, so that callers hear of it.
        config.keepalives_idle(SILENCE_MAX).keepalives_interval(SILENCE_MAX / 3).keepalives_retries(3);
        config.tcp_user_timeout(SILENCE_MAX);
        Ok(Self { config, tls: MakeRustlsConnect::new(tls(root_certificates)?) })
    }

    /// A pool of connections that are made when they are needed.
    pub(super) fn pool(&self, connections_max: usize) -> Result<Pool, EngineError> {
        let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        Pool::builder(Manager::from_config(self.config.clone(), self.tls.clone(), fast))
            .max_size(connections_max)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait: Some(POOL_WAIT), create: Some(POOL_WAIT), recycle: Some(POOL_WAIT) })
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|_| EngineError::Failed("no pool of connections could be made".into()))
    }

    /// One connection outside the pool, to be driven by the caller.
    pub(super) async fn connect(
        &self,
    ) -> Result<(Client, tokio_postgres::Connection<tokio_postgres::Socket, TlsStream>), EngineError> {
        self.config.connect(self.tls.clone()).await.map_err(|error| connect_error(&error))
    }
}

/// The encrypted stream of a connection.
pub(super) type TlsStream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>>::Stream;

/// A connection from the pool.
pub(super) async fn borrowed(pool: &Pool) -> Result<Object, EngineError> {
    pool.get().await.map_err(|error| pool_error(&error))
}

pub(super) fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

/// `hostaddr=` overrules the names, so it must be of this machine too.
pub(super) fn has_foreign_address(config: &Config) -> bool {
    config.get_hostaddrs().iter().any(|address| !address.is_loopback())
}

/// TLS 1.2 or later; the roots are those of the file, else the system's.
fn tls(root_certificates: Option<PathBuf>) -> Result<ClientConfig, EngineError> {
    let mut roots = RootCertStore::empty();
    match root_certificates {
        Some(file) => {
            let unreadable =
                |_| EngineError::Failed("the file of root certificates for PostgreSQL cannot be read".into());
            for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
                roots.add(certificate.map_err(unreadable)?).map_err(|_| {
                    EngineError::Failed("a root certificate for PostgreSQL is not a certificate".into())
                })?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| EngineError::Failed("TLS cannot be set up".into()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Result<SslMode, EngineError> {
        Server::at(url, None).map(|server| server.config.get_ssl_mode())
    }

    #[test]
    fn only_this_machine_may_be_spoken_to_in_clear() {
        for url in [
            "postgres://bonded@localhost/bonded",
            "postgres://bonded@127.0.0.1:5433/bonded",
            "postgres://bonded@[::1]/bonded?sslmode=disable",
            "postgres://bonded@%2Frun%2Fpostgresql/bonded",
        ] {
            assert!(mode(url).is_ok_and(|mode| mode != SslMode::Require), "{url}");
        }
        for url in [
            "postgres://bonded@db.example.com/bonded",
            "postgres://bonded@db.example.com/bonded?sslmode=prefer",
            "postgres://bonded@127.0.0.1,10.0.0.7/bonded",
            "postgres://bonded@localhost/bonded?hostaddr=10.0.0.7",
        ] {
            assert!(mode(url).is_ok_and(|mode| mode == SslMode::Require), "{url}");
        }
        assert!(mode("postgres://bonded@db.example.com/bonded?sslmode=disable").is_err());
    }

    #[test]
    fn an_unreadable_url_is_not_repeated() {
        let error = mode("postgres://bonded:hunter2@[").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
