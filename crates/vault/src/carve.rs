//! Destroying: makes today's tree anew without what is doomed.
//!
//! Every table on the way from the root to what is doomed is written out again: survivors keep their keys, the doomed
//! are left out, and each file gets a fresh key, which only the file above it holds, up to a fresh root. Who has all
//! old files and today's root finds no way to the old ones (Reardon, Ritzdorf, Basin, Capkun: "Secure Data Deletion
//! from Persistent Media", CCS 2013).

use crate::fragment::{Branch, CUTS, Fragment, Link, Name};
use crate::key::Key;
use crate::path::Path;
use crate::place::{FIRST_VERSION, Place};
use crate::tree::{Cursor, Tree};
use crate::{Environment, VaultError};
use bonded_base::Chance;

/// The files a change brought and those it made useless, and the new top.
pub(crate) struct Carved {
    pub(crate) top: Link,
    pub(crate) fresh: Vec<Name>,
    pub(crate) gone: Vec<Name>,
}

struct Carver<'a> {
    environment: Environment,
    version: u64,
    place: &'a Place,
    chance: &'a dyn Chance,
    fresh: Vec<Name>,
    gone: Vec<Name>,
}

/// Writes the nodes of the next version to a place. `doomed` may be empty: then only the root gets a fresh key.
pub(crate) fn carve(tree: &Tree, doomed: &[Path], place: &Place, chance: &dyn Chance) -> Result<Carved, VaultError> {
    let version = tree.root().header.version + 1;
    let (fresh, gone) = (Vec::new(), Vec::new());
    let mut carver = Carver { environment: tree.environment(), version, place, chance, fresh, gone };
    let result = carver.renew(&tree.top(), doomed);
    let Carver { fresh, gone, .. } = carver;
    match result {
        Ok(Branch::Apart(top)) => Ok(Carved { top, fresh, gone }),
        failed => {
            // Sealed under keys nobody has any more; if they cannot be removed now, opening the vault will.
            if let Err(error) = place.forget(&fresh, version) {
                tracing::warn!(%error, "node files of an attempt that failed could not be removed");
            }
            Err(failed.err().unwrap_or(VaultError::Destroyed))
        }
    }
}

/// The first file of a new tree: sixteen whole branches under a fresh root key.
pub(crate) fn plant(environment: Environment, place: &Place, chance: &dyn Chance) -> Result<Link, VaultError> {
    let mut top = Fragment::default();
    let number = top.add_table().ok_or(VaultError::Full)?;
    for step in 0..16 {
        top.set(number, step, Branch::Whole(Key::random(chance)));
    }
    let link = Link { key: Key::random(chance), name: Name::new(FIRST_VERSION, chance) };
    place.write_node(link.name, &top.seal(&link.key, environment, &Path::ROOT, chance))?;
    Ok(link)
}

impl Carver<'_> {
    /// What takes the place of a branch.
    fn carve(&mut self, here: &Cursor<'_>, doomed: &[Path], into: &mut Fragment) -> Result<Branch, VaultError> {
        if doomed.first() == Some(&here.at) {
            self.bury(here);
            return Ok(Branch::Destroyed);
        }
        match &here.branch {
            Branch::Destroyed => Ok(Branch::Destroyed),
            Branch::Whole(_) | Branch::Apart(_) if doomed.is_empty() => Ok(here.branch.duplicate()),
            _ if CUTS.contains(&here.at.depth()) => self.renew(here, doomed),
            _ => Ok(self.table(here, doomed, into)?.map_or(Branch::Destroyed, Branch::Table)),
        }
    }

    /// A new file, under a fresh key, for what goes on here.
    fn renew(&mut self, here: &Cursor<'_>, doomed: &[Path]) -> Result<Branch, VaultError> {
        let mut fragment = Fragment::default();
        let table = self.table(here, doomed, &mut fragment)?;
        if let Branch::Apart(old) = &here.branch {
            self.gone.push(old.name);
        }
        if table.is_none() {
            return Ok(Branch::Destroyed);
        }
        let link = Link { key: Key::random(self.chance), name: Name::new(self.version, self.chance) };
        let file = fragment.seal(&link.key, self.environment, &here.at, self.chance);
        self.fresh.push(link.name);
        self.place.write_node(link.name, &file)?;
        Ok(Branch::Apart(link))
    }

    /// Sixteen branches, as they are after the change; `None` if none is left.
    fn table(&mut self, here: &Cursor<'_>, doomed: &[Path], into: &mut Fragment) -> Result<Option<u16>, VaultError> {
        let number = into.add_table().ok_or(VaultError::Full)?;
        let (here, depth) = (here.enter()?, here.at.depth());
        let (mut rest, mut any_left) = (doomed, false);
        for step in 0..16 {
            let (part, others) = rest.split_at(rest.partition_point(|path| path.step(depth) <= Some(step)));
            rest = others;
            let branch = self.carve(&here.down(step)?, part, into)?;
            any_left |= !matches!(branch, Branch::Destroyed);
            into.set(number, step, branch);
        }
        if !any_left {
            into.take_back(number);
        }
        Ok(any_left.then_some(number))
    }

    /// Notes the files under a doomed branch. They are useless already; one that cannot be read stays behind, sealed.
    fn bury(&mut self, here: &Cursor<'_>) {
        if let Branch::Apart(link) = &here.branch {
            self.gone.push(link.name);
        }
        let goes_on = matches!(here.branch, Branch::Table(_) | Branch::Apart(_));
        if goes_on && CUTS.iter().any(|cut| *cut > here.at.depth()) {
            match here.enter() {
                Ok(inside) => (0..16).filter_map(|step| inside.down(step).ok()).for_each(|below| self.bury(&below)),
                Err(error) => tracing::warn!(%error, "a destroyed part of the tree could not be tidied away"),
            }
        }
    }
}
