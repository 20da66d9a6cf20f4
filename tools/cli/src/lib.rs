//! What of the `tombola` command takes text from others, apart from the command: so that it can be
//! tried with whatever bytes.

pub mod request_line;
