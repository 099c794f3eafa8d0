//! Amounts of money: whole minor units with their currency, never a float.

use serde::{Deserialize, Serialize};
use std::fmt;

pub use iso_currency::Currency;

/// An amount in a currency's minor unit (cents), as in `{"amount": 1999, "currency": "EUR"}`.
///
/// Source: ISO 4217; the minor unit's size is the currency's own (JPY has none, KWD a thousandth).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

/// Why an amount cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMoney {
    /// Not a decimal number.
    #[error("an amount is digits with at most one point: 19.99")]
    NotANumber,
    /// More decimals than the currency has.
    #[error("{0} has at most {1} decimals")]
    TooFine(Currency, u16),
    /// Beyond what 64 bits hold.
    #[error("the amount is too large")]
    TooLarge,
    /// Two currencies in one sum.
    #[error("{0} and {1} cannot be added")]
    Mixed(Currency, Currency),
}

impl Money {
    /// An amount in minor units.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Reads a decimal in major units: `19.99` in EUR is 1999 cents.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, BadMoney> {
        let decimals = currency.exponent().unwrap_or(0);
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !numeric(whole) || !numeric(fraction) {
            return Err(BadMoney::NotANumber);
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > usize::from(decimals) {
            return Err(BadMoney::TooFine(currency, decimals));
        }
        let minor = format!("{whole}{fraction:0<width$}", width = usize::from(decimals));
        let amount = if minor.is_empty() { 0 } else { minor.parse().map_err(|_| BadMoney::TooLarge)? };
        Ok(Self { amount: if negative { -amount } else { amount }, currency })
    }

    /// The amount in major units, as [`Money::from_decimal`] reads it: `19.99`.
    pub fn to_decimal(self) -> String {
        let decimals = u32::from(self.currency.exponent().unwrap_or(0));
        let sign = if self.amount < 0 { "-" } else { "" };
        let unit = 10_u64.pow(decimals);
        let (whole, rest) = (self.amount.unsigned_abs() / unit, self.amount.unsigned_abs() % unit);
        if decimals == 0 {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}.{rest:0width$}", width = decimals as usize)
    }

    /// The sum of two amounts of one currency.
    pub fn plus(self, other: Self) -> Result<Self, BadMoney> {
        if self.currency != other.currency {
            return Err(BadMoney::Mixed(self.currency, other.currency));
        }
        let amount = self.amount.checked_add(other.amount).ok_or(BadMoney::TooLarge)?;
        Ok(Self { amount, ..self })
    }

    /// This many times the amount.
    pub fn times(self, quantity: i64) -> Result<Self, BadMoney> {
        let amount = self.amount.checked_mul(quantity).ok_or(BadMoney::TooLarge)?;
        Ok(Self { amount, ..self })
    }
}

impl fmt::Display for Money {
    /// `EUR 19.99`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency.code(), self.to_decimal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_minor_units_and_are_written_back() {
        for (text, currency, amount, shown) in [
            ("19.99", Currency::EUR, 1999, "EUR 19.99"),
            ("2.1", Currency::GBP, 210, "GBP 2.10"),
            ("750", Currency::USD, 75_000, "USD 750.00"),
            ("0.050", Currency::USD, 5, "USD 0.05"),
            ("-.5", Currency::USD, -50, "USD -0.50"),
            ("1200", Currency::JPY, 1200, "JPY 1200"),
            ("1.234", Currency::KWD, 1234, "KWD 1.234"),
        ] {
            let money = Money::from_decimal(text, currency).unwrap();
            assert_eq!((money.amount, money.to_string().as_str()), (amount, shown));
            assert_eq!(Money::from_decimal(&money.to_decimal(), currency), Ok(money));
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for (text, currency, why) in [
            ("", Currency::EUR, BadMoney::NotANumber),
            (".", Currency::EUR, BadMoney::NotANumber),
            ("1,50", Currency::EUR, BadMoney::NotANumber),
            ("--1", Currency::EUR, BadMoney::NotANumber),
            ("1e3", Currency::EUR, BadMoney::NotANumber),
            ("1.005", Currency::EUR, BadMoney::TooFine(Currency::EUR, 2)),
            ("1.5", Currency::JPY, BadMoney::TooFine(Currency::JPY, 0)),
            ("99999999999999999999", Currency::EUR, BadMoney::TooLarge),
        ] {
            assert_eq!(Money::from_decimal(text, currency), Err(why), "{text}");
        }
    }

    #[test]
    fn sums_stay_in_one_currency_and_in_range() {
        let euro = |amount| Money::new(amount, Currency::EUR);
        assert_eq!(euro(1).plus(euro(2)), Ok(euro(3)));
        assert_eq!(euro(1).plus(Money::new(1, Currency::USD)), Err(BadMoney::Mixed(Currency::EUR, Currency::USD)));
        assert_eq!(euro(i64::MAX).plus(euro(1)), Err(BadMoney::TooLarge));
        assert_eq!(euro(3).times(4), Ok(euro(12)));
        assert_eq!(euro(i64::MAX).times(2), Err(BadMoney::TooLarge));
    }
}
