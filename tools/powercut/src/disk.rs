//! An ext4 of a test's own, on a loop device over a file.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
};
use tempfile::TempDir;

use crate::{namespace, shutdown::shut_down};

/// A mebibyte.
pub const MIB: u64 = 1 << 20;

/// The files of a killed process may be held for a moment: by its `io_uring`, which the kernel
/// takes down in its own time.
const BUSY_AT_MOST: Duration = Duration::from_mins(1);
const BUSY_PAUSE: Duration = Duration::from_millis(2);

/// A file system on a file, mounted where only the thread that made it sees it, and what that
/// starts. It is unmounted and removed when this is dropped.
#[derive(Debug)]
pub struct Disk {
    /// The file below the loop device.
    file: PathBuf,
    mount_point: TempDir,
    device: Option<String>,
    /// Where the file is ours.
    image: Option<TempDir>,
}

impl Disk {
    /// An empty file system.
    ///
    /// # Errors
    /// Where the machine has no loop devices, or this process may not use them.
    pub fn new(bytes: u64) -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let file = place.path().join("image");
        make_image(&file, bytes)?;
        let mut disk = Self::over(&file)?;
        disk.image = Some(place);
        Ok(disk)
    }

    /// The file system in these bytes.
    ///
    /// # Errors
    /// As [`new`](Self::new), and where the kernel finds no file system in them.
    pub fn with(image: &[u8]) -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let path = place.path().join("image");
        let file = File::create(&path)?;
        file.set_len(image.len() as u64)?;
        // Most of it is empty.
        for (chunk, offset) in image.chunks(64 << 10).zip((0..).step_by(64 << 10)) {
            if chunk.iter().any(|byte| *byte != 0) {
                file.write_all_at(chunk, offset)?;
            }
        }
        let mut disk = Self::over(&path)?;
        disk.image = Some(place);
        Ok(disk)
    }

    /// The file system that is on a file, which stays.
    ///
    /// # Errors
    /// As [`new`](Self::new), and where there is none.
    pub fn over(file: &Path) -> io::Result<Self> {
        namespace::make_private()?;
        let mut disk = Self {
            file: file.to_path_buf(),
            mount_point: tempfile::tempdir()?,
            device: None,
            image: None,
        };
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Path {
        self.mount_point.path()
    }

    /// The name of its block device, as `loop3`.
    ///
    /// # Panics
    /// If it is not mounted.
    pub fn device(&self) -> &str {
        let device = self.device.as_deref().expect("it is mounted");
        device.trim_start_matches("/dev/")
    }

    /// Cuts the power, as far as the file system knows: whatever is not on the device yet will never
    /// be, and every later call fails. [`remount`](Self::remount) brings the power back.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn cut(&self) -> io::Result<()> {
        shut_down(self.root())
    }

    /// Unmounts and mounts again, whereby the kernel replays the journal.
    ///
    /// # Errors
    /// Where a file is still in use, or what is there cannot be mounted.
    pub fn remount(&mut self) -> io::Result<()> {
        self.unmount()?;
        self.mount()
    }

    /// Makes the kernel believe that the file system is inconsistent, whereupon it is read-only
    /// until it is mounted again.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn make_read_only(&self) -> io::Result<()> {
        let trigger = format!("/sys/fs/ext4/{}/trigger_fs_error", self.device());
        fs::write(trigger, "a test")
    }

    /// Writes a file until there is not one block left for anybody.
    ///
    /// # Errors
    /// Where it fails for another reason than a full disk.
    pub fn fill(&self) -> io::Result<PathBuf> {
        use std::io::Write as _;
        let path = self.root().join("ballast");
        let mut file = File::create(&path)?;
        for chunk in [64 << 10, 4096] {
            let chunk = vec![1; chunk];
            let error = loop {
                if let Err(error) = file.write_all(&chunk) {
                    break error;
                }
            };
            if error.kind() != io::ErrorKind::StorageFull {
                return Err(error);
            }
            file.sync_all()?;
        }
        Ok(path)
    }

    fn mount(&mut self) -> io::Result<()> {
        let attach = ["--find", "--show", "--direct-io=on"];
        let device = run(Command::new("losetup").args(attach).arg(&self.file))?;
        let device = device.trim_end().to_owned();
        let none = MsFlags::empty();
        let options = Some("errors=remount-ro");
        let mounted = mount(Some(&*device), self.root(), Some("ext4"), none, options);
        // A device that is in use is not detached yet: it will be as soon as it is unmounted.
        let detached = run(Command::new("losetup").args(["--detach", &device]));
        mounted?;
        self.device = Some(device);
        detached.map(drop)
    }

    /// Unmounts it, and so flushes what the file system has not written.
    ///
    /// # Errors
    /// Where a file is still in use.
    pub fn unmount(&mut self) -> io::Result<()> {
        if self.device.is_none() {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            match umount2(self.root(), MntFlags::empty()) {
                Err(Errno::EBUSY) if begun.elapsed() < BUSY_AT_MOST => thread::sleep(BUSY_PAUSE),
                unmounted => {
                    unmounted?;
                    self.device = None;
                    return Ok(());
                }
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.device.is_some() && umount2(self.root(), MntFlags::empty()).is_err() {
            // Its last user takes it along.
            let _ = umount2(self.root(), MntFlags::MNT_DETACH);
        }
    }
}

/// Makes a file with an empty file system, that keeps nothing in reserve and leaves nothing to be
/// initialised later.
///
/// # Errors
/// Where there is no `mkfs.ext4`, or no room.
pub(crate) fn make_image(file: &Path, bytes: u64) -> io::Result<()> {
    File::create(file)?.set_len(bytes)?;
    let options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
    let arguments = ["-q", "-F", "-m", "0", "-b", "4096", "-E", options];
    run(Command::new("mkfs.ext4").args(arguments).arg(file)).map(drop)
}

/// The bytes of an empty file system.
///
/// # Errors
/// Where there is no `mkfs.ext4`, or no room.
pub fn empty_image(bytes: u64) -> io::Result<Vec<u8>> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("image");
    make_image(&file, bytes)?;
    fs::read(file)
}

/// Runs a command of the system; what it says is the error where it fails.
fn run(command: &mut Command) -> io::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("{name}: {}", said.trim_end())))
    }
}
