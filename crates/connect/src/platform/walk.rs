//! Walking through all that changed on a platform which can sort and filter by time, and by nothing finer.
//!
//! Pages by offset lose things: what changes between two pages moves to the end, and all behind it move up by one. So a walk
//! goes on from the last moment that it saw. Many things of one moment (an import writes thousands in one transaction) do
//! not fit into one page that way; those are read by offset in the order of their ids, where each page begins with the last
//! thing of the page before, and a walk that does not find it there reads that moment again. A thing may be seen twice; none
//! is missed.

use super::{Failure, PAGE_MAX, Since};
use bonded_base::Moment;
use serde::{Deserialize, Serialize};

/// How long a thing may take to be seen after the moment that it carries: platforms note the time when a transaction begins,
/// and others see it when that ends. A walk begins so much earlier than it is asked to.
pub const SETTLING_MS: i64 = 5_000;

/// Where a walk has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// All at or after this moment (all there is, if not said), oldest first.
    From(Option<Moment>),
    /// The things of one moment, by id: so many were read, the last of them this one.
    At(Moment, usize, String),
    /// All after the things of that moment, oldest first.
    Past(Moment),
    /// Everything, by id: so many were read.
    All(usize),
}

/// A walk in several parts, one after the other: changed products, then products of changed variants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Which part; 0 is the first.
    pub part: usize,
    /// Where in it.
    pub place: Place,
}

/// What to ask the platform for: a page of at most [`PAGE_MAX`] things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked for by time.
    pub span: Span,
    /// Things to leave out at the beginning.
    pub skip: usize,
    /// Whether they are sorted by id; else by time, the oldest first.
    pub by_id: bool,
}

/// A part of time. A platform's clock may be finer than the milliseconds that it says; then the end of one moment is asked
/// for with it, and what comes past that moment begins after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// All of it.
    Ever,
    /// At or after this.
    From(Moment),
    /// In the millisecond that begins here.
    At(Moment),
    /// After that millisecond.
    Past(Moment),
}

/// Something that was read, with what a walk has to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped<T> {
    /// The platform's id.
    pub id: String,
    /// When it changed.
    pub at: Moment,
    /// What it is.
    pub item: T,
}

impl Walk {
    /// Where a caller's place lies, or the beginning of this part.
    pub fn resume(since: &Since, begin: Place) -> Result<Self, Failure> {
        let Some(cursor) = &since.cursor else { return Ok(Self { part: 0, place: begin }) };
        serde_json::from_str(cursor).map_err(|_| Failure::Refused("the place in the list is none of ours".to_owned()))
    }

    /// As a caller keeps it.
    pub fn cursor(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

impl Place {
    /// Where a walk by time begins.
    pub fn since(since: &Since) -> Self {
        Self::From(since.updated_at.map(|at| at.plus_millis(-SETTLING_MS)))
    }

    /// What to ask for.
    pub fn question(&self) -> Question {
        match self {
            Self::From(from) => Question { span: from.map_or(Span::Ever, Span::From), skip: 0, by_id: false },
            Self::At(at, read, _) => Question { span: Span::At(*at), skip: read.saturating_sub(1), by_id: true },
            Self::Past(at) => Question { span: Span::Past(*at), skip: 0, by_id: false },
            Self::All(read) => Question { span: Span::Ever, skip: *read, by_id: true },
        }
    }

    /// What a page brings, and where the next one begins; `None` after the last.
    pub fn turn<T>(&self, page: Vec<Stamped<T>>) -> (Vec<T>, Option<Self>) {
        let is_full = page.len() >= PAGE_MAX;
        match self {
            Self::From(from) => from_time(*from, page, is_full),
            Self::Past(at) => from_time(Some(at.plus_millis(1)), page, is_full),
            Self::At(at, read, last) => at_one_moment(*at, *read, last, page, is_full),
            Self::All(read) => {
                let next = is_full.then(|| Self::All(read + page.len()));
                (page.into_iter().map(|stamped| stamped.item).collect(), next)
            }
        }
    }
}

fn from_time<T>(from: Option<Moment>, page: Vec<Stamped<T>>, is_full: bool) -> (Vec<T>, Option<Place>) {
    let last = page.iter().map(|stamped| stamped.at).max().filter(|_| is_full);
    let Some(last) = last else { return (page.into_iter().map(|stamped| stamped.item).collect(), None) };
    let first = page.iter().map(|stamped| stamped.at).min();
    if first == Some(last) || from.is_some_and(|from| last <= from) {
        return (Vec::new(), Some(Place::At(last, 0, String::new())));
    }
    // Those of the last moment are perhaps not all on this page; the next one begins with them.
    let before = page.into_iter().filter(|stamped| stamped.at < last).map(|stamped| stamped.item).collect();
    (before, Some(Place::From(Some(last))))
}

fn at_one_moment<T>(
    at: Moment,
    read: usize,
    last: &str,
    page: Vec<Stamped<T>>,
    is_full: bool,
) -> (Vec<T>, Option<Place>) {
    if read > 0 && page.first().is_none_or(|stamped| stamped.id != last) {
        return (Vec::new(), Some(Place::At(at, 0, String::new())));
    }
    let seen = usize::from(read > 0);
    let next = match page.last() {
        Some(stamped) if is_full => Place::At(at, read + page.len() - seen, stamped.id.clone()),
        _ => Place::Past(at),
    };
    (page.into_iter().skip(seen).map(|stamped| stamped.item).collect(), Some(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// A shop's list: id and the microsecond of the last change. It compares as SQL does, with milliseconds from us.
    fn answer(shop: &[(u32, i64)], question: Question) -> Vec<Stamped<u32>> {
        let is_asked_for = |at: i64| match question.span {
            Span::Ever => true,
            Span::From(from) => at > (from.millis() - 1) * 1_000,
            Span::At(moment) => (moment.millis() * 1_000..=(moment.millis() + 1) * 1_000).contains(&at),
            Span::Past(moment) => at > (moment.millis() + 1) * 1_000,
        };
        let mut found: Vec<_> = shop.iter().copied().filter(|(_, at)| is_asked_for(*at)).collect();
        if question.by_id {
            found.sort_unstable();
        } else {
            // Within one moment a platform may give any order, and another one each time.
            found.sort_unstable_by_key(|(id, at)| (*at, id.wrapping_mul(2_654_435_769)));
        }
        let stamped = |(id, at): (u32, i64)| Stamped {
            id: id.to_string(),
            at: Moment::from_millis(at.div_euclid(1_000)),
            item: id,
        };
        found.into_iter().skip(question.skip).take(PAGE_MAX).map(stamped).collect()
    }

    /// Walks to the end; between two pages, `disturb` changes the shop.
    fn walked(shop: &mut Vec<(u32, i64)>, mut disturb: impl FnMut(&mut Vec<(u32, i64)>)) -> BTreeSet<u32> {
        let (mut seen, mut place) = (BTreeSet::new(), Some(Place::From(None)));
        for _ in 0..10_000 {
            let Some(here) = place else { return seen };
            let (items, next) = here.turn(answer(shop, here.question()));
            seen.extend(items);
            place = next;
            disturb(shop);
        }
        panic!("the walk does not end");
    }

    proptest! {
        #[test]
        fn nothing_is_missed_whatever_shares_its_moment(times in prop::collection::vec(prop_oneof![0_i64..4, Just(1_000), Just(1_500), Just(2_000), 0_i64..4_000], 0..900)) {
            let mut shop: Vec<_> = (0..).zip(times).collect();
            let all: BTreeSet<u32> = shop.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(walked(&mut shop, |_| {}), all);
        }

        #[test]
        fn what_changes_meanwhile_pushes_nothing_out(
            times in prop::collection::vec(prop_oneof![0_i64..3, Just(1_000), Just(1_500)], 300..700),
            changed in prop::collection::vec(0_usize..700, 0..40),
        ) {
            let mut shop: Vec<_> = (0..).zip(times).collect();
            let all: BTreeSet<u32> = shop.iter().map(|(id, _)| *id).collect();
            let (mut changed, mut now) = (changed.into_iter(), 100_000);
            let seen = walked(&mut shop, |shop| {
                let place = changed.next().map(|place| place % shop.len());
                if let Some(thing) = place.and_then(|place| shop.get_mut(place)) {
                    now += 700;
                    thing.1 = now;
                }
            });
            prop_assert_eq!(seen, all);
        }
    }

    #[test]
    fn a_walk_by_id_reads_page_after_page() {
        let page = |count: u32| (0..count).map(|id| Stamped { id: id.to_string(), at: Moment::default(), item: id });
        let (items, next) = Place::All(0).turn(page(100).collect());
        assert_eq!((items.len(), &next), (100, &Some(Place::All(100))));
        let (items, next) = Place::All(100).turn(page(3).collect());
        assert_eq!((items.len(), next), (3, None));
    }

    #[test]
    fn a_place_is_kept_as_text() {
        let walk = Walk { part: 1, place: Place::At(Moment::from_millis(5), 3, "x".to_owned()) };
        let since = Since { cursor: walk.cursor(), ..Since::default() };
        assert_eq!(Walk::resume(&since, Place::All(0)).unwrap(), walk);
        let foreign = Since { cursor: Some("eyJ".to_owned()), ..Since::default() };
        assert!(matches!(Walk::resume(&foreign, Place::All(0)), Err(Failure::Refused(_))));
    }
}
