//! Certificates of a test's own, good and bad ones, under an authority that nobody else trusts.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use std::path::{Path, PathBuf};

/// What a server shows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// A good certificate for its names.
    Good,
    /// One of the trusted authority, for another host.
    OtherName,
    /// One for its names, of an authority that nobody trusts.
    OtherAuthority,
    /// One for its names that ended long ago.
    Expired,
}

/// The PEM file of the authority that tests trust.
pub fn authority_file(directory: &Path) -> PathBuf {
    directory.join("authority.pem")
}

/// Writes a trusted authority, a certificate for these names and its key; answers the files of the last two.
#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
pub fn write(directory: &Path, shows: Shows, names: &[&str]) -> [PathBuf; 2] {
    let trusted = authority("Trusted");
    std::fs::write(authority_file(directory), trusted.pem()).expect("the authority's file");
    let names = if shows == Shows::OtherName { &["somebody-else.example"] } else { names };
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("host names");
    params.distinguished_name = DistinguishedName::new();
    if shows == Shows::Expired {
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    }
    let key = KeyPair::generate().expect("a key");
    let issuer = if shows == Shows::OtherAuthority { authority("Nobody's") } else { trusted };
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let files = ["certificate.pem", "key.pem"].map(|name| directory.join(name));
    std::fs::write(&files[0], certificate.pem()).expect("the certificate's file");
    std::fs::write(&files[1], key.serialize_pem()).expect("the key's file");
    files
}

#[expect(clippy::expect_used, reason = "a test that cannot be set up must fail, and only tests ask")]
fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}
