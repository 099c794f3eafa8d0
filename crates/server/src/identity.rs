//! The public keys of the issuer behind the private listener's proxy: read from a file or fetched, and kept fresh.
//!
//! Nothing waits for the source but who names a key that nobody knows. While the source is away, the keys that are
//! known are used on, for a day at most; when to ask is the business of [`Keyring`].

use crate::ending::{Code, Ending};
use crate::settings::{Identity, IdentityRules, IssuerSource, Settings};
use bonded_base::{Clock, Moment, SystemClock};
use bonded_people::assertion::{KEYS_BYTES_MAX, KeySet, Keyring, Verifier};
use bonded_vault::Environment;
use bonded_web::identity::{IdentityCheck, IdentityProof, IssuerKeys};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::{Client, StatusCode, Url, redirect};
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

/// How often a file is read again.
const FILE_EVERY_MS: i64 = 60_000;

/// How often an address is asked again.
const URL_EVERY_MS: i64 = 60 * 60 * 1000;

/// How long an address may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Between two looks at the clock.
const LOOK: Duration = Duration::from_secs(5);

/// An issuer's keys. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    source: Source,
    clock: Arc<dyn Clock>,
    ring: Mutex<Keyring>,
    /// Held while the source is asked, so that it is asked by one at a time.
    asking: tokio::sync::Mutex<()>,
    /// How often the source has answered or failed to.
    asked: AtomicU64,
}

/// Where keys are read, with what it takes.
enum Source {
    File(PathBuf),
    Url(Url, Client),
}

/// What the private listener asks, and the issuer whose keys must be kept fresh for it.
pub async fn open(settings: &Settings) -> Result<(IdentityCheck, Option<Issuer>), Ending> {
    let Identity::Required(IdentityRules { header, rules, keys }) = &settings.identity else {
        if settings.environment == Environment::Production {
            tracing::warn!("whoever reaches the private listener on this machine's loopback is asked for no identity");
        }
        return Ok((IdentityCheck::Off, None));
    };
    let issuer = Issuer::new(keys, Arc::new(SystemClock))?;
    if let IssuerSource::File(path) = keys {
        // A file can be right at once; an address may be away for a moment, and everything else should work then.
        issuer.refresh().await.map_err(|why| {
            Ending::new(Code::Config, format!("the issuer's keys in {} cannot be used: {why}", path.display()))
                .next("correct `identity.keys`")
        })?;
    }
    let proof = IdentityProof {
        header: header.clone(),
        verifier: Verifier::new(rules.clone()),
        keys: Arc::new(issuer.clone()),
    };
    Ok((IdentityCheck::Required(Arc::new(proof)), Some(issuer)))
}

impl Issuer {
    /// Knows no key yet.
    pub fn new(source: &IssuerSource, clock: Arc<dyn Clock>) -> Result<Self, Ending> {
        let (source, every_ms) = match source {
            IssuerSource::File(path) => (Source::File(path.clone()), FILE_EVERY_MS),
            IssuerSource::Url(url) => (Source::Url(url.clone(), client()?), URL_EVERY_MS),
        };
        let ring = Mutex::new(Keyring::new(every_ms));
        let (asking, asked) = (tokio::sync::Mutex::default(), AtomicU64::default());
        Ok(Self { inner: Arc::new(Inner { source, clock, ring, asking, asked }) })
    }

    /// Asks the source now, whatever the clock says; the keys are used from now on.
    pub async fn refresh(&self) -> Result<usize, String> {
        let _one_at_a_time = self.inner.asking.lock().await;
        self.inner.ask().await
    }

    /// Asks the source whenever it is time; never ends.
    pub async fn keep_fresh(self) {
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            let _one_at_a_time = self.inner.asking.lock().await;
            if self.inner.is_due() {
                // The log has been told.
                let _ = self.inner.ask().await;
            }
        }
    }
}

impl IssuerKeys for Issuer {
    fn usable(&self, now: Moment) -> Option<Arc<KeySet>> {
        self.inner.ring().usable(now)
    }

    fn seek(&self) -> BoxFuture<'_, ()> {
        let inner = Arc::clone(&self.inner);
        // On its own: a caller who hangs up must not end a question that others wait for.
        let seeking = tokio::spawn(async move { inner.seek().await });
        seeking.map(drop).boxed()
    }

    fn confirmed_at(&self) -> Option<Moment> {
        self.inner.ring().confirmed_at()
    }
}

impl Inner {
    fn ring(&self) -> MutexGuard<'_, Keyring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_due(&self) -> bool {
        self.ring().is_due(self.clock.now())
    }

    fn may_seek(&self) -> bool {
        self.ring().may_seek(self.clock.now())
    }

    async fn seek(&self) {
        let asked = self.asked.load(Ordering::Acquire);
        let _one_at_a_time = self.asking.lock().await;
        // Whoever waited while another asked has the answer.
        let is_answered = self.asked.load(Ordering::Acquire) != asked;
        if !is_answered && self.may_seek() {
            // The log has been told.
            let _ = self.ask().await;
        }
    }

    /// One question; the caller holds `asking`.
    async fn ask(&self) -> Result<usize, String> {
        self.ring().tried(self.clock.now());
        let read = match self.source.read().await {
            Ok(document) => KeySet::parse(&document).map_err(|bad| bad.to_string()),
            Err(why) => Err(why),
        };
        let told = match read {
            Ok(keys) => {
                let count = keys.len();
                if self.ring().confirmed(keys, self.clock.now()) {
                    tracing::info!(keys = count, "the issuer's keys for the private listener were taken");
                }
                Ok(count)
            }
            Err(why) => {
                tracing::warn!(why, "the issuer's keys could not be read; those known are used for a day at most");
                Err(why)
            }
        };
        self.asked.fetch_add(1, Ordering::Release);
        told
    }
}

impl Source {
    /// The document; one byte more than is allowed is enough to see that it is too long.
    async fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => {
                let mut document = Vec::new();
                let file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
                let mut file = file.take(KEYS_BYTES_MAX as u64 + 1);
                file.read_to_end(&mut document).await.map_err(|error| error.to_string())?;
                Ok(document)
            }
            Self::Url(url, client) => {
                let mut answer = client.get(url.clone()).send().await.map_err(told)?;
                if answer.status() != StatusCode::OK {
                    return Err(format!("the address answers {}, not 200", answer.status().as_u16()));
                }
                let mut document = Vec::new();
                while document.len() <= KEYS_BYTES_MAX
                    && let Some(piece) = answer.chunk().await.map_err(told)?
                {
                    document.extend_from_slice(&piece);
                }
                Ok(document)
            }
        }
    }
}

/// A client that follows nobody elsewhere and waits for nobody long; it trusts the machine's own authorities.
fn client() -> Result<Client, Ending> {
    // Chosen here, for the process: the library that speaks HTTP leaves the choice to us.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = Client::builder()
        .https_only(true)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .timeout(ANSWER_LIMIT)
        .build();
    client.map_err(|error| {
        Ending::new(Code::Config, format!("the issuer's keys cannot be asked for over HTTPS: {}", told(error)))
            .next("see that the machine has its authorities (ca-certificates), or name a file in `identity.keys`")
    })
}

/// An error with its causes, the last of which says most: that a certificate is not trusted, for instance.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text = format!("{text}: {deeper}");
        cause = deeper.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use bonded_people::assertion::{KEPT_MS_MAX, RETRY_MS, SEEK_MS_MIN};
    use bonded_testkit::ledger::{BEGINNING, TestClock};
    use std::path::Path;

    fn write_keys(path: &Path) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let key = serde_json::json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y});
        std::fs::write(path, serde_json::json!({"keys": [key]}).to_string()).unwrap();
    }

    struct Place {
        directory: tempfile::TempDir,
        clock: Arc<TestClock>,
        issuer: Issuer,
    }

    impl Place {
        async fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("keys.json");
            write_keys(&path);
            let clock = Arc::new(TestClock::at(BEGINNING));
            let issuer = Issuer::new(&IssuerSource::File(path), Arc::<TestClock>::clone(&clock)).unwrap();
            issuer.refresh().await.unwrap();
            Self { directory, clock, issuer }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("keys.json")
        }

        fn usable(&self) -> Option<Arc<KeySet>> {
            self.issuer.usable(self.clock.now())
        }

        fn asked(&self) -> u64 {
            self.issuer.inner.asked.load(Ordering::Acquire)
        }
    }

    #[tokio::test]
    async fn other_keys_in_the_file_are_taken_and_broken_ones_are_not() {
        let place = Place::new().await;
        let first = place.usable().unwrap();
        write_keys(&place.path());
        assert_eq!(place.issuer.refresh().await, Ok(1));
        let second = place.usable().unwrap();
        assert_ne!(first, second);
        std::fs::write(place.path(), "{\"keys\": [").unwrap();
        assert!(place.issuer.refresh().await.unwrap_err().contains("no JSON object"));
        std::fs::write(place.path(), vec![b' '; KEYS_BYTES_MAX + 1]).unwrap();
        assert!(place.issuer.refresh().await.unwrap_err().contains("too long"));
        std::fs::remove_file(place.path()).unwrap();
        assert!(place.issuer.refresh().await.is_err());
        assert_eq!(place.usable().unwrap(), second);
        place.clock.advance_ms(KEPT_MS_MAX);
        assert!(place.usable().is_none(), "a day has passed without a word");
        write_keys(&place.path());
        place.issuer.seek().await;
        assert!(place.usable().is_some());
    }

    #[tokio::test]
    async fn a_storm_of_unknown_keys_asks_once_in_thirty_seconds() {
        let place = Place::new().await;
        assert_eq!(place.asked(), 1);
        for storm in 2..5 {
            futures::future::join_all((0..200).map(|_| place.issuer.seek())).await;
            futures::future::join_all((0..200).map(|_| place.issuer.seek())).await;
            assert_eq!(place.asked(), storm);
            place.clock.advance_ms(SEEK_MS_MIN);
        }
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_does_not_end_the_question() {
        let place = Place::new().await;
        write_keys(&place.path());
        let before = place.usable().unwrap();
        drop(place.issuer.seek());
        // The next who asks waits for that question or finds its answer.
        place.issuer.seek().await;
        assert_eq!(place.asked(), 2);
        assert_ne!(place.usable().unwrap(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn the_file_is_read_again_each_minute() {
        let place = Place::new().await;
        let chore = tokio::spawn(place.issuer.clone().keep_fresh());
        let before = place.usable().unwrap();
        write_keys(&place.path());
        place.clock.advance_ms(RETRY_MS);
        while place.usable().unwrap() == before {
            tokio::time::sleep(LOOK).await;
        }
        chore.abort();
        assert_eq!(place.asked(), 2);
    }

    #[test]
    fn nobody_is_asked_without_tls() {
        let url = IssuerSource::Url("http://127.0.0.1:1/keys".parse().unwrap());
        let issuer = Issuer::new(&url, Arc::new(TestClock::at(BEGINNING))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let why = runtime.block_on(issuer.refresh()).unwrap_err();
        assert!(why.contains("URL scheme is not allowed"), "{why}");
    }
}
