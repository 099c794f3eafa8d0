//! A power failure, for tests: after a given number of steps every deed fails, and what was not synced is lost.

use super::Deed;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::{fs, io};

/// What the disk may not have kept, and how long the power lasts.
#[derive(Default)]
struct Power {
    steps_left: Option<usize>,
    steps_taken: usize,
    /// New files whose content may be missing.
    unwritten: Vec<PathBuf>,
    /// Files that were written over, and what they held before.
    overwritten: HashMap<PathBuf, (Vec<u8>, Vec<u8>)>,
    /// New names that their directory may have forgotten.
    unnamed: Vec<PathBuf>,
}

thread_local! {
    static POWER: RefCell<Power> = RefCell::default();
}

/// How a disk may look after the power failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// All that was written is there, synced or not.
    Nothing,
    /// All that was not synced is gone.
    Everything,
    /// Of what was not synced, the first half of the bytes is there.
    Half,
}

/// From now on, this thread's deeds take this many steps and no more; `None` for ever.
pub(crate) fn fail_after(steps: Option<usize>) {
    POWER.with_borrow_mut(|power| *power = Power { steps_left: steps, ..Power::default() });
}

/// How many steps were taken since then.
pub(crate) fn steps_taken() -> usize {
    POWER.with_borrow(|power| power.steps_taken)
}

/// The power comes back, on a disk with such a loss.
pub(crate) fn recover(loss: Loss) {
    let power = POWER.take();
    for (path, (before, after)) in power.overwritten {
        let kept = match loss {
            Loss::Nothing => continue,
            Loss::Everything => before,
            Loss::Half => {
                let half = after.len() / 2;
                let rest = before.get(half..).unwrap_or_default();
                [&after[..half], rest].concat()
            }
        };
        fs::write(path, kept).unwrap();
    }
    for path in power.unwritten {
        if let Ok(file) = fs::OpenOptions::new().write(true).open(path) {
            let length = file.metadata().unwrap().len();
            match loss {
                Loss::Nothing => {}
                Loss::Everything => file.set_len(0).unwrap(),
                Loss::Half => file.set_len(length / 2).unwrap(),
            }
        }
    }
    if matches!(loss, Loss::Everything) {
        for path in power.unnamed {
            let _ = fs::remove_file(path);
        }
    }
}

pub(super) fn note(deed: &Deed<'_>) -> io::Result<()> {
    POWER.with_borrow_mut(|power| match *deed {
        Deed::Begins => power.step(),
        Deed::Appeared(path) => {
            power.unwritten.push(path.to_owned());
            power.unnamed.push(path.to_owned());
            Ok(())
        }
        Deed::Overwrites(path, content) => {
            power.overwritten.insert(path.to_owned(), (fs::read(path)?, content.to_vec()));
            Ok(())
        }
        Deed::Synced(path) => {
            power.overwritten.remove(path);
            power.unwritten.retain(|other| other != path);
            Ok(())
        }
        Deed::NamesSynced(directory) => {
            power.unnamed.retain(|path| path.parent() != Some(directory));
            Ok(())
        }
    })
}

impl Power {
    fn step(&mut self) -> io::Result<()> {
        if self.steps_left == Some(0) {
            return Err(io::Error::other("the power failed"));
        }
        self.steps_left = self.steps_left.map(|left| left - 1);
        self.steps_taken += 1;
        Ok(())
    }
}
