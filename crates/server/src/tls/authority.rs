//! A local authority: signs the server's certificate where none was bought, for machines that trust its `ca.pem`.

use super::validity::not_after;
use crate::ending::{Code, Ending};
use crate::places::{Places, write_secret};
use bonded_base::Moment;
use jiff::civil::Date;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::IpAddr;

/// How long the authority holds: longer than a machine.
const AUTHORITY_DAYS: i64 = 3650;

/// How long a certificate of the server holds. It is made anew at each start, and long before it ends.
const SERVER_DAYS: i64 = 90;

/// Clocks differ; a certificate holds from a day before it was made.
const EARLIER_DAYS: i64 = 1;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What every local certificate is also good for.
const ALWAYS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The authority of one deployment.
pub struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes a new authority and keeps it in the data directory.
    pub fn make(places: &Places, now: Moment) -> Result<Self, Ending> {
        let key = KeyPair::generate().map_err(Ending::internal)?;
        let pem = params(&key, now)?.self_signed(&key).map_err(Ending::internal)?.pem();
        write_secret(&places.authority_key(), key.serialize_pem().as_bytes())?;
        let path = places.authority();
        std::fs::write(&path, &pem).map_err(Ending::file("written", &path))?;
        Self::with(pem, key)
    }

    /// The authority that lies in the data directory.
    pub fn open(places: &Places) -> Result<Self, Ending> {
        let read = |path: std::path::PathBuf| std::fs::read_to_string(&path).map_err(Ending::file("read", &path));
        let (pem, key) = (read(places.authority())?, read(places.authority_key())?);
        let broken = |_| {
            Ending::new(Code::Config, format!("{} is no private key", places.authority_key().display()))
                .next("remove the directory `tls` in the data directory and run `bonded init` again; clients then need the new ca.pem")
        };
        Self::with(pem, KeyPair::from_pem(&key).map_err(broken)?)
    }

    fn with(pem: String, key: KeyPair) -> Result<Self, Ending> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| Ending::new(Code::Config, "ca.pem in the data directory is no certificate"))?;
        // The issuer's name and key are all that signing needs; the rest of the parameters is not looked at.
        let issuer = Issuer::new(params(&key, Moment::default())?, key);
        Ok(Self { pem, der, issuer })
    }

    /// What clients must trust, as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Until when it holds.
    pub fn not_after(&self) -> Option<Moment> {
        not_after(&self.der)
    }

    /// A new certificate with its key for these host names and addresses, and for this machine's own.
    pub fn certify(
        &self,
        names: &[String],
        address: IpAddr,
        now: Moment,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Ending> {
        let mut all: Vec<String> = names.to_vec();
        all.extend(ALWAYS.map(str::to_owned));
        if !address.is_unspecified() {
            all.push(address.to_string());
        }
        all.sort_unstable();
        all.dedup();
        let key = KeyPair::generate().map_err(Ending::internal)?;
        let mut params = CertificateParams::new(all).map_err(Ending::internal)?;
        params.distinguished_name.push(DnType::CommonName, "Bonded server");
        hold(&mut params, now, SERVER_DAYS)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(Ending::internal)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(Ending::internal)?;
        Ok((vec![certificate.der().clone(), self.der.clone()], key))
    }
}

/// The authority's own certificate. Its name carries some of its key, so that two deployments' are told apart.
fn params(key: &KeyPair, now: Moment) -> Result<CertificateParams, Ending> {
    let mark = key.public_key_raw().iter().skip(1).take(4).fold(0_u32, |mark, byte| mark << 8 | u32::from(*byte));
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("Bonded local authority {mark:08x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    hold(&mut params, now, AUTHORITY_DAYS)?;
    Ok(params)
}

/// Sets from when until when a certificate holds.
fn hold(params: &mut CertificateParams, now: Moment, days: i64) -> Result<(), Ending> {
    let (from, to) = (date(now, -EARLIER_DAYS)?, date(now, days)?);
    // Years of the calendar have at most four digits here, months and days fit by their nature.
    let ymd =
        |date: Date| rcgen::date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs());
    params.not_before = ymd(from);
    params.not_after = ymd(to);
    Ok(())
}

fn date(now: Moment, days: i64) -> Result<Date, Ending> {
    let stamp = jiff::Timestamp::from_millisecond(now.plus_millis(days * DAY_MS).millis()).map_err(Ending::internal)?;
    Ok(stamp.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_found_again_and_signs_what_lasts() {
        let directory = tempfile::tempdir().unwrap();
        let places = Places::new(directory.path().join("data"));
        places.make().unwrap();
        let now: Moment = "2026-11-22T09:30:00Z".parse().unwrap();
        let made = Authority::make(&places, now).unwrap();
        let found = Authority::open(&places).unwrap();
        assert_eq!(made.pem(), found.pem());
        assert_eq!(found.not_after().unwrap().to_string(), "2036-11-19T00:00:00.000Z");
        let (chain, _) = found.certify(&["api.example.com".to_owned()], [10, 0, 0, 1].into(), now).unwrap();
        assert_eq!(chain.len(), 2);
        assert_eq!(not_after(&chain[0]).unwrap().to_string(), "2027-02-20T00:00:00.000Z");
    }
}
