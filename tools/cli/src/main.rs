//! The tombola command.
fn main() {}
