//! The field list: which fields of a consumer are kept, as a document with versions, and what is said before it changes.
//!
//! Architecture invariant: the program does not build when what it keeps is not what the newest version of the list says, or
//! when a version after the first has no notice, or comes into force sooner than [`NOTICE_DAYS_MIN`] days after it.

use super::FIELD_NAMES;

/// Days between the notice of a change and its coming into force at least.
pub const NOTICE_DAYS_MIN: i64 = 30;

/// One version of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldList {
    /// 1 is the first.
    pub version: u32,
    /// What is kept, and what it is.
    pub fields: &'static [(&'static str, &'static str)],
    /// What every account is told before it comes into force; empty for the first.
    pub notice: &'static str,
    /// The day on which that is told: year, month, day.
    pub announced_on: (i64, i64, i64),
    /// The day on which it comes into force.
    pub in_force_on: (i64, i64, i64),
}

/// Every version, the newest last. Versions that were in force are never changed.
pub const FIELD_LISTS: &[FieldList] = &[FieldList {
    version: 1,
    fields: &[
        ("first_name", "First name."),
        ("last_name", "Last name."),
        ("street", "Street address: its lines and the locality that a parcel needs, as one value."),
        ("postal_code", "Postal or zip code."),
        ("region", "Province or state."),
        ("country", "Country, as its ISO 3166-1 alpha-2 code."),
    ],
    notice: "",
    announced_on: (2026, 11, 22),
    in_force_on: (2026, 11, 22),
}];

const _: () =
    assert!(are_sound(FIELD_LISTS), "a version of the field list needs a notice, and days until it is in force");
const _: () = assert!(
    is_kept(FIELD_LISTS),
    "what is kept of a consumer is not what the newest field list says: add a version, with its notice and its dates"
);

/// Whether versions count from 1, and each after the first is announced with words, in time.
const fn are_sound(lists: &[FieldList]) -> bool {
    let mut place = 0;
    while place < lists.len() {
        #[expect(
            clippy::indexing_slicing,
            reason = "evaluated when the program is built, where iterators are not to be had"
        )]
        let list = &lists[place];
        place += 1;
        if list.version as usize != place {
            return false;
        }
        let days = day_number(list.in_force_on) - day_number(list.announced_on);
        if list.version > 1 && (list.notice.is_empty() || days < NOTICE_DAYS_MIN) {
            return false;
        }
    }
    place > 0
}

/// Whether the newest version names what is kept, in the same order.
#[expect(clippy::indexing_slicing, reason = "evaluated when the program is built, where iterators are not to be had")]
const fn is_kept(lists: &[FieldList]) -> bool {
    let fields = lists[lists.len() - 1].fields;
    let mut place = 0;
    while place < fields.len() && place < FIELD_NAMES.len() {
        if !are_same(fields[place].0.as_bytes(), FIELD_NAMES[place].as_bytes()) {
            return false;
        }
        place += 1;
    }
    fields.len() == FIELD_NAMES.len()
}

#[expect(clippy::indexing_slicing, reason = "evaluated when the program is built, where iterators are not to be had")]
const fn are_same(one: &[u8], other: &[u8]) -> bool {
    let mut place = 0;
    while place < one.len() && place < other.len() {
        if one[place] != other[place] {
            return false;
        }
        place += 1;
    }
    one.len() == other.len()
}

/// Days since 1970 began, by the Gregorian calendar.
const fn day_number((year, month, day): (i64, i64, i64)) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days as another program reckons them.
    #[test]
    fn days_are_counted_by_the_calendar() {
        for (day, number) in
            [((1970, 1, 1), 0), ((2000, 2, 29), 11_016), ((2026, 11, 22), 20_779), ((1969, 12, 31), -1)]
        {
            assert_eq!(day_number(day), number, "{day:?}");
        }
    }

    #[test]
    fn a_change_of_the_list_is_announced_in_time_and_names_what_is_kept() {
        let [first] = FIELD_LISTS else { panic!("there is one version") };
        let next = FieldList { version: 2, notice: "A region is kept no more.", in_force_on: (2026, 12, 22), ..*first };
        assert!(are_sound(&[*first, next]) && is_kept(&[*first, next]));
        assert!(!are_sound(&[*first, FieldList { notice: "", ..next }]), "no notice");
        assert!(!are_sound(&[*first, FieldList { in_force_on: (2026, 12, 21), ..next }]), "too soon");
        assert!(!are_sound(&[*first, FieldList { version: 3, ..next }]) && !are_sound(&[]));
        let fewer = first.fields.get(..5).unwrap();
        assert!(!is_kept(&[*first, FieldList { fields: fewer, ..next }]), "the program keeps six");
        assert!(!is_kept(&[FieldList { fields: &[("first_name", ""); 6], ..next }]));
    }
}
