//! One-time codes from an authenticator app, after RFC 6238.
//!
//! SHA-1, six digits, thirty seconds: what every app understands; SHA-1's weaknesses do not touch HMAC (RFC 6194). A
//! code is taken from one step before until one step after the present one, and each step only once.

use super::{CredentialError, Keeper};
use bonded_base::{Moment, Problem, Reason, Secret};
use bonded_ledger::{Concealed, Record};
use fast_qr::convert::Builder as _;
use fast_qr::convert::svg::SvgBuilder;
use fast_qr::{ECL, QRBuilder};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Bytes of the secret: 160 bits, as RFC 4226 section 4 recommends.
pub const SECRET_BYTES: usize = 20;
/// Digits of a code.
pub const DIGITS: u8 = 6;
/// Seconds for which a code is shown.
pub const STEP_SECONDS: u64 = 30;
/// Steps before and after the present one whose codes are taken, since clocks differ and typing takes time.
pub const STEPS_ASIDE: u64 = 1;
/// How long an enrolment waits for its first code.
pub const PENDING_MS_MAX: i64 = 15 * 60 * 1000;

/// Light modules around a QR code (ISO/IEC 18004 wants four).
const QUIET_ZONE: usize = 4;
const PURPOSE: &str = "totp";

/// A secret that was shown to the person and is not yet proven to have arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingTotp {
    secret: Concealed,
    /// When it was shown.
    pub started_at: Moment,
}

/// An authenticator app, as a record holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    secret: Concealed,
    /// The last step whose code was used: thirty seconds each, since 1970.
    last_step: u64,
    /// When the first code came.
    pub enrolled_at: Moment,
    /// When the last code came.
    pub last_used_at: Moment,
}

/// What is shown once, for an app to read.
pub struct Shown {
    /// `otpauth://totp/…`: what the QR code says.
    pub uri: Secret<String>,
    /// The QR code, as one `<svg>` element.
    pub svg: Secret<String>,
    /// The secret alone in base32, in groups of four, for typing.
    pub text: Secret<String>,
}

impl PendingTotp {
    /// Begins an enrolment. `issuer` is what the deployment is called in the app, `account` the person's mail address.
    pub fn begin<R: Record>(
        keeper: Keeper<'_, R>,
        issuer: &str,
        account: &str,
    ) -> Result<(Self, Shown), CredentialError> {
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        keeper.ledger.chance().fill(&mut secret[..]);
        let shown = shown(&secret[..], issuer, account)?;
        let secret = keeper.conceal(PURPOSE, &secret[..])?;
        Ok((Self { secret, started_at: keeper.now() }, shown))
    }

    /// Ends the enrolment with a first code: only now the app counts.
    ///
    /// # Errors
    /// [`CredentialError::NotProven`] if the code is wrong; a [`Problem`] if the enrolment waited too long.
    pub fn confirm<R: Record>(self, keeper: Keeper<'_, R>, code: &str) -> Result<Totp, CredentialError> {
        let now = keeper.now();
        if now > self.started_at.plus_millis(PENDING_MS_MAX) {
            return Err(Problem::new(Reason::State, "this took too long: begin again with a new QR code").into());
        }
        let mut totp = Totp { secret: self.secret, last_step: 0, enrolled_at: now, last_used_at: now };
        totp.check(keeper, code)?;
        Ok(totp)
    }
}

impl Totp {
    /// Takes a code. The record must be kept before anybody is let in, so that the code is used up.
    ///
    /// # Errors
    /// [`CredentialError::NotProven`] if it is wrong, of another time, or used already.
    pub fn check<R: Record>(&mut self, keeper: Keeper<'_, R>, code: &str) -> Result<(), CredentialError> {
        let secret = keeper.reveal(PURPOSE, &self.secret)?;
        let now = keeper.now();
        let step = step_of(secret.expose(), code, now, self.last_step)?.ok_or(CredentialError::NotProven)?;
        self.last_step = step;
        self.last_used_at = now;
        Ok(())
    }
}

/// The step that a code is of, if it is one whose codes are taken now.
fn step_of(secret: &[u8], code: &str, now: Moment, last: u64) -> Result<Option<u64>, CredentialError> {
    let code: String = code.chars().filter(|symbol| !symbol.is_whitespace()).take(usize::from(DIGITS) + 1).collect();
    let present = u64::try_from(now.millis()).unwrap_or(0) / 1000 / STEP_SECONDS;
    let app = app(secret).build().map_err(|_| unreadable())?;
    let mut steps = present.saturating_sub(STEPS_ASIDE)..=present + STEPS_ASIDE;
    Ok(steps.find(|step| *step > last && app.check(&code, step * STEP_SECONDS).is_some()))
}

fn app(secret: &[u8]) -> totp_rs::Builder {
    totp_rs::Builder::new()
        .with_algorithm(totp_rs::Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(0)
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret)
}

fn shown(secret: &[u8], issuer: &str, account: &str) -> Result<Shown, CredentialError> {
    // A colon parts issuer and account in the label, so neither may have one.
    let [issuer, account] = [issuer, account].map(|name| name.replace(':', " "));
    let app = app(secret).with_issuer(Some(issuer)).with_account_name(account).build().map_err(|_| unreadable())?;
    let uri = Secret::new(app.to_url().map_err(|_| unreadable())?);
    let code = QRBuilder::new(uri.expose().as_str()).ecl(ECL::M).build().map_err(|_| unreadable())?;
    let svg = Secret::new(SvgBuilder::default().margin(QUIET_ZONE).to_str(&code));
    let letters = Zeroizing::new(app.secret().to_base32());
    let mut text = Zeroizing::new(String::with_capacity(letters.len() * 2));
    for (at, letter) in letters.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push(' ');
        }
        text.push(letter);
    }
    Ok(Shown { uri, svg, text: Secret::new(std::mem::take(&mut *text)) })
}

const fn unreadable() -> CredentialError {
    CredentialError::Unreadable("authenticator app")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the vectors for SHA-1 in RFC 6238, appendix B.
    const SECRET: &[u8] = b"12345678901234567890";

    const fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    /// The vectors have eight digits; six are their last six.
    #[test]
    fn the_vectors_of_the_rfc_hold() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = step_of(SECRET, code, at(seconds), 0).unwrap();
            assert_eq!(step, Some(seconds.cast_unsigned() / STEP_SECONDS), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_early_or_late_and_no_more() {
        // 050471 is shown from 1,111,111,110 until 1,111,111,140.
        for (seconds, taken) in
            [(1_111_111_079, false), (1_111_111_080, true), (1_111_111_169, true), (1_111_111_170, false)]
        {
            assert_eq!(step_of(SECRET, "050471", at(seconds), 0).unwrap().is_some(), taken, "{seconds}");
        }
    }

    #[test]
    fn a_step_is_used_once_and_none_before_it_afterwards() {
        let present = 1_111_111_111 / STEP_SECONDS;
        let taken = |code, last| step_of(SECRET, code, at(1_111_111_111), last).unwrap();
        assert_eq!(taken("050471", present - 1), Some(present));
        assert_eq!(taken("050471", present), None);
        // The code of the step before.
        assert_eq!(taken("081804", present - 2), Some(present - 1));
        assert_eq!(taken("081804", present), None);
    }

    #[test]
    fn codes_are_read_as_people_type_them_and_other_things_are_none() {
        let taken = |code: &str| step_of(SECRET, code, at(1_111_111_111), 0).unwrap().is_some();
        assert!(taken("050471") && taken("050 471") && taken(" 050471\n"));
        for wrong in ["", "50471", "0050471", "050472", "０５０４７１", "+50471", "05047a", &"0".repeat(10_000)] {
            assert!(!taken(wrong), "{wrong}");
        }
        // Before 1970 there are no steps.
        assert_eq!(step_of(SECRET, "050471", at(-5), 0).unwrap(), None);
    }

    #[test]
    fn what_is_shown_says_the_same_in_three_ways() {
        let shown = shown(SECRET, "Bonded: test", "ada@example.com").unwrap();
        let uri = shown.uri.expose();
        assert!(uri.starts_with("otpauth://totp/Bonded%20%20test:ada%40example.com?"), "{uri}");
        assert!(uri.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ") && uri.contains("issuer=Bonded"), "{uri}");
        assert_eq!(shown.text.expose(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let svg = shown.svg.expose();
        assert!(
            svg.starts_with("<svg ") && svg.ends_with("</svg>") && !svg.contains("style") && !svg.contains("http-")
        );
    }
}
