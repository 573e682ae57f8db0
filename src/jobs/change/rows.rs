//! Rows about methods that are there: `update` and `delete`.

use crate::{
    engine::intake::{Gather, Outbox, Planner, Prepared},
    input,
    jobs::change::{Order, Task},
    ledger::{Admission, Asked, Key, Row},
    model::{Operation, Record, Rejection},
    plan::{self, Naming, Warning},
};

/// Plans changes of methods, or what is to go.
#[derive(Debug)]
pub struct Orders {
    key: Key,
    what: What,
}

#[derive(Debug)]
enum What {
    Changes,
    Targets(Naming),
}

impl Orders {
    /// A planner of `update`, with the ledger's key.
    pub fn changes(key: Key) -> Self {
        Self { key, what: What::Changes }
    }

    /// A planner of `delete`: of methods, or of all of a user's.
    pub fn targets(key: Key, naming: Naming) -> Self {
        Self { key, what: What::Targets(naming) }
    }

    fn order(
        &self,
        record: Record,
        warnings: &mut Vec<Warning>,
    ) -> Result<Prepared<Task>, Box<Rejection>> {
        let (asked, task) = match self.what {
            What::Changes => {
                let planned = plan::change(record);
                warnings.extend(planned.warnings);
                let change = planned.change?;
                let asked = Asked {
                    operation: Operation::Update,
                    fingerprint: self.key.of_change(&change),
                    as_written: None,
                    line: change.line,
                    user: change.user.clone(),
                    factor_type: None,
                    name: None,
                    method_id: Some(change.method.clone()),
                };
                (asked, Task::Update(change))
            }
            What::Targets(naming) => {
                let target = plan::target(record, naming)?;
                let asked = Asked {
                    operation: Operation::Delete,
                    fingerprint: self.key.of_target(Operation::Delete, &target),
                    as_written: None,
                    line: target.line,
                    user: target.user.clone(),
                    factor_type: None,
                    name: None,
                    method_id: target.method.clone(),
                };
                (asked, Task::Delete(target))
            }
        };
        Ok((Row::Asked(asked), Some(task)))
    }
}

impl Planner for Orders {
    type Planned = Prepared<Task>;

    fn plan(&mut self, row: input::Row, out: &mut Outbox<Prepared<Task>>) {
        let line = row.line();
        let mut warnings = Vec::new();
        let planned = match row {
            input::Row::Record(record) => self.order(*record, &mut warnings),
            input::Row::Rejected(rejection) => Err(Box::new(rejection)),
        };
        out.warnings.extend(warnings.into_iter().map(|warning| (line, warning)));
        match planned {
            Ok(prepared) => out.rows.push(prepared),
            Err(rejection) => out.reject(rejection),
        }
    }
}

/// Makes an order of each admitted row.
#[derive(Debug)]
pub struct Single;

impl Gather for Single {
    type Task = Task;
    type Errand = Order;

    fn gather(&mut self, admission: Admission, task: Task) -> Option<Order> {
        match admission {
            Admission::Todo(seq, history) | Admission::InDoubt(seq, history) => {
                Some(Order::new(vec![seq], task, history))
            }
            Admission::Unfinished(..) | Admission::Done => None,
        }
    }
}
