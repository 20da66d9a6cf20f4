//! What is not a crate comes from Debian's packages.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::failure::Failure;

/// Whether packages may be installed.
static IS_ALLOWED: AtomicBool = AtomicBool::new(false);

/// From now on what is missing is installed, if we are root.
pub(crate) fn allow() {
    IS_ALLOWED.store(true, Ordering::Relaxed);
}

/// Whether we may do everything on this machine.
pub(crate) fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A program, wherever it is; its package is installed if it is missing.
pub(crate) fn program(name: &str, package: &str) -> Result<PathBuf, Failure> {
    if let Some(path) = find(name) {
        return Ok(path);
    }
    if !IS_ALLOWED.load(Ordering::Relaxed) || !is_root() {
        return Err(Failure::Missing(format!(
            "there is no {name}; install the package {package}, or run as root without --no-install"
        )));
    }
    eprintln!("installing {package}");
    for arguments in [
        &["update"][..],
        &["install", "--yes", "--no-install-recommends", package],
    ] {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Nothing that is installed is started: the servers here are our own.
            .env("RUNLEVEL", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            let tried = arguments.join(" ");
            return Err(Failure::Missing(format!("`apt-get {tried}` failed")));
        }
    }
    find(name).ok_or_else(|| Failure::Missing(format!("{package} has no {name}")))
}

/// In the path, or where Debian keeps the servers of `PostgreSQL`, the newest first.
fn find(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<_> = versions
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    versions.sort_by_key(|path| {
        let version = path.parent()?.file_name()?.to_str()?;
        version.parse::<u32>().ok().map(std::cmp::Reverse)
    });
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(versions)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}
