//! Help texts as paragraphs. In the source each line is broken by hand; in the output it is broken
//! only where the reader's terminal ends.

use clap::Command;

/// Indentation of everything that is not prose: terms, examples, and their descriptions.
pub const INDENT: &str = "  ";
/// Width from which a line of a help text counts as full.
const FULL_LINE: usize = 95;

/// Returns the command with each paragraph of its help, and of its subcommands' help, in one line.
pub fn flowing(command: Command) -> Command {
    let command = command.mut_subcommands(flowing);
    match command.get_after_help().map(|help| joined(&help.to_string())) {
        Some(help) => command.after_help(help),
        None => command,
    }
}

/// Joins the lines of each paragraph. Indented lines stay as they are.
fn joined(help: &str) -> String {
    let is_prose = |line: &str| !line.is_empty() && !line.starts_with(INDENT);
    let (mut text, mut last_line) = (String::new(), "");
    for line in help.lines() {
        let is_going_on = is_prose(last_line) && is_prose(line) && !is_ended(last_line, line);
        if !text.is_empty() {
            text.push(if is_going_on { ' ' } else { '\n' });
        }
        text += line;
        last_line = line;
    }
    text
}

/// Returns true if a line was ended on purpose: the first word of the next line would have fitted
/// on it.
fn is_ended(line: &str, next: &str) -> bool {
    let word = next.split(' ').next().unwrap_or_default();
    line.ends_with(['.', ':']) && line.chars().count() + word.chars().count() < FULL_LINE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_paragraph_are_joined_and_no_others() {
        let help = "Examples:\n  a b --c\n  d e\n\nSo it is.\nIt says\none of\n  right  as it\n         should be\nEach is\n\
                    final.\n\nIn another:\n\n  x \\\n    y\n\nEnd";
        let command = Command::new("a").subcommand(Command::new("b").after_help(help));
        let command = flowing(command);
        let help = command.find_subcommand("b").and_then(Command::get_after_help).unwrap();
        assert_eq!(
            help.to_string(),
            "Examples:\n  a b --c\n  d e\n\nSo it is.\nIt says one of\n  right  as it\n         should be\nEach is \
             final.\n\nIn another:\n\n  x \\\n    y\n\nEnd"
        );
    }
}
