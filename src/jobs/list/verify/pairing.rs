//! Pairs listed methods with factors: one for one, as many as possible. Pure.
//!
//! Masks make this more than a search for each: `****@exam*******` could be any short or long
//! address there, `chuc****@exam*******` only some. Taking the first that fits could leave a factor
//! without a method although there are enough for all, and call it missing. So this is a maximum
//! matching (Kuhn's augmenting paths), in the order: the very same value, then the same name, then
//! whatever is consistent.

use crate::{
    model::{Factor, FactorType, Method},
    protocol::{
        marker::wanted_name,
        reconcile::{Likeness, compare},
    },
};

/// Returns the index of each factor's method.
pub(super) fn pair(factors: &[Factor], list: &[&Method]) -> Vec<Option<usize>> {
    let mut owners: Vec<Option<usize>> = vec![None; list.len()];
    // Plainly equal values are paired first and not touched again.
    let mut same = Vec::with_capacity(factors.len());
    let mut consistent = Vec::with_capacity(factors.len());
    for factor in factors {
        let of = |likeness| {
            let alike = move |method: &&Method| {
                method.factor_type == Some(factor.factor_type())
                    && likeness_of(factor, method) == likeness
            };
            let mut hits: Vec<usize> =
                (0..list.len()).filter(|at| list.get(*at).is_some_and(alike)).collect();
            // Methods of the same name come first.
            hits.sort_by_key(|at| list.get(*at).is_none_or(|method| method.name != factor.name));
            hits
        };
        same.push(of(Likeness::Same));
        consistent.push(of(Likeness::Consistent));
    }
    for factor in 0..factors.len() {
        augment(factor, &same, &mut owners, &mut vec![false; list.len()]);
    }
    let settled: Vec<bool> = owners.iter().map(Option::is_some).collect();
    let is_settled = |factor: usize| owners.contains(&Some(factor));
    let open: Vec<usize> = (0..factors.len()).filter(|factor| !is_settled(*factor)).collect();
    for methods in &mut consistent {
        methods.retain(|method| !settled[*method]);
    }
    let same_name: Vec<Vec<usize>> = consistent
        .iter()
        .zip(factors)
        .map(|(methods, factor)| {
            methods.iter().copied().filter(|at| list[*at].name == factor.name).collect()
        })
        .collect();
    for edges in [&same_name, &consistent] {
        for factor in &open {
            if !owners.contains(&Some(*factor)) {
                augment(*factor, edges, &mut owners, &mut vec![false; list.len()]);
            }
        }
    }
    let mut pairs = vec![None; factors.len()];
    for (method, owner) in owners.into_iter().enumerate() {
        if let Some(factor) = owner {
            pairs[factor] = Some(method);
        }
    }
    pairs
}

/// Returns the methods of `list` that could stand for a factor as well as `method` does: itself,
/// and every method that the list does not tell from it, even if that one stands for another
/// factor.
pub(super) fn equals<'a>(
    factor: &Factor,
    method: &Method,
    list: &'a [Method],
) -> impl Iterator<Item = &'a Method> {
    let likeness = likeness_of(factor, method);
    let has_name = method.name == factor.name;
    list.iter().filter(move |other| {
        other.factor_type == Some(factor.factor_type())
            && likeness_of(factor, other) == likeness
            && (other.name == factor.name || !has_name)
    })
}

/// A TOTP is known by its name alone. One without a name was given a plain one if it was imported
/// with `--name-marker`: a mark, once taken away, leaves a name.
fn likeness_of(factor: &Factor, method: &Method) -> Likeness {
    let is_plain = factor.factor_type() == FactorType::Totp
        && factor.name.is_none()
        && method.name.as_deref() == Some(wanted_name(factor));
    if is_plain { Likeness::Consistent } else { compare(factor, method) }
}

/// Finds a method for `factor`: a free one, or one whose factor can take another instead. A paired
/// factor stays paired. Recurses at most once per factor of the group.
fn augment(
    factor: usize,
    edges: &[Vec<usize>],
    owners: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    if let Some(free) = edges[factor].iter().find(|method| owners[**method].is_none()) {
        owners[*free] = Some(factor);
        return true;
    }
    for method in &edges[factor] {
        if std::mem::replace(&mut tried[*method], true) {
            continue;
        }
        if let Some(owner) = owners[*method]
            && augment(owner, edges, owners, tried)
        {
            owners[*method] = Some(factor);
            return true;
        }
    }
    false
}
