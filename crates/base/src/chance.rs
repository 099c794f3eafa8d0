//! Chance is an argument.

/// Whoever needs unpredictable bytes takes one of these; tests give a seeded one.
pub trait Chance: Send + Sync {
    /// Fills `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator; chosen once, where the program is wired.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    /// Ends the process if the system has no randomness: nothing safe can follow.
    #[expect(clippy::disallowed_methods, reason = "the one door through which real chance enters")]
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            std::process::abort();
        }
    }
}
