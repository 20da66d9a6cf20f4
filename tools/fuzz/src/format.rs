//! The three formats, one after the other.

use tombola::LogFormat;

/// All formats.
pub(crate) const FORMATS: [LogFormat; 3] = [LogFormat::Bincode, LogFormat::Jsonl, LogFormat::Line];

/// Runs `$body` with `$codec` standing for the codec of a [`LogFormat`].
macro_rules! with_codec {
    ($format:expr, $codec:ident => $body:expr) => {
        match $format {
            tombola::LogFormat::Bincode => {
                type $codec = tombola::wal::format::Binary;
                $body
            }
            tombola::LogFormat::Jsonl => {
                type $codec = tombola::wal::format::Jsonl;
                $body
            }
            tombola::LogFormat::Line => {
                type $codec = tombola::wal::format::Line;
                $body
            }
        }
    };
}
pub(crate) use with_codec;

/// Runs `$body` once for each format, with `$codec` standing for its codec.
macro_rules! each_codec {
    ($codec:ident => $body:expr) => {
        for format in $crate::format::FORMATS {
            $crate::format::with_codec!(format, $codec => $body);
        }
    };
}
pub(crate) use each_codec;
