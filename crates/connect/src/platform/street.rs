//! A consumer's street in the parts that platforms have for it: two lines and the locality.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The parts of a street; it has no `Debug`, because it is a consumer's.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Street {
    /// The first line.
    pub first: String,
    /// All lines between, as one; mostly empty.
    pub second: String,
    /// The last line, where there are several: the locality.
    pub city: String,
}

impl Street {
    /// Parts of what we keep: lines, the last of several being the locality.
    pub fn parted(street: &str) -> Self {
        let mut lines: Vec<&str> = street.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let city = if lines.len() > 1 { lines.pop().unwrap_or_default() } else { "" };
        let mut lines = lines.into_iter();
        let first = lines.next().unwrap_or_default();
        Self { first: first.to_owned(), second: lines.collect::<Vec<_>>().join(", "), city: city.to_owned() }
    }

    /// As we keep it: the parts that say something, each on its line.
    pub fn joined(parts: [&str; 3]) -> String {
        parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(street: &str) -> [String; 3] {
        let Street { first, second, city } = &Street::parted(street);
        [first.clone(), second.clone(), city.clone()]
    }

    #[test]
    fn the_last_of_several_lines_is_the_locality() {
        assert_eq!(parts("Weg 1\nBerlin"), ["Weg 1", "", "Berlin"]);
        assert_eq!(parts("Weg 1\nHof\n3. OG\nBerlin"), ["Weg 1", "Hof, 3. OG", "Berlin"]);
        assert_eq!(parts("Weg 1, Berlin"), ["Weg 1, Berlin", "", ""]);
        assert_eq!(Street::joined(["Weg 1", " ", "Berlin"]), "Weg 1\nBerlin");
    }
}
