//! Which revision was measured.

use std::process::Command;

/// The revision of the tree that this was built from, with `+` behind it if the tree has changes;
/// `None` where there is no git.
pub(crate) fn revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let told = Command::new("git")
            .args(["-C", env!("CARGO_MANIFEST_DIR")])
            .args(arguments)
            .output()
            .ok()?;
        let told = told.status.success().then_some(told.stdout)?;
        Some(String::from_utf8(told).ok()?.trim().to_owned())
    };
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    let mark = if changes.is_empty() { "" } else { "+" };
    Some(format!("{revision}{mark}"))
}
