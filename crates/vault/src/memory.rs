//! Keeps secrets out of swap and core dumps, as far as the system lets us.
//!
//! What no program can promise is said here: the processor's registers, copies the compiler leaves on the stack, and
//! the cipher library's own short-lived key schedules are outside our hand. Turn swap off, or encrypt it.

use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use region::LockGuard;
use std::ops::{Deref, DerefMut};
use std::sync::Once;

/// Forbids core dumps, and other processes of the same user to look into this one. Opening a vault does it too; a
/// program calls it first thing, before any secret is read. A refusal is logged, once.
pub fn harden_process() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Err(error) = setrlimit(Resource::RLIMIT_CORE, 0, 0).and_then(|()| set_dumpable(false)) {
            tracing::warn!(%error, "core dumps could not be turned off: a crash may write keys to disk");
        }
    });
}

/// A secret in pages of its own, locked into memory where the system allows it (`ulimit -l`, 8 MiB on many systems).
///
/// The content wipes itself when it is dropped; that is the content's own duty.
pub(crate) struct Locked<T> {
    // Before the page: an address may be unlocked only while it is still ours.
    _lock: Option<LockGuard>,
    page: Box<Page<T>>,
}

/// Page-aligned, so that unlocking one secret never unlocks its neighbour: such locks do not nest.
#[repr(align(4096))]
struct Page<T>(T);

impl<T> Locked<T> {
    pub(crate) fn new(secret: T) -> Self {
        let page = Box::new(Page(secret));
        Self { _lock: lock(&raw const *page, size_of::<Page<T>>()), page }
    }
}

fn lock<T>(address: *const T, size: usize) -> Option<LockGuard> {
    static WARNED: Once = Once::new();
    region::lock(address, size)
        .map_err(|error| {
            WARNED.call_once(|| {
                tracing::warn!(%error, "keys could not be locked into memory: raise ulimit -l, or encrypt swap");
            });
        })
        .ok()
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.page.0
    }
}

impl<T> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.page.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the system says that the page at this address is locked.
    fn is_locked(address: usize) -> bool {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut within = false;
        for line in maps.lines() {
            let range = line.split(' ').next().unwrap().split_once('-');
            let hex = |text| usize::from_str_radix(text, 16).ok();
            if let Some((Some(from), Some(to))) = range.map(|(from, to)| (hex(from), hex(to))) {
                within = (from..to).contains(&address);
            } else if within && line.starts_with("VmFlags:") {
                return line.split(' ').any(|flag| flag == "lo");
            }
        }
        panic!("no such page");
    }

    #[test]
    fn a_secret_has_locked_pages_of_its_own() {
        let secrets = [Locked::new([7_u8; 32]), Locked::new([8_u8; 32])];
        let addresses = secrets.each_ref().map(|secret| std::ptr::from_ref::<[u8; 32]>(secret).addr());
        assert!(addresses.iter().all(|address| address % 4096 == 0));
        let [kept, dropped] = secrets;
        drop(dropped);
        // Where locking is forbidden, secrets still work; where it is allowed, it was done.
        let (limit, _) = nix::sys::resource::getrlimit(Resource::RLIMIT_MEMLOCK).unwrap();
        assert!(is_locked(addresses[0]) || limit < 1 << 20);
        assert_eq!(*kept, [7; 32]);
    }

    #[test]
    fn core_dumps_are_off() {
        harden_process();
        assert_eq!(nix::sys::resource::getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
    }
}
