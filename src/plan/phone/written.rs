//! A number as it is written: digits, and the characters between them.

use zeroize::Zeroizing;

use super::countries::{Country, Zero};
use crate::{
    model::Code,
    plan::{draft::Rule, text::is_separator},
};

/// The longest last group of digits that may be an extension.
const MAX_EXTENSION: usize = 5;

/// Digits that stand together.
struct Group {
    /// Index of its first digit among the digits of the number.
    start: usize,
    /// The mark before them: one of `. - (`, or a space for anything lighter.
    mark: char,
    /// True if there is white space on both sides of the mark.
    spaced: bool,
    /// True if the group stands in brackets.
    bracketed: bool,
}

/// A number as written: its digits, and the marks between them.
pub(super) struct Written {
    digits: Zeroizing<String>,
    groups: Vec<Group>,
}

impl Written {
    /// Reads a number that begins with a plus.
    pub(super) fn read(text: &str) -> Result<Self, Rule> {
        let counted = "spaces, dots, dashes and brackets not counted";
        let mut digits = Zeroizing::new(String::with_capacity(text.len()));
        let mut groups: Vec<Group> = Vec::new();
        let (mut plus, mut open, mut between) = (false, None, String::new());
        for c in text.chars() {
            match c {
                '+' if !plus && digits.is_empty() => plus = true,
                '0'..='9' if plus => {
                    if !between.is_empty() || groups.is_empty() {
                        groups.push(Group {
                            start: digits.len(),
                            mark: mark_of(&between),
                            spaced: is_spaced(&between),
                            bracketed: open.is_some(),
                        });
                        between.clear();
                    }
                    digits.push(c);
                }
                '(' | '[' if open.is_none() => {
                    open = Some(if c == '(' { ')' } else { ']' });
                    between.push('(');
                }
                ')' | ']' if open == Some(c) => {
                    open = None;
                    between.push(' ');
                }
                '(' | '[' | ')' | ']' => return Err(bracket_fault()),
                '.' => between.push('.'),
                _ if is_separator(c) => between.push(if c.is_whitespace() { ' ' } else { '-' }),
                _ if !plus => return Err(without_plus(text)),
                ',' | ';' | '#' | '/' | 'x' | 'X' | 'e' | 'E' => return Err(extension_fault()),
                _ if c.is_alphabetic() => {
                    let rule = "must not contain letters; extensions cannot be dialled";
                    return Err(Rule::new(Code::NotADigit, rule));
                }
                _ => {
                    let at = digits.len() + 2;
                    return Err(Rule::new(
                        Code::NotADigit,
                        format!(
                            "must have only digits after the `+`, but character {at} is not one \
                             ({counted})"
                        ),
                    ));
                }
            }
        }
        if !plus {
            return Err(without_plus(text));
        }
        if open.is_some() {
            return Err(bracket_fault());
        }
        Ok(Self { digits, groups })
    }

    pub(super) fn into_number(self) -> String {
        let mut number = String::with_capacity(self.digits.len() + 1);
        number.push('+');
        number.push_str(&self.digits);
        number
    }

    fn bytes(&self) -> &[u8] {
        self.digits.as_bytes()
    }

    /// Returns the digits of a group.
    fn of(&self, index: usize) -> &str {
        let start = self.groups.get(index).map_or(self.digits.len(), |group| group.start);
        let end = self.groups.get(index + 1).map_or(self.digits.len(), |group| group.start);
        self.digits.get(start..end).unwrap_or("")
    }

    /// Returns true if the last group follows the only mark of its kind.
    fn ends_apart(&self, mark: char) -> bool {
        let marks = self.groups.iter().filter(|group| group.mark == mark).count();
        marks == 1 && self.groups.last().is_some_and(|group| group.mark == mark)
    }

    /// Drops the `.0` that a program added when it took a number for a decimal.
    pub(super) fn drop_decimal_tail(&mut self) {
        let Some(last) = self.groups.len().checked_sub(1).filter(|last| *last > 0) else {
            return;
        };
        if self.ends_apart('.') && matches!(self.of(last), "0" | "00") {
            let end = self.groups.pop().map_or(0, |group| group.start);
            self.digits.truncate(end);
        }
    }

    /// Drops a bracketed zero after the country code, if it is only dialled inside the country.
    /// Brackets around digits that are not an area code are refused.
    pub(super) fn drop_trunk_zero(&mut self) -> Result<(), Rule> {
        let country = Country::of(self.bytes());
        let mut is_dropped = false;
        for index in 0..self.groups.len() {
            let group = &self.groups[index];
            if !group.bracketed {
                continue;
            }
            let (start, is_last) = (group.start, index + 1 == self.groups.len());
            let begins_with_zero = self.bytes().get(start) == Some(&b'0');
            if begins_with_zero {
                let Some(country) = country.filter(|country| country.code_len == start) else {
                    return Err(trunk_fault());
                };
                match country.zero {
                    Zero::Trunk if !is_dropped => {
                        is_dropped = true;
                        self.digits.remove(start);
                        for later in self.groups.iter_mut().filter(|later| later.start > start) {
                            later.start -= 1;
                        }
                    }
                    // Italy dials it, unless the number is a mobile one.
                    Zero::Kept if self.of(index).len() > 1 => {}
                    Zero::Trunk | Zero::Kept | Zero::None => return Err(trunk_fault()),
                }
            }
            // Behind the country code they may hold the whole number.
            let follows_code = country.is_some_and(|country| country.code_len == start);
            if is_last && start > 0 && !follows_code {
                return Err(bracket_fault());
            }
        }
        Ok(())
    }

    /// Checks the remaining digits, and whether the last of them may be an extension.
    pub(super) fn check(&self) -> Result<(), Rule> {
        if let Some(rule) = national_fault(self.bytes()) {
            return Err(rule);
        }
        let (Some(last), Some(country)) = (self.groups.last(), Country::of(self.bytes())) else {
            return Ok(());
        };
        let tail = self.digits.len() - last.start;
        let is_apart = ['-', '.'].into_iter().any(|mark| self.ends_apart(mark));
        // Whole countries write the last four digits behind a dash.
        let most = if last.spaced { MAX_EXTENSION } else { 3 };
        let is_number_without = last
            .start
            .checked_sub(country.code_len)
            .is_some_and(|national| country.has_length(national));
        if is_apart && tail <= most && is_number_without {
            return Err(Rule::new(
                Code::Extension,
                "ends in digits after a dash or dot that may be an extension, which cannot be \
                 dialled: remove them or, if they are part of the number, remove the dash or dot",
            ));
        }
        Ok(())
    }
}

/// The heaviest of the marks between two groups.
fn mark_of(between: &str) -> char {
    ['(', '-', '.'].into_iter().find(|mark| between.contains(*mark)).unwrap_or(' ')
}

fn is_spaced(between: &str) -> bool {
    between.len() > 1 && between.starts_with(' ') && between.ends_with(' ')
}

/// Returns the rule that digits without punctuation break, if they are not a number in E.164.
pub(super) fn national_fault(digits: &[u8]) -> Option<Rule> {
    if digits.first() == Some(&b'0') {
        let rule = "must have a country code after the `+`, and no country code begins with 0";
        return Some(Rule::new(Code::UnknownCountryCode, rule));
    }
    let Some(country) = Country::of(digits) else {
        let rule = "must begin with `+` and a country code that exists";
        return Some(Rule::new(Code::UnknownCountryCode, rule));
    };
    let national = digits.get(country.code_len..).unwrap_or(&[]);
    if country.zero != Zero::Kept && national.first() == Some(&b'0') {
        return Some(trunk_fault());
    }
    (!country.has_length(national.len())).then(|| {
        Rule::new(
            Code::ImpossibleLength,
            format!(
                "has {} digits after the country code, whose numbers have {}",
                national.len(),
                country.lengths()
            ),
        )
    })
}

fn trunk_fault() -> Rule {
    Rule::new(Code::TrunkZero, "has a 0 that is only dialled within the country: remove it")
}

fn bracket_fault() -> Rule {
    Rule::new(
        Code::Brackets,
        "has brackets around something other than an area code: write only the digits to be \
         dialled",
    )
}

fn extension_fault() -> Rule {
    Rule::new(
        Code::Extension,
        "must not contain letters, commas, slashes or the like: extensions cannot be dialled, and \
         a cell holds only one number",
    )
}

fn without_plus(number: &str) -> Rule {
    let rule = if number.chars().any(char::is_alphabetic) {
        "must not contain letters: write `+`, the country code and the number"
    } else if number.trim_start_matches(['(', ' ']).starts_with("00") {
        "must begin with `+` and the country code: if the 00 stands for the `+`, write `+` instead"
    } else {
        "must begin with `+` and the country code"
    };
    Rule::new(Code::MissingPlus, rule)
}
