//! Quantities of lines: which lines of an order a cancellation, a rejection or a shipment is about, and how many of each.

use bonded_base::{Problem, Reason};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// So many of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineQuantity {
    /// The order's number for the line; 1 is the first.
    pub line: u32,
    /// Pieces.
    pub quantity: u32,
}

/// So many of one line, as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct LineWish {
    /// The order's number for the line.
    pub line: i64,
    /// Pieces; all that are left, if not said.
    #[serde(default)]
    pub quantity: Option<i64>,
}

/// What is asked, against what is left of each line: every line once, at least one piece, no more than are left.
///
/// `None` asks for all that is left; then `exhausted` says why there is nothing.
pub(crate) fn chosen(
    wishes: Option<&[LineWish]>,
    left: &[LineQuantity],
    exhausted: &'static str,
) -> Result<Vec<LineQuantity>, Problem> {
    let Some(wishes) = wishes else {
        let all: Vec<_> = left.iter().copied().filter(|line| line.quantity > 0).collect();
        return if all.is_empty() { Err(Problem::new(Reason::State, exhausted)) } else { Ok(all) };
    };
    if wishes.is_empty() {
        return Err(Problem::invalid("/lines", "at least one line is needed; leave `lines` out for all of them"));
    }
    let mut named = HashSet::new();
    let each = wishes.iter().enumerate().map(|(place, wish)| {
        granted(*wish, left, exhausted)
            .and_then(|line| if named.insert(line.line) { Ok(line) } else { Err(twice()) })
            .map_err(|problem| problem.within(&format!("/lines/{place}")))
    });
    each.collect()
}

fn twice() -> Problem {
    Problem::invalid("/line", "each line is named once")
}

fn granted(wish: LineWish, left: &[LineQuantity], exhausted: &'static str) -> Result<LineQuantity, Problem> {
    let line = left
        .iter()
        .find(|left| i64::from(left.line) == wish.line)
        .ok_or_else(|| Problem::invalid("/line", "there is no line with this number"))?;
    let refused = |detail| Problem { reason: Reason::Refused, ..Problem::invalid("/quantity", detail) };
    if line.quantity == 0 {
        return Err(refused(exhausted));
    }
    let quantity = match wish.quantity.map(u32::try_from) {
        None => line.quantity,
        Some(Ok(quantity)) if quantity > 0 => quantity,
        Some(_) => return Err(Problem::invalid("/quantity", "a quantity of at least 1 is needed")),
    };
    if quantity > line.quantity {
        return Err(refused("fewer pieces than that are left of this line"));
    }
    Ok(LineQuantity { quantity, ..*line })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: [LineQuantity; 3] = [
        LineQuantity { line: 1, quantity: 4 },
        LineQuantity { line: 2, quantity: 0 },
        LineQuantity { line: 5, quantity: 1 },
    ];

    fn wish(line: i64, quantity: Option<i64>) -> LineWish {
        LineWish { line, quantity }
    }

    #[test]
    fn all_that_is_left_needs_no_naming() {
        assert_eq!(chosen(None, &LEFT, "none left").unwrap(), [LEFT[0], LEFT[2]]);
        assert_eq!(chosen(None, &LEFT[1..2], "none left").unwrap_err().reason, Reason::State);
    }

    #[test]
    fn wishes_are_granted_within_what_is_left() {
        let granted = chosen(Some(&[wish(5, None), wish(1, Some(3))]), &LEFT, "none left").unwrap();
        assert_eq!(granted, [LineQuantity { line: 5, quantity: 1 }, LineQuantity { line: 1, quantity: 3 }]);
    }

    #[test]
    fn what_cannot_be_granted_names_its_place() {
        for (wishes, pointer, reason) in [
            (vec![], "/lines", Reason::Invalid),
            (vec![wish(3, None)], "/lines/0/line", Reason::Invalid),
            (vec![wish(-1, None)], "/lines/0/line", Reason::Invalid),
            (vec![wish(1, Some(1)), wish(1, Some(1))], "/lines/1/line", Reason::Invalid),
            (vec![wish(1, Some(0))], "/lines/0/quantity", Reason::Invalid),
            (vec![wish(1, Some(-1))], "/lines/0/quantity", Reason::Invalid),
            (vec![wish(1, Some(i64::MAX))], "/lines/0/quantity", Reason::Invalid),
            (vec![wish(1, Some(5))], "/lines/0/quantity", Reason::Refused),
            (vec![wish(1, None), wish(2, None)], "/lines/1/quantity", Reason::Refused),
        ] {
            let problem = chosen(Some(&wishes), &LEFT, "none left").unwrap_err();
            assert_eq!((problem.pointer.as_deref(), problem.reason), (Some(pointer), reason), "{wishes:?}");
        }
    }
}
