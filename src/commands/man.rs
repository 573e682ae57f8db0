//! `man`: one page for the program and one for each command, made from the same texts as `--help`.

use std::{
    fs,
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use clap::{Command, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use crate::{
    cli::{Cli, INDENT, ManArgs, VERSION_DATE, flowing},
    error::{Error, Exit},
    text::{escape, file_name},
};

/// First line of each page, which marks it as one that may be overwritten.
const MARK: &str = ".\\\" Written by `mfaferry man`; do not edit.\n";
/// Everybody may read a page.
const MODE: u32 = 0o644;

/// Writes the pages to a folder, unless a page's name is taken by another file.
pub(super) fn run(args: &ManArgs) -> Result<Exit, Error> {
    let pages = pages();
    let failed = |what: &str, path: &Path, source: io::Error| {
        let name = escape(&file_name(path));
        match source.kind() {
            ErrorKind::AlreadyExists | ErrorKind::NotADirectory => Error::usage(
                format!("`{name}` is not a folder, and cannot be made one"),
                "give --out a folder, or a new name for one",
            ),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::usage(
                format!("{what} `{name}`: {source}"),
                "give --out a folder that you may write to",
            ),
            _ => Error::Io { what: format!("{what} `{name}`"), source },
        }
    };
    fs::create_dir_all(&args.out).map_err(|error| failed("making", &args.out, error))?;
    for (name, _) in &pages {
        let path = args.out.join(name);
        if !is_ours(&path).map_err(|error| failed("reading", &path, error))? {
            let name = escape(&file_name(&path));
            return Err(Error::usage(
                format!("`{name}` was not written by this command"),
                "give --out another folder, or remove that file",
            ));
        }
    }
    for (name, page) in pages {
        let path = args.out.join(name);
        let written = fs::write(&path, page)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(MODE)));
        written.map_err(|error| failed("writing", &path, error))?;
    }
    Ok(Exit::Good)
}

/// Returns true for a page of an earlier run, and for a name that is free.
fn is_ours(path: &Path) -> io::Result<bool> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        Ok(found) if found.is_file() => {}
        found => return found.map(|_| false),
    }
    let mut begin = Vec::new();
    fs::File::open(path)?.take(MARK.len() as u64).read_to_end(&mut begin)?;
    Ok(begin == MARK.as_bytes())
}

/// Returns each page with the name of its file.
fn pages() -> Vec<(String, String)> {
    let mut program = flowing(Cli::command()).subcommand_help_heading("COMMANDS");
    program.build();
    let exits = exit_codes(&program);
    let commands: Vec<_> = program.get_subcommands().cloned().collect();
    let names: Vec<_> = commands.iter().map(title).collect();
    let of_command = |command: &Command| {
        let others = names.iter().filter(|name| **name != title(command));
        let others: Vec<_> = [title(&program)].iter().chain(others).cloned().collect();
        page(command.clone(), &exits, &others)
    };
    let mut pages: Vec<_> = commands.iter().map(of_command).collect();
    pages.push(page(program.clone(), &exits, &names));
    pages
}

/// Returns `mfaferry-import`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn page(mut command: Command, exits: &[Item], others: &[String]) -> (String, String) {
    // The generator would list every flag.
    let usage = command.render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage:").trim().to_owned();
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let is_program = command.has_subcommands();
    let name = title(&command);
    let man = Man::new(command.override_usage(usage))
        .title(name.to_uppercase())
        .source(concat!("mfaferry ", env!("CARGO_PKG_VERSION")))
        .date(VERSION_DATE)
        .manual("mfaferry");
    let (prose, examples) = told(&help);
    let mut after = Roff::new();
    if !examples.is_empty() {
        after.control("SH", ["EXAMPLES"]);
        write(&examples, &mut after);
    }
    after.control("SH", ["EXIT STATUS"]);
    write(exits, &mut after);
    after.control("SH", ["SEE ALSO"]);
    for (number, other) in others.iter().enumerate() {
        let end = if number + 1 == others.len() { "(1)" } else { "(1)," };
        after.text([bold(other.as_str()), roman(end)]);
    }
    let mut about = Roff::new();
    write(&prose, &mut about);
    let parts = [
        part(|out| man.render_title(out)),
        part(|out| man.render_name_section(out)),
        part(|out| man.render_synopsis_section(out)),
        part(|out| man.render_description_section(out)),
        part(|out| about.to_writer(out)),
        if is_program { part(|out| man.render_subcommands_section(out)) } else { String::new() },
        part(|out| man.render_options_section(out)),
        part(|out| after.to_writer(out)),
    ];
    (format!("{name}.1"), tidied(&parts.concat()))
}

/// Puts the text of a page into the form that readers of man pages expect. Words are not
/// hyphenated, since people copy flags and scopes from a page.
fn tidied(text: &str) -> String {
    // The generator begins each part of a page with it.
    let preamble = part(|out| Roff::new().to_writer(out));
    let text = text.replace(&preamble, "").replace(".br\n\n.br\n", ".sp\n");
    let text = text.replace(".SH EXAMPLES\n.PP\n", ".SH EXAMPLES\n");
    let mut page = format!("{MARK}{preamble}");
    for line in text.lines() {
        page += line.trim_end();
        page += if line.starts_with(".TH ") { "\n.nh\n.ad l\n" } else { "\n" };
    }
    page
}

/// Returns what `write` writes to a buffer, which cannot fail.
fn part(write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> String {
    let mut text = Vec::new();
    write(&mut text).map(|()| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
}

/// A piece of a help text.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    /// A paragraph, which may be filled.
    Prose(String),
    /// A term or an example, and its description.
    Term(String, String),
    /// Lines that stay as they are.
    Verbatim(Vec<String>),
}

impl Item {
    /// Makes each line a term of its own, as in examples without a description.
    fn split(self) -> Vec<Self> {
        match self {
            Self::Verbatim(lines) => {
                lines.into_iter().map(|line| Self::Term(line, String::new())).collect()
            }
            other => vec![other],
        }
    }

    fn write(&self, roff: &mut Roff) {
        match self {
            Self::Prose(text) => {
                roff.control("PP", []).text([roman(text.as_str())]);
            }
            Self::Term(term, text) if text.is_empty() => {
                roff.control("PP", []).text([bold(term.as_str())]);
            }
            Self::Term(term, text) => {
                roff.control("TP", []).text([bold(term.as_str())]).text([roman(text.as_str())]);
            }
            Self::Verbatim(lines) => {
                roff.control("PP", []).control("RS", ["4"]).control("nf", []);
                for line in lines {
                    roff.text([bold(line.as_str())]);
                }
                roff.control("fi", []).control("RE", []);
            }
        }
    }
}

fn write(items: &[Item], roff: &mut Roff) {
    for item in items {
        item.write(roff);
    }
}

/// Splits a help text into its paragraphs and its examples. The exit codes have a section of their
/// own.
fn told(help: &str) -> (Vec<Item>, Vec<Item>) {
    let (mut prose, mut examples) = (Vec::new(), Vec::new());
    for block in help.split("\n\n").filter(|block| !block.starts_with(EXITS)) {
        match block.trim_start_matches('\n').strip_prefix("Examples:\n") {
            Some(block) => examples.extend(items(block).into_iter().flat_map(Item::split)),
            None => prose.extend(items(block)),
        }
    }
    (prose, examples)
}

fn items(block: &str) -> Vec<Item> {
    let mut items = Vec::new();
    for line in block.lines().filter(|line| !line.trim().is_empty()) {
        let text = line.trim().to_owned();
        let inner = line.strip_prefix(INDENT);
        let is_deep = inner.is_some_and(|inner| inner.starts_with(' '));
        match (items.last_mut(), inner) {
            (_, None) => items.push(Item::Prose(text)),
            // The description of a term goes on.
            (Some(Item::Term(_, before)), Some(_)) if is_deep => {
                *before = format!("{before} {text}");
            }
            (last, Some(inner)) => match (text.split_once(INDENT), last) {
                (Some((term, said)), _) if !is_deep => {
                    items.push(Item::Term(term.to_owned(), said.trim().to_owned()));
                }
                (_, Some(Item::Verbatim(lines))) => lines.push(inner.to_owned()),
                _ => items.push(Item::Verbatim(vec![inner.to_owned()])),
            },
        }
    }
    items
}

/// Beginning of the exit codes in the help of the program.
const EXITS: &str = "Exit codes:\n";

/// Returns the exit codes out of the help of the program.
fn exit_codes(program: &Command) -> Vec<Item> {
    let help = program.get_after_help().map(ToString::to_string).unwrap_or_default();
    items(help.split("\n\n").find_map(|block| block.strip_prefix(EXITS)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_text_is_taken_apart_into_paragraphs_terms_and_lines() {
        let text = |text: &str| text.to_owned();
        let (prose, examples) = told(
            "Examples:\n  a b --c      try it\n  d e\n  f g\n\nSo it is.\nIt says one of\n  right      as it\n             \
             should be\n  wrong_one  else\nEach is final.\n\nIn another:\n\n  x \\\n    y\n\nExit codes:\n  0  well",
        );
        let verbatim =
            |lines: &[&str]| Item::Verbatim(lines.iter().map(ToString::to_string).collect());
        let term = |term: &str, said: &str| Item::Term(text(term), text(said));
        assert_eq!(examples, [term("a b --c", "try it"), term("d e", ""), term("f g", "")]);
        assert_eq!(
            prose,
            [
                Item::Prose(text("So it is.")),
                Item::Prose(text("It says one of")),
                term("right", "as it should be"),
                term("wrong_one", "else"),
                Item::Prose(text("Each is final.")),
                Item::Prose(text("In another:")),
                verbatim(&["x \\", "  y"]),
            ]
        );
    }
}
