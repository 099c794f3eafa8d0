//! A mark in place of a caller's address: enough to tell two callers apart while guessing is to be slowed, and no more.
//!
//! The mark is a keyed hash under a key that lives in memory alone and is replaced every hour, so that nothing written
//! down anywhere leads back to an address, and marks of yesterday tell nothing today.

use aws_lc_rs::hmac;
use bonded_base::{Chance, Moment};
use bonded_web::CallerMark;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// How long one key marks, in milliseconds.
const KEY_LIFE_MS: i64 = 60 * 60 * 1000;
/// Bytes of an IPv6 address that belong to one caller: networks are given out by this much.
const V6_NETWORK_BYTES: usize = 8;

/// What turns addresses into marks; one for both doors.
pub struct Marks {
    chance: Box<dyn Chance>,
    key: Mutex<Option<(Moment, hmac::Key)>>,
}

impl Marks {
    /// With keys from this chance.
    pub fn new(chance: impl Chance + 'static) -> Self {
        Self { chance: Box::new(chance), key: Mutex::new(None) }
    }

    /// The mark of a caller now.
    pub fn of(&self, address: IpAddr, now: Moment) -> CallerMark {
        let mut held = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = held.take().filter(|(since, _)| now < since.plus_millis(KEY_LIFE_MS));
        let (since, key) = fresh.unwrap_or_else(|| (now, self.new_key()));
        let tag = match address.to_canonical() {
            IpAddr::V4(address) => hmac::sign(&key, &address.octets()),
            IpAddr::V6(address) => hmac::sign(&key, address.octets().get(..V6_NETWORK_BYTES).unwrap_or_default()),
        };
        *held = Some((since, key));
        let mut mark = [0; 16];
        mark.iter_mut().zip(tag.as_ref()).for_each(|(place, byte)| *place = *byte);
        CallerMark(mark)
    }

    fn new_key(&self) -> hmac::Key {
        let mut bytes = [0; 32];
        self.chance.fill(&mut bytes);
        hmac::Key::new(hmac::HMAC_SHA256, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::SystemChance;

    #[test]
    fn a_mark_tells_callers_apart_for_an_hour() {
        let marks = Marks::new(SystemChance);
        let (now, later) = (Moment::from_millis(0), Moment::from_millis(KEY_LIFE_MS));
        let of = |address: &str, at| marks.of(address.parse().unwrap(), at);
        let ada = of("192.0.2.1", now);
        assert_eq!(of("192.0.2.1", now), ada);
        assert_eq!(of("::ffff:192.0.2.1", now), ada, "the same address, written otherwise");
        assert_ne!(of("192.0.2.2", now), ada);
        assert_eq!(of("2001:db8::1", now), of("2001:db8::ffff:2", now), "one network");
        assert_ne!(of("2001:db8::1", now), of("2001:db8:0:1::1", now));
        assert_ne!(of("192.0.2.1", later), ada);
    }
}
