//! Patches: what a caller says of one field, where leaving it out and emptying it are two different things.

use serde::{Deserialize, Deserializer};

/// What is to become of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Left out: it stays.
    #[default]
    Keep,
    /// `null`: it is emptied.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field stays as it is.
    pub const fn keeps(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    /// A field that is there; the struct around it says `#[serde(default)]` for one that is not.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::Patch;
    use serde::Deserialize;

    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Coat {
        colour: Patch<String>,
    }

    #[test]
    fn absent_null_and_a_value_are_told_apart() {
        let read = |json| serde_json::from_str::<Coat>(json).unwrap().colour;
        assert_eq!(read("{}"), Patch::Keep);
        assert_eq!(read(r#"{"colour": null}"#), Patch::Clear);
        assert_eq!(read(r#"{"colour": "red"}"#), Patch::Set("red".to_owned()));
    }
}
