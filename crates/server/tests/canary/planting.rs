//! The garden book: which canary was planted in which field of which request.

use crate::shapes::{Canary, SERIALS_MAX, Shape};
use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;

/// A field that a request can carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// `POST /v1/orders`; `*` for what every request can carry.
    pub operation: String,
    /// `body /consumer/street`, `query limit`, `header user-agent` …
    pub part: String,
}

impl Place {
    pub fn new(operation: impl Into<String>, part: impl Into<String>) -> Self {
        Self { operation: operation.into(), part: part.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.part, self.operation)
    }
}

/// Hands out canaries, each once.
#[derive(Default)]
pub struct Planting(Mutex<Book>);

#[derive(Default)]
struct Book {
    places: Vec<Place>,
    numbers: HashMap<Place, usize>,
    /// For each shape, the number of the place of each canary.
    planted: [Vec<usize>; 3],
    /// For each place, how many of each shape.
    counts: Vec<[u32; 3]>,
}

impl Planting {
    /// One canary for a place.
    pub fn one(&self, place: &Place, shape: Shape) -> String {
        self.take(place, shape).written()
    }

    /// So many of each shape, in one text.
    pub fn some(&self, place: &Place, each: usize) -> String {
        let mut texts = Vec::with_capacity(3 * each);
        for _ in 0..each {
            texts.extend(Shape::ALL.map(|shape| self.one(place, shape)));
        }
        texts.join("; ")
    }

    fn take(&self, place: &Place, shape: Shape) -> Canary {
        let mut book = self.0.lock().unwrap();
        let number = book.numbers.get(place).copied().unwrap_or_else(|| {
            let number = book.places.len();
            book.places.push(place.clone());
            book.numbers.insert(place.clone(), number);
            book.counts.push([0; 3]);
            number
        });
        book.counts[number][shape as usize] += 1;
        let planted = &mut book.planted[shape as usize];
        let serial = u32::try_from(planted.len()).unwrap();
        assert!(serial < SERIALS_MAX, "more canaries than there are numbers");
        planted.push(number);
        Canary { shape, serial }
    }

    /// Where a canary was planted; `None` if it never was.
    pub fn origin(&self, canary: Canary) -> Option<Place> {
        let book = self.0.lock().unwrap();
        let number = *book.planted[canary.shape as usize].get(canary.serial as usize)?;
        Some(book.places[number].clone())
    }

    /// How many of the rarest shape a place has got.
    pub fn count(&self, place: &Place) -> u32 {
        let book = self.0.lock().unwrap();
        book.numbers.get(place).map_or(0, |number| book.counts[*number].into_iter().min().unwrap())
    }

    /// Every place, with how many of each shape it has got.
    pub fn counts(&self) -> Vec<(Place, [u32; 3])> {
        let book = self.0.lock().unwrap();
        book.places.iter().cloned().zip(book.counts.iter().copied()).collect()
    }
}
