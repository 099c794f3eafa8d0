//! What goes wrong on the way, by a plan that a seed repeats or by a word of the test.

/// One thing that goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status, and nothing was done.
    ErrorBefore(u16),
    /// This status, and it was done all the same.
    ErrorAfter(u16),
    /// The connection ends before the answer, and nothing was done.
    CutBefore,
    /// It was done, and the connection ends in the middle of the answer.
    CutAfter,
    /// The answer comes after this many milliseconds.
    Slow(u64),
    /// The maker's word that it is too much.
    Throttled,
}

/// Every fault that a plan draws from.
const ALL: [Fault; 6] = [
    Fault::ErrorBefore(503),
    Fault::ErrorAfter(502),
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::Slow(5),
    Fault::Throttled,
];

/// What is to go wrong.
#[derive(Debug, Default)]
pub struct Faults {
    seed: u64,
    /// One call in so many fails; 0 is none.
    one_in: u64,
    /// Faults for the next calls of these operations.
    next: Vec<(String, Fault)>,
}

impl Faults {
    /// One call in so many fails, in any way.
    pub fn plan(&mut self, seed: u64, one_in: u64) {
        (self.seed, self.one_in) = (seed, one_in);
    }

    /// The next call of this operation fails so.
    pub fn next(&mut self, operation: &str, fault: Fault) {
        self.next.push((operation.to_owned(), fault));
    }

    /// What becomes of a call.
    pub fn of(&mut self, operation: &str) -> Option<Fault> {
        if let Some(place) = self.next.iter().position(|(name, _)| name == operation) {
            return Some(self.next.remove(place).1);
        }
        if self.one_in == 0 || self.draw(self.one_in) != 0 {
            return None;
        }
        let place = usize::try_from(self.draw(ALL.len() as u64)).unwrap_or_default();
        ALL.get(place).copied()
    }

    /// A number below `below`. `SplitMix64`, so that a seed says it all.
    pub fn draw(&mut self, below: u64) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below.max(1)
    }
}
