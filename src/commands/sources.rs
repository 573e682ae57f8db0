//! `sources`: what other systems' exports carry, how to make them, and their traps.

use std::io::{self, Write};

use super::print;
use crate::{
    error::{Error, Exit},
    sources::{SYSTEMS, System},
};

/// Runs the command. The parser has checked the name.
pub(super) fn run(name: Option<&str>) -> Result<Exit, Error> {
    print(|out| match name.and_then(System::of_name) {
        Some(system) => write_one(system, out),
        None => write_all(out),
    })?;
    Ok(Exit::Good)
}

fn write_all(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:<14} {:<24} CARRIES", "NAME", "SYSTEM")?;
    for system in SYSTEMS {
        let carries =
            system.about.carries.iter().map(|line| line.split(':').next().unwrap_or(line));
        let carries = carries.collect::<Vec<_>>().join(", ");
        writeln!(out, "{:<14} {:<24} {carries}", system.name, system.title)?;
    }
    writeln!(
        out,
        "\n`mfaferry sources NAME` says how to make an export, what it leaves behind, and its traps."
    )
}

fn write_one(system: &System, out: &mut dyn Write) -> io::Result<()> {
    let about = &system.about;
    let forms: Vec<_> = system.forms.iter().map(crate::input::Form::extension).collect();
    writeln!(out, "{} (--from {}): {}", system.title, system.name, forms.join(", "))?;
    for (title, lines) in [
        ("How to make the export", about.export),
        ("What it carries", about.carries),
        ("What is left behind", about.leaves),
        ("Traps", about.traps),
        ("Flags it wants", about.flags),
    ] {
        if !lines.is_empty() {
            writeln!(out, "\n{title}")?;
        }
        for line in lines {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}
