//! How much memory the page cache may take on this machine.

/// The cache gets this part of the machine's memory, up to the cap.
const PART_OF_MACHINE: u64 = 32;

/// Bytes of cache below which writing becomes slow, whatever the machine.
const CACHE_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// Bytes of cache for the writer: a part of the machine's memory, at most `cap`.
pub(super) fn cache_bytes(cap: u64) -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine_bytes(&text));
    // Where the system does not say, the cap alone decides.
    machine.map_or(cap, |bytes| (bytes / PART_OF_MACHINE).max(CACHE_BYTES_MIN).min(cap))
}

/// Reads `MemTotal:  16302048 kB`.
fn machine_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_s_memory_is_read() {
        assert_eq!(machine_bytes("MemTotal:        2048 kB\nMemFree: 1 kB\n"), Some(2 * 1024 * 1024));
        assert_eq!(machine_bytes("Total: 1"), None);
    }

    #[test]
    fn the_cap_holds() {
        assert_eq!(cache_bytes(1024), 1024);
        assert!(cache_bytes(u64::MAX) >= CACHE_BYTES_MIN);
    }
}
