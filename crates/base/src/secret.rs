//! Values that are never printed.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A value that has no `Debug`, no `Display` and no `Serialize`, and is wiped from memory when dropped.
///
/// ```compile_fail
/// let secret = bonded_base::Secret::new(String::from("hunter2"));
/// println!("{secret:?}");
/// ```
/// ```compile_fail
/// let secret = bonded_base::Secret::new(String::from("hunter2"));
/// println!("{secret}");
/// ```
/// ```compile_fail
/// fn written<T: serde::Serialize>(_: T) {}
/// written(bonded_base::Secret::new(String::from("hunter2")));
/// ```
#[derive(Clone, ZeroizeOnDrop)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Keeps a value secret from here on.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Lends the value; the one way to it, easily found by search.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}
