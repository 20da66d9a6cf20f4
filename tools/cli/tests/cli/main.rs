//! The command as its users meet it: exit codes, JSON, files, signals.

mod answers;
mod apply;
mod bad_input;
mod beside;
mod damage;
mod draw;
mod help;
mod odds;
mod readers;
mod requests;
mod settings;
mod signals;
mod support;
