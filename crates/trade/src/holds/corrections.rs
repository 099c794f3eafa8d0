//! Corrections: what an account's people put right in a record from outside that was held, without touching it there.
//!
//! A correction says where, what stood there, and what is to stand there instead. It is laid over the record each time that
//! it is read, and ends by itself when something else stands there: then the shop's own word counts again. Elements of lists
//! are known by their `id`, since their places change.

#[cfg(test)]
mod tests;

use super::{Hold, HoldReason, PAYLOAD_BYTES_MAX};
use crate::catalog::{self, ProductDraft};
use crate::orders::LineDraft;
use crate::screen::{Kept, has_contacts};
use crate::{Races, TradeError, Written, carrier};
use bonded_base::{Account, Id, Kind, Kinded, Problem, Reason};
use bonded_ledger::{Change, Ledger, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_path_to_error::Segment;

/// Corrections of one hold at most.
pub const CORRECTIONS_MAX: usize = 100;
/// Members that may be corrected in a line of an order.
const OF_A_LINE: [&str; 4] = ["sku", "title", "quantity", "price"];

/// One value that somebody has put right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Where in the hold's payload, as a JSON pointer (RFC 6901): `/lines/0/quantity`.
    pub pointer: String,
    /// The `id` of the list's element that the pointer goes through, if there is one; it is followed where that moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What stood there.
    pub was: Value,
    /// What is to stand there.
    pub to: Value,
}

/// A correction as somebody asks for it.
#[derive(Clone, Debug, Deserialize)]
pub struct Fix {
    /// Where in the hold's payload, as a JSON pointer.
    pub pointer: String,
    /// What is to stand there; what stands there already takes the correction back.
    pub to: Value,
}

/// What was understood of a record from outside: an order's lines, or a product.
#[derive(Deserialize)]
struct Understood {
    #[serde(default)]
    lines: Vec<LineDraft>,
    #[serde(default)]
    product: Option<ProductDraft>,
}

/// Puts values of a held record right and asks for another try. What is corrected passes the same checks as what comes from
/// outside, except those that look at other records, which are made when it is tried.
///
/// # Errors
/// `State` where nothing came from outside, or the hold is resolved; `Invalid` with a pointer below `/corrections`.
pub async fn correct(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Hold>,
    expected: Option<u64>,
    fixes: &[Fix],
) -> Result<Written<Hold>, TradeError> {
    let mut races = Races::staked(Kind::Hold, id.bytes(), expected);
    loop {
        let was = super::get(ledger, scope, id).await?;
        crate::as_expected(&was, expected)?;
        let hold = was.unresolved()?;
        let corrections = merged(hold, fixes)?;
        let next = Hold { corrections, asked: true, tries: hold.tries.saturating_add(1), ..hold.clone() };
        let mut change = Change::new();
        super::touch(ledger, scope, hold, &mut change).await?;
        change.update(&was, &next, "corrected");
        match ledger.commit(scope, change).await {
            Ok(committed) => return Ok(Written::changed(&was, next, committed.at)),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Takes corrections off a hold that no longer apply, because something else stands there now.
pub async fn outlived(
    ledger: &Ledger,
    account: Id<Account>,
    id: Id<Hold>,
    gone: &[Correction],
) -> Result<(), TradeError> {
    rewritten(ledger, account, id, "correction_ended", |hold| hold.corrections.retain(|one| !gone.contains(one))).await
}

/// Gives corrections that stand to another hold of the same thing.
pub async fn carry(
    ledger: &Ledger,
    account: Id<Account>,
    id: Id<Hold>,
    standing: &[Correction],
) -> Result<(), TradeError> {
    rewritten(ledger, account, id, "correction_kept", |hold| {
        let is_new = |one: &&Correction| !hold.corrections.iter().any(|other| other.overlaps(one));
        let new: Vec<_> = standing.iter().filter(is_new).cloned().collect();
        hold.corrections.extend(new);
    })
    .await
}

/// The try that somebody asked for is over; the hold stays as it is, if it is still open.
pub async fn tried<R: Kinded>(
    ledger: &Ledger,
    account: Id<Account>,
    record: Id<R>,
    reason: HoldReason,
) -> Result<(), TradeError> {
    rewritten(ledger, account, Hold::id_of(record, reason), "tried", |hold| hold.asked = false).await
}

async fn rewritten(
    ledger: &Ledger,
    account: Id<Account>,
    id: Id<Hold>,
    action: &'static str,
    rule: impl Fn(&mut Hold),
) -> Result<(), TradeError> {
    let (scope, mut races) = (carrier(account), Races::new());
    loop {
        let was = super::get(ledger, &scope, id).await?;
        let mut next = Hold::clone(&was);
        rule(&mut next);
        if next == *was {
            return Ok(());
        }
        let mut change = Change::new();
        change.update(&was, &next, action);
        match ledger.commit(&scope, change).await {
            Ok(_) => return Ok(()),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Lays corrections over what was read; answers which of them no longer stand, because something else is there now.
pub fn lay(read: &mut Value, corrections: &[Correction]) -> Vec<Correction> {
    let mut gone = Vec::new();
    for correction in corrections {
        let pointer = correction.found_in(read);
        match pointer.and_then(|pointer| read.pointer_mut(&pointer)).filter(|place| **place == correction.was) {
            Some(place) => place.clone_from(&correction.to),
            None => gone.push(correction.clone()),
        }
    }
    gone
}

/// The hold's corrections with these in the places of older ones, all of them checked.
fn merged(hold: &Hold, fixes: &[Fix]) -> Result<Vec<Correction>, Problem> {
    let Some(payload) = &hold.payload else {
        let why = "nothing is kept here that could be corrected: put it right where it is, and try it again";
        return Err(Problem::new(Reason::State, why));
    };
    let mut corrections = hold.corrections.clone();
    for (place, fix) in fixes.iter().enumerate() {
        let correction = fix.on(payload).map_err(|problem| problem.within(&format!("/corrections/{place}")))?;
        corrections.retain(|known| !known.overlaps(&correction));
        if correction.was != correction.to {
            corrections.push(correction);
        }
    }
    let too_much = |detail: String| Problem { reason: Reason::TooMuch, ..Problem::invalid("/corrections", detail) };
    if corrections.len() > CORRECTIONS_MAX {
        return Err(too_much(format!("at most {CORRECTIONS_MAX} values of one record are corrected")));
    }
    let mut read = payload.clone();
    let gone = lay(&mut read, &corrections);
    corrections.retain(|one| !gone.contains(one));
    if read.to_string().len() > PAYLOAD_BYTES_MAX {
        return Err(too_much(format!("a record with its corrections has at most {PAYLOAD_BYTES_MAX} bytes")));
    }
    checked(read).map_err(|problem| blamed(problem, fixes))?;
    Ok(corrections)
}

/// By the same rules as what comes from outside.
fn checked(read: Value) -> Result<(), Problem> {
    let understood: Understood = serde_path_to_error::deserialize(read).map_err(|error| {
        let at = error.path().iter().map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{key}"),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        });
        Problem::invalid(at.collect::<String>(), "this is not the sort of value that stands here")
    })?;
    for (line, number) in understood.lines.iter().zip(1_u32..) {
        line.check(number).map_err(|problem| problem.within(&format!("/lines/{}", number - 1)))?;
    }
    match understood.product {
        Some(product) => catalog::check(&product).map_err(|problem| problem.within("/product")),
        None => Ok(()),
    }
}

/// The problem, seen from the request: the correction that brought it, or the whole of them with the place in words.
fn blamed(problem: Problem, fixes: &[Fix]) -> Problem {
    let pointer = problem.pointer.clone().unwrap_or_default();
    let is_it = |fix: &Fix| is_within(&pointer, &fix.pointer) || is_within(&fix.pointer, &pointer);
    match fixes.iter().position(is_it) {
        Some(place) => Problem { pointer: Some(format!("/corrections/{place}/to")), ..problem },
        None => Problem { detail: problem.to_string().into(), pointer: Some("/corrections".to_owned()), ..problem },
    }
}

/// Whether a pointer is another one, or leads below it.
fn is_within(pointer: &str, other: &str) -> bool {
    pointer.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Fix {
    /// The correction that this is of a payload.
    fn on(&self, payload: &Value) -> Result<Correction, Problem> {
        let parts: Vec<&str> = self.pointer.split('/').skip(1).collect();
        let may = match parts.as_slice() {
            ["lines", _, field, ..] => OF_A_LINE.contains(field),
            ["product", "variants", _, field, ..] => *field != "id",
            ["product", field, ..] => *field != "variants",
            _ => false,
        };
        let was = payload.pointer(&self.pointer).filter(|_| may);
        let nowhere = || Problem::invalid("/pointer", "there is no value at this place that can be corrected");
        let was = was.ok_or_else(nowhere)?.clone();
        let is_contact = |text: &str| parts.first() == Some(&"lines") && has_contacts(text, Kept::Text);
        if self.to.as_str().is_some_and(is_contact) {
            return Err(Problem::invalid("/to", "mail, phone and IP addresses are not kept here"));
        }
        let of =
            element(&self.pointer).and_then(|(list, place, _)| payload.pointer(list)?.get(place)?.get("id")?.as_str());
        Ok(Correction { pointer: self.pointer.clone(), of: of.map(str::to_owned), was, to: self.to.clone() })
    }
}

impl Correction {
    /// Where its place is now.
    fn found_in(&self, read: &Value) -> Option<String> {
        let (Some(of), Some((list, _, rest))) = (&self.of, element(&self.pointer)) else {
            return Some(self.pointer.clone());
        };
        let is_it = |element: &Value| element.get("id").and_then(Value::as_str) == Some(of);
        let place = read.pointer(list)?.as_array()?.iter().position(is_it)?;
        Some(format!("{list}/{place}{rest}"))
    }

    /// Whether both are about the same value, or one about a part of the other's.
    fn overlaps(&self, other: &Self) -> bool {
        let (mine, theirs) = match (element(&self.pointer), element(&other.pointer)) {
            (Some((list, _, mine)), Some((other_list, _, theirs))) if self.of.is_some() && other.of.is_some() => {
                if list != other_list || self.of != other.of {
                    return false;
                }
                (mine, theirs)
            }
            _ => (self.pointer.as_str(), other.pointer.as_str()),
        };
        is_within(mine, theirs) || is_within(theirs, mine)
    }
}

/// A pointer that goes through one of the lists there are: the list, the place in it, and the rest.
fn element(pointer: &str) -> Option<(&str, usize, &str)> {
    let list = ["/lines", "/product/variants"].into_iter().find(|list| is_within(pointer, list))?;
    let rest = pointer.strip_prefix(list)?.strip_prefix('/')?;
    let (place, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((list, place.parse().ok()?, below))
}
