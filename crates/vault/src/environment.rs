//! Where a deployment stands: keys of one environment never open in another.

use std::fmt;
use std::str::FromStr;

/// The environment a tree of keys is bound to, from its root down to each sealed value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Environment {
    /// Real merchants, real consumers.
    Production = 1,
    /// Like production, with made-up data.
    Staging = 2,
    /// A developer's machine.
    Development = 3,
}

/// The text names no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an environment is one of production, staging, development")]
pub struct BadEnvironment;

impl Environment {
    const ALL: [Self; 3] = [Self::Production, Self::Staging, Self::Development];

    /// The number that is bound into sealed values; never changes.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }

    /// `production`, `staging` or `development`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Development => "development",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Environment {
    type Err = BadEnvironment;

    fn from_str(text: &str) -> Result<Self, BadEnvironment> {
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or(BadEnvironment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_others_are_refused() {
        for one in Environment::ALL {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        assert_eq!("Production".parse::<Environment>(), Err(BadEnvironment));
    }
}
