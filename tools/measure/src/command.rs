//! The command that a figure was measured with, as it is recorded.

use std::path::Path;

/// The arguments of this program. Of a path from the root only the last name is left: the others are
/// one machine's own.
pub fn arguments() -> String {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .map(|all| shortened(&all))
        .collect();
    arguments.join(" ")
}

fn shortened(argument: &str) -> String {
    let (option, value) = match argument.split_once('=') {
        Some((option, value)) if option.starts_with("--") => (Some(option), value),
        _ => (None, argument),
    };
    let path = Path::new(value);
    let name = path.file_name().filter(|_| path.is_absolute());
    let value = name.map_or(value.into(), |name| name.to_string_lossy());
    match option {
        Some(option) => format!("{option}={value}"),
        None => value.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_directories_are_left() {
        let told = [
            "--out",
            "/srv/one/two",
            "--directory=/mnt/disk/",
            "perf/results",
            "=",
            "/",
            "1/2",
        ];
        let short = [
            "--out",
            "two",
            "--directory=disk",
            "perf/results",
            "=",
            "/",
            "1/2",
        ];
        assert_eq!(told.map(shortened), short);
    }
}
