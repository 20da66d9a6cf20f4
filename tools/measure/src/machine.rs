//! Where a figure was measured. Without that it means nothing.

use std::{fs, os::unix::fs::MetadataExt, path::Path, thread};

use serde::Serialize;

/// The machine, and the file system and device under a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Machine {
    cores: usize,
    cpu: String,
    /// Whether a hypervisor lies between the engine and the hardware. Then "flushed" means that the
    /// host accepted it.
    is_virtual: bool,
    kernel: String,
    pub(crate) file_system: String,
    device: String,
    /// "write back" if the device has a cache that needs flushing.
    write_cache: Option<String>,
    /// Whether single writes can be forced to the medium; without it every one needs a flush.
    forced_unit_access: Option<bool>,
}

impl Machine {
    /// What the kernel tells. What it does not tell is "unknown".
    pub fn with_storage_of(directory: &Path) -> Self {
        let cpu_info = read("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            cpu_info
                .lines()
                .find(|line| line.starts_with(name))
                .and_then(|line| line.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
        };
        let mount = Mount::of(directory);
        let queue = mount.as_ref().and_then(Mount::queue);
        let queue = |name: &str| read(&format!("{}/{name}", queue.as_ref()?));
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            cpu: field("model name").unwrap_or_else(unknown),
            is_virtual: field("flags").is_some_and(|flags| flags.contains("hypervisor")),
            kernel: read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            write_cache: queue("write_cache"),
            forced_unit_access: queue("fua").map(|fua| fua != "0"),
            file_system: mount
                .as_ref()
                .map_or_else(unknown, |mount| mount.file_system.clone()),
            device: mount.map_or_else(unknown, |mount| mount.source),
        }
    }

    /// Whether the directory would be gone with the power, so that flushing it costs nothing.
    pub fn is_in_memory(&self) -> bool {
        ["tmpfs", "ramfs", "devtmpfs"].contains(&self.file_system.as_str())
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_virtual = if self.is_virtual {
            ", virtual (a flush means: the host accepted it)"
        } else {
            ""
        };
        let cache = self.write_cache.as_deref().unwrap_or("cache unknown");
        let forced = match self.forced_unit_access {
            Some(true) => ", FUA",
            Some(false) => ", no FUA",
            None => "",
        };
        write!(
            f,
            "{} cores, {}{is_virtual}; Linux {}; {} on {} ({cache}{forced})",
            self.cores, self.cpu, self.kernel, self.file_system, self.device
        )
    }
}

struct Mount {
    device_number: String,
    file_system: String,
    source: String,
}

impl Mount {
    fn of(directory: &Path) -> Option<Self> {
        let directory = directory.canonicalize().ok()?;
        let device = fs::metadata(&directory).ok()?.dev();
        let number = format!("{}:{}", libc::major(device), libc::minor(device));
        let mounts = read("/proc/self/mountinfo")?;
        let parsed = mounts.lines().filter_map(|line| {
            let (mount, file_system) = line.split_once(" - ")?;
            let mut mount = mount.split(' ');
            let device_number = mount.nth(2)?.to_owned();
            let point = mount.nth(1)?.to_owned();
            let mut file_system = file_system.split(' ');
            let found = Self {
                device_number,
                file_system: file_system.next()?.to_owned(),
                source: file_system.next()?.to_owned(),
            };
            Some((point, found))
        });
        // A bind mount has its source's device number; a sub-volume has one that no mount tells.
        parsed
            .filter(|(point, _)| directory.starts_with(point))
            .max_by_key(|(point, mount)| (mount.device_number == number, point.len()))
            .map(|(_, mount)| mount)
    }

    /// The directory of the block device's settings; a partition's are those of its disk.
    fn queue(&self) -> Option<String> {
        let device = format!("/sys/dev/block/{}", self.device_number);
        [format!("{device}/queue"), format!("{device}/../queue")]
            .into_iter()
            .find(|path| Path::new(path).exists())
    }
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_told_apart() {
        assert_eq!(
            Machine::with_storage_of(Path::new("/proc/self")).file_system,
            "proc"
        );
        let machine = Machine::with_storage_of(Path::new("/"));
        assert_ne!(machine.file_system, "unknown");
        assert!(machine.cores > 0);
    }
}
