//! The Merkle tree as RFC 6962 defines it, word by word and slowly, to hold the fast one against.

use bonded_merkle::{EMPTY_ROOT, Hash, node_hash};
use std::cell::RefCell;
use std::collections::HashMap;

/// Leaves, and the roots over runs of them that were needed before.
pub struct Naive {
    leaves: Vec<Hash>,
    known: RefCell<HashMap<(usize, usize), Hash>>,
}

impl Naive {
    pub fn new(leaves: Vec<Hash>) -> Self {
        Self { leaves, known: RefCell::default() }
    }

    /// `MTH(D[start:end])` of section 2.1.
    pub fn root(&self, start: usize, end: usize) -> Hash {
        match end - start {
            0 => return EMPTY_ROOT,
            1 => return self.leaves.get(start).copied().unwrap_or_default(),
            _ => {}
        }
        if let Some(known) = self.known.borrow().get(&(start, end)) {
            return *known;
        }
        let middle = start + largest_power_of_two_below(end - start);
        let root = node_hash(&self.root(start, middle), &self.root(middle, end));
        self.known.borrow_mut().insert((start, end), root);
        root
    }

    /// `PATH(m, D[start:end])` of section 2.1.1, with `m` counted from `start`.
    pub fn path(&self, m: usize, start: usize, end: usize) -> Vec<Hash> {
        if end - start <= 1 {
            return Vec::new();
        }
        let k = largest_power_of_two_below(end - start);
        let (mut path, sibling) = if m < k {
            (self.path(m, start, start + k), self.root(start + k, end))
        } else {
            (self.path(m - k, start + k, end), self.root(start, start + k))
        };
        path.push(sibling);
        path
    }

    /// `PROOF(m, D[0:n])` of section 2.1.2.
    pub fn proof(&self, m: usize, n: usize) -> Vec<Hash> {
        self.subproof(m, 0, n, true)
    }

    fn subproof(&self, m: usize, start: usize, end: usize, is_old_tree: bool) -> Vec<Hash> {
        let n = end - start;
        if m == n {
            return if is_old_tree { Vec::new() } else { vec![self.root(start, end)] };
        }
        let k = largest_power_of_two_below(n);
        let (mut proof, last) = if m <= k {
            (self.subproof(m, start, start + k, is_old_tree), self.root(start + k, end))
        } else {
            (self.subproof(m - k, start + k, end, false), self.root(start, start + k))
        };
        proof.push(last);
        proof
    }
}

fn largest_power_of_two_below(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}
