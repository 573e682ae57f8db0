//! Detects locks of other processes without taking one: trying a lock might stop a run that begins
//! at that moment.

use std::path::Path;

/// Returns true if a process is known to hold a lock on the file, as [`super::lock`] takes it.
#[cfg(not(target_os = "linux"))]
pub fn is_locked(_: &Path) -> bool {
    false
}

/// Returns true if a process is known to hold a lock on the file, as [`super::lock`] takes it.
#[cfg(target_os = "linux")]
pub fn is_locked(path: &Path) -> bool {
    use std::{fs, os::unix::fs::MetadataExt};
    let (Ok(meta), Ok(locks)) = (fs::metadata(path), fs::read_to_string("/proc/locks")) else {
        return false;
    };
    let (major, minor) = (rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
    let place = format!("{major:02x}:{minor:02x}:{}", meta.ino());
    locks.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.nth(1) == Some("FLOCK") && words.any(|word| word == place)
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_as_long_as_it_is_held() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!is_locked(file.path()));
        file.as_file().lock().unwrap();
        assert!(is_locked(file.path()));
        file.as_file().unlock().unwrap();
        assert!(!is_locked(file.path()));
    }
}
