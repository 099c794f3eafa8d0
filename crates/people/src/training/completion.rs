//! Completions: that somebody passed a course, who says so, and the certificate if there is one.

use super::DAY_MS;
use super::course::{CourseRecord, on_offer};
use crate::PeopleError;
use crate::staff::{self, Acting, Power, StaffRecord};
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Id, Kind, Kinded, Moment, Problem, Reason, Secret, Staff};
use bonded_ledger::{Change, Concealed, Ledger, LedgerError, List, Record, Scope, Stored};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Bytes of a certificate at most.
pub const CERTIFICATE_BYTES_MAX: usize = 256 * 1024;
/// Characters of a certificate's file name at most.
pub const FILE_NAME_CHARS_MAX: usize = 100;
/// Completions of one person that are looked at, newest first: those of decades.
const COMPLETIONS_SEEN: u32 = 300;

/// What a certificate's bytes are kept for; nothing else opens them.
const PURPOSE: &str = "certificate";

/// What sort of file a certificate is, as its first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MediaType {
    /// ISO 32000.
    #[serde(rename = "application/pdf")]
    Pdf,
    /// ISO/IEC 15948.
    #[serde(rename = "image/png")]
    Png,
    /// ISO/IEC 10918.
    #[serde(rename = "image/jpeg")]
    Jpeg,
}

impl MediaType {
    /// As in a `Content-Type` header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let starts: [(&[u8], Self); 3] =
            [(b"%PDF-", Self::Pdf), (b"\x89PNG\r\n\x1a\n", Self::Png), (b"\xff\xd8\xff", Self::Jpeg)];
        starts.into_iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, sort)| sort)
    }
}

/// What is known of a certificate, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// As it was called when it was handed in; never a path.
    pub file_name: String,
    /// What sort of file it is.
    pub media_type: MediaType,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Where its bytes are.
    kept_in: Id<CertificateRecord>,
}

/// That somebody has completed a course.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Who.
    pub staff: Id<Staff>,
    /// Which course.
    pub course: Id<CourseRecord>,
    /// In which version of it.
    pub of_version: u32,
    /// On which day.
    pub completed_on: Date,
    /// Until when it counts, unless a newer version ends it before.
    pub valid_until: Moment,
    /// Which officer says so; none for the operator.
    pub recorded_by: Option<Id<Staff>>,
    /// The file that proves it.
    pub certificate: Option<Certificate>,
}

impl Kinded for TrainingRecord {
    const KIND: Kind = Kind::Training;
}

impl Record for TrainingRecord {
    fn state(&self) -> u8 {
        1
    }

    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.staff.bytes())
    }
}

/// The bytes of a certificate: a record beside its completion, since they are many and seldom read.
///
/// It has no parent and a state of its own, so no list of completions holds it.
#[derive(Serialize, Deserialize)]
struct CertificateRecord {
    training: Id<TrainingRecord>,
    bytes: Concealed,
}

impl Kinded for CertificateRecord {
    const KIND: Kind = Kind::Training;
}

impl Record for CertificateRecord {
    fn state(&self) -> u8 {
        2
    }
}

/// A certificate as it is handed in.
pub struct CertificateFile {
    /// What the file is called.
    pub file_name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl CertificateFile {
    fn check(&self) -> Result<MediaType, Problem> {
        let is_odd = |symbol: char| symbol.is_control() || matches!(symbol, '/' | '\\' | '"' | ':');
        let (name, chars) = (&self.file_name, self.file_name.chars().count());
        if chars == 0 || chars > FILE_NAME_CHARS_MAX || name.starts_with('.') || name.chars().any(is_odd) {
            return Err(Problem::invalid(
                "/certificate/file_name",
                "a plain file name of at most 100 characters, without a path",
            ));
        }
        if self.bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(Problem::new(Reason::TooMuch, "a certificate has at most 256 KiB"));
        }
        MediaType::of(&self.bytes)
            .ok_or_else(|| Problem::invalid("/certificate", "a certificate is a PDF, a PNG or a JPEG file"))
    }
}

/// A completion, as it is handed in.
pub struct Completion {
    /// Which course.
    pub course: Id<CourseRecord>,
    /// In which version, if not the present one.
    pub of_version: Option<u32>,
    /// On which day.
    pub completed_on: Date,
    /// The file that proves it.
    pub certificate: Option<CertificateFile>,
}

/// Records that somebody has completed a course. An officer does so for others only; the operator for anybody.
pub async fn record(
    ledger: &Ledger,
    acting: &Acting<'_>,
    staff: Id<StaffRecord>,
    completion: Completion,
) -> Result<Stored<TrainingRecord>, PeopleError> {
    acting.demand(&[Power::ManageTraining])?;
    if acting.staff().is_some_and(|officer| officer.bytes() == staff.bytes()) {
        return Err(PeopleError::forbidden("nobody records their own training: another officer does"));
    }
    let scope = acting.scope();
    if !staff::get(ledger, &scope, staff).await?.is_active() {
        return Err(PeopleError::state("this person has left the staff"));
    }
    let course = on_offer(ledger, completion.course).await?;
    let now = ledger.clock().now();
    let valid_until = checked(&course, &completion, now)?;
    let of_version = completion.of_version.unwrap_or_else(|| course.version());
    let done = completions(ledger, &scope, staff).await?;
    let is_same = |known: &Stored<TrainingRecord>| {
        (known.course, known.of_version, known.completed_on) == (course.id, of_version, completion.completed_on)
    };
    if done.iter().any(is_same) {
        return Err(Problem::new(Reason::Duplicate, "this completion is recorded already").into());
    }
    let id = ledger.new_id();
    let mut change = Change::new();
    let certificate = completion.certificate.map(|file| keep(ledger, &scope, &mut change, id, file)).transpose()?;
    let record = TrainingRecord {
        staff: Id::from_bytes(staff.bytes()),
        course: course.id,
        of_version,
        completed_on: completion.completed_on,
        valid_until,
        recorded_by: acting.staff(),
        certificate,
    };
    change.create(id, &record, "recorded");
    ledger.commit(&scope, change).await?;
    ledger.get(&scope, id).await?.ok_or_else(|| PeopleError::missing(Kind::Training))
}

/// Until when a completion counts by itself: that many days from the beginning of its day on, in UTC.
fn checked(course: &Stored<CourseRecord>, completion: &Completion, now: Moment) -> Result<Moment, PeopleError> {
    let no_day = || Problem::invalid("/completed_on", "a course is completed today or before");
    let today = Timestamp::from_millisecond(now.millis()).map_err(|_| no_day())?.to_zoned(TimeZone::UTC).date();
    if completion.completed_on > today {
        return Err(no_day().into());
    }
    if completion.of_version.is_some_and(|version| !(1..=course.version()).contains(&version)) {
        return Err(Problem::invalid("/version", "the course has no such version").into());
    }
    let day = completion.completed_on.to_zoned(TimeZone::UTC).map_err(|_| no_day())?.timestamp().as_millisecond();
    let valid_until = Moment::from_millis(day).plus_millis(i64::from(course.valid_days) * DAY_MS);
    let version = completion.of_version.unwrap_or_else(|| course.version());
    if course.counts(version, valid_until) <= now {
        return Err(Problem::invalid("/completed_on", "that is so long ago that it no longer counts").into());
    }
    Ok(valid_until)
}

/// Adds a certificate's bytes to a change.
fn keep(
    ledger: &Ledger,
    scope: &Scope,
    change: &mut Change,
    training: Id<TrainingRecord>,
    file: CertificateFile,
) -> Result<Certificate, PeopleError> {
    let media_type = file.check()?;
    let kept_in = ledger.new_id();
    let bytes = ledger.conceal::<CertificateRecord>(scope, kept_in, PURPOSE, &file.bytes)?;
    change.create(kept_in, &CertificateRecord { training, bytes }, "kept");
    Ok(Certificate { file_name: file.file_name, media_type, sha256: sha256(&file.bytes), kept_in })
}

fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    digest(&SHA256, bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What one of the staff has completed, newest first.
pub async fn completions(
    ledger: &Ledger,
    scope: &Scope,
    staff: Id<StaffRecord>,
) -> Result<Vec<Stored<TrainingRecord>>, PeopleError> {
    let page = List { parent: Some(staff.bytes()), descending: true, ..List::first(COMPLETIONS_SEEN) };
    Ok(ledger.list(scope, &page).await?.records)
}

/// The certificate of a completion, for whoever keeps the courses or reviews the staff.
pub async fn certificate(
    ledger: &Ledger,
    acting: &Acting<'_>,
    id: Id<TrainingRecord>,
) -> Result<(Certificate, Secret<Vec<u8>>), PeopleError> {
    acting.demand(&[Power::ManageTraining, Power::ReadReviews])?;
    let scope = acting.scope();
    let record = ledger.get(&scope, id).await?.ok_or_else(|| PeopleError::missing(Kind::Training))?.into_value();
    let none = || Problem::new(Reason::Missing, "no certificate was handed in");
    let certificate = record.certificate.ok_or_else(none)?;
    let kept = ledger.get(&scope, certificate.kept_in).await?.ok_or_else(none)?;
    let bytes = ledger.reveal(&scope, kept.id, PURPOSE, &kept.bytes)?;
    if kept.training != id || sha256(bytes.expose()) != certificate.sha256 {
        return Err(LedgerError::Damaged(Kind::Training).into());
    }
    Ok((certificate, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(file_name: &str, bytes: &[u8]) -> Result<MediaType, Problem> {
        CertificateFile { file_name: file_name.to_owned(), bytes: bytes.to_vec() }.check()
    }

    #[test]
    fn a_certificate_is_what_its_first_bytes_say() {
        assert_eq!(file("a.png", b"%PDF-1.7\n"), Ok(MediaType::Pdf));
        assert_eq!(file("a.pdf", b"\x89PNG\r\n\x1a\n..."), Ok(MediaType::Png));
        assert_eq!(file("a", b"\xff\xd8\xff\xe0"), Ok(MediaType::Jpeg));
        for bytes in [&b""[..], b"%PDF", b"<svg onload=x>", b"PK\x03\x04", b" %PDF-1.7"] {
            assert!(file("a.pdf", bytes).is_err(), "{bytes:?}");
        }
        let mut bytes = b"%PDF-".to_vec();
        bytes.resize(CERTIFICATE_BYTES_MAX, 0);
        assert!(file("a.pdf", &bytes).is_ok());
        bytes.push(0);
        assert!(file("a.pdf", &bytes).is_err());
    }

    #[test]
    fn a_file_name_is_no_path_and_breaks_no_header() {
        let long = "é".repeat(FILE_NAME_CHARS_MAX + 1);
        for name in ["", ".", "..", ".bashrc", "a/b", "a\\b", "C:x", "a\"b", "a\r\nb", &long] {
            assert!(file(name, b"%PDF-").is_err(), "{name:?}");
        }
        assert!(file("Zertifikat Ada (2026).pdf", b"%PDF-").is_ok());
    }

    #[test]
    fn a_digest_is_written_as_others_write_it() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
