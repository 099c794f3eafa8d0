//! Whether a licence expression (SPDX 2.3, annex D) can be met with the licences that the house allows.

/// Licences that ask no more than to be named, and the MPL, which asks that changes to its own files be shown: we make none.
/// A library under any other is refused.
const ALLOWED: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Can we keep to `expression`? `A OR B` leaves the choice, `A AND B` asks for both; an expression that cannot be read
/// is not allowed.
pub fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = Words { words: spaced.split_whitespace().collect(), next: 0 };
    words.any_of() == Some(true) && words.peek().is_none()
}

/// A reader of expressions; `None` is what cannot be read. `AND` binds closer than `OR`.
struct Words<'a> {
    words: Vec<&'a str>,
    next: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.next).copied()
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next += usize::from(is_next);
        is_next
    }

    fn any_of(&mut self) -> Option<bool> {
        let mut allowed = self.all_of()?;
        while self.take("OR") {
            allowed |= self.all_of()?;
        }
        Some(allowed)
    }

    fn all_of(&mut self) -> Option<bool> {
        let mut allowed = self.one()?;
        while self.take("AND") {
            allowed &= self.one()?;
        }
        Some(allowed)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let allowed = self.any_of()?;
            return self.take(")").then_some(allowed);
        }
        let mut name = self.peek()?.to_owned();
        self.next += 1;
        if self.take("WITH") {
            name = format!("{name} WITH {}", self.peek()?);
            self.next += 1;
        }
        Some(ALLOWED.contains(&name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_needs_one_allowed_licence() {
        assert!(is_allowed("MIT"));
        assert!(is_allowed("Apache-2.0 OR GPL-2.0-only"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(!is_allowed("GPL-3.0-only OR AGPL-3.0-only"));
    }

    #[test]
    fn a_sum_needs_all_of_them() {
        assert!(is_allowed("ISC AND (Apache-2.0 OR ISC) AND MIT"));
        assert!(!is_allowed("MIT AND GPL-3.0-only"));
        assert!(!is_allowed("MIT AND (GPL-2.0-only OR LGPL-2.1-only)"));
        assert!(is_allowed("GPL-2.0-only OR MIT AND ISC"));
    }

    #[test]
    fn an_exception_is_part_of_the_name() {
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception"));
        assert!(!is_allowed("GPL-3.0-only WITH GCC-exception-3.1"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "OR MIT", "Proprietary"] {
            assert!(!is_allowed(expression), "{expression}");
        }
    }
}
