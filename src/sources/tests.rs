//! Dialects under test: one element through a dialect and the planner, told in lines.

use super::{
    Options, Rows, System,
    rows::{Place, SourceRow},
};
use crate::{
    input::Row,
    model::{Cell, Factor, Field, Node, Person, Planned, Rejection, from_json},
    plan,
};

/// Reads one element of JSON, with `rp_id` for `--rp-id`.
pub(super) fn read_all(system: &System, json: &str, rp_id: Option<&str>) -> (Person, Vec<Row>) {
    let options = Options { rp_id: rp_id.map(str::to_owned), ..Options::default() };
    read_with(system, &from_json(json).unwrap(), &options, &[])
}

/// Reads one element with those flags and notes.
pub(super) fn read_with(
    system: &System,
    element: &Node,
    options: &Options,
    notes: &[(&'static str, &str)],
) -> (Person, Vec<Row>) {
    let note = |place| notes.iter().find(|(other, _)| *other == place).map(|(_, text)| *text);
    let mut rows = Rows::new(options, &note);
    (system.read)(element, &mut rows);
    let (person, found) = rows.finish().pop().unwrap();
    let place = |index| Place { line: 1, index, at: "" };
    let placed = |(index, row): (usize, SourceRow)| row.placed(&place(index.try_into().unwrap()));
    (person, found.into_iter().enumerate().map(placed).collect())
}

/// Tells each row in a line: its path, then what is sent, or why not.
pub(super) fn told((_, rows): (Person, Vec<Row>)) -> Vec<String> {
    rows.into_iter().map(tell).collect()
}

fn tell(row: Row) -> String {
    let planned = match row {
        Row::Rejected(rejection) => return refused(&rejection),
        Row::Record(mut record) => {
            record.set(Field::UserId, Cell::Text("auth0|1".into()));
            plan::plan(record, None).planned
        }
    };
    match planned {
        Planned::Rejected(rejection) => refused(&rejection),
        Planned::Factor(factor) => sent(&factor),
    }
}

fn refused(rejection: &Rejection) -> String {
    let at = rejection.at.as_deref().unwrap_or("");
    let codes = rejection.faults.iter().map(|fault| {
        if fault.field.is_empty() {
            fault.code.to_string()
        } else {
            format!("{} ({})", fault.code, fault.field)
        }
    });
    let kind = rejection.factor_type.map_or("", crate::model::FactorType::name);
    let state = rejection.refusal.state().name();
    format!("{at} {kind} {state} {}", codes.collect::<Vec<_>>().join(", "))
}

/// Tells a factor as it is sent, with the value that `check` would mask: it is synthetic here.
fn sent(factor: &Factor) -> String {
    let shown = plan::preview(factor).into_iter().skip(2).map(|(field, value)| match field {
        Field::PhoneNumber | Field::Email | Field::TotpSecret => {
            format!(" {}={}", field.name(), factor.identity())
        }
        _ => format!(" {}={value}", field.name()),
    });
    let at = factor.at.as_deref().unwrap_or("");
    format!("{at} {}{}", factor.factor_type(), shown.collect::<String>())
}
