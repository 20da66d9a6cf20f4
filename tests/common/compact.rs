//! The files of a data directory as text, without the fill that most of a segment is.
//!
//! A line `file NAME LENGTH FILL` begins a file; FILL is what its units are filled with, `zeros` or
//! `blanks` (with a line feed at each unit's end). The lines behind it, `OFFSET BYTES`, both
//! hexadecimal, are what is not fill. Nothing depends on the formats themselves.

use std::{fmt::Write as _, path::PathBuf};

use crate::place::Files;

const UNIT: usize = 4096;
const ROW: usize = 48;

fn filled(length: usize, fill: &str) -> Vec<u8> {
    match fill {
        "zeros" => vec![0; length],
        "blanks" => {
            let byte = |at: usize| if at % UNIT == UNIT - 1 { b'\n' } else { b' ' };
            (0..length).map(byte).collect()
        }
        other => panic!("there is no fill {other}"),
    }
}

/// Files as text.
pub(crate) fn compact(files: &Files) -> String {
    let mut text = String::new();
    for (name, bytes) in files {
        let differ = |fill: &str| {
            let filled = filled(bytes.len(), fill);
            filled.iter().zip(bytes).filter(|(a, b)| a != b).count()
        };
        let fill = if differ("blanks") < differ("zeros") {
            "blanks"
        } else {
            "zeros"
        };
        let filled = filled(bytes.len(), fill);
        writeln!(text, "file {} {} {fill}", name.display(), bytes.len()).unwrap();
        for at in (0..bytes.len()).step_by(ROW) {
            let end = (at + ROW).min(bytes.len());
            if bytes[at..end] != filled[at..end] {
                write!(text, "{at:x} ").unwrap();
                for byte in &bytes[at..end] {
                    write!(text, "{byte:02x}").unwrap();
                }
                text.push('\n');
            }
        }
    }
    text
}

/// The files that a text stands for.
pub(crate) fn expand(text: &str) -> Files {
    let mut files = Files::new();
    let mut name = PathBuf::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("a line has all its words");
        match word() {
            "file" => {
                name = PathBuf::from(word());
                let length = word().parse().unwrap();
                files.insert(name.clone(), filled(length, word()));
            }
            offset => {
                let offset = usize::from_str_radix(offset, 16).unwrap();
                let bytes = files.get_mut(&name).unwrap();
                for (at, pair) in word().as_bytes().chunks(2).enumerate() {
                    let pair = std::str::from_utf8(pair).unwrap();
                    bytes[offset + at] = u8::from_str_radix(pair, 16).unwrap();
                }
            }
        }
    }
    files
}
