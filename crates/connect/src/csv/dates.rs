//! Dates as invoice files write them.

use bonded_base::Moment;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Years written with two digits are of this century.
const CENTURY: i16 = 2000;

/// Reads `12/1/10 8:26` (month, day, year of two or four digits) or ISO 8601; without an offset it is UTC.
pub(crate) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    if text.contains('/') {
        let written_so = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'/' | b':' | b' '));
        return american(text).filter(|_| written_so);
    }
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    at_utc(text.parse().ok()?)
}

fn american(text: &str) -> Option<Moment> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "0:00"));
    let mut date = date.split('/');
    let month = date.next()?.parse().ok()?;
    let day = date.next()?.parse().ok()?;
    let year = date.next()?;
    let year: i16 = match year.len() {
        2 => year.parse::<i16>().ok()?.checked_add(CENTURY)?,
        4 => year.parse().ok()?,
        _ => return None,
    };
    let mut time = time.trim().split(':');
    let hour = time.next()?.parse().ok()?;
    let minute = time.next()?.parse().ok()?;
    let second = time.next().map_or(Some(0), |second| second.parse().ok())?;
    if date.next().is_some() || time.next().is_some() {
        return None;
    }
    at_utc(DateTime::new(year, month, day, hour, minute, second, 0).ok()?)
}

fn at_utc(time: DateTime) -> Option<Moment> {
    Offset::UTC.to_timestamp(time).ok().map(|stamp| Moment::from_millis(stamp.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_files_use_are_read() {
        for (text, iso) in [
            ("12/1/10 8:26", "2010-12-01T08:26:00.000Z"),
            ("12/01/2010 08:26", "2010-12-01T08:26:00.000Z"),
            ("2/29/2012 23:59:58", "2012-02-29T23:59:58.000Z"),
            ("1/2/2011", "2011-01-02T00:00:00.000Z"),
            ("2010-12-01 08:26:00", "2010-12-01T08:26:00.000Z"),
            ("2010-12-01T08:26", "2010-12-01T08:26:00.000Z"),
            ("2010-12-01", "2010-12-01T00:00:00.000Z"),
            ("2010-12-01T08:26:00+01:00", "2010-12-01T07:26:00.000Z"),
        ] {
            assert_eq!(moment(text).map(|moment| moment.to_string()).as_deref(), Some(iso), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "13/1/10 8:26",
            "2/30/2011 8:26",
            "12/1/10 25:00",
            "12/1/1 8:26",
            "12/1/10/1 8:26",
            "12/1/10 8",
            "12/1/10 8:26:01:02",
            "/// :",
            "2010-13-01",
            "12/1/-1 8:26",
            "99999999999/1/10 8:26",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
