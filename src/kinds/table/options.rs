//! Storage parameters as `pg_class.reloptions` has them: `name=value`.

use crate::sql::{Literal, join};

/// The list inside `WITH (…)` or `SET (…)`.
pub(in crate::kinds) fn list(options: &[String]) -> String {
    join(options.iter().map(|option| setting(option)), ", ")
}

/// The actions that lead from one list to another: `SET (…)`, `RESET (…)`; empty where they are equal.
pub(in crate::kinds) fn difference(live: &[String], desired: &[String]) -> Vec<String> {
    // What is set goes to the end of the list, so what follows something new there is set along with it.
    let stays = |count: usize| {
        let kept = live
            .iter()
            .filter(|option| desired[..count].contains(option));
        kept.eq(&desired[..count])
    };
    let count = (0..=desired.len()).rev().find(|&count| stays(count));
    let set = &desired[count.unwrap_or(0)..];
    let reset: Vec<&str> = live
        .iter()
        .map(|option| name(option))
        .filter(|gone| !desired.iter().any(|option| name(option) == *gone))
        .collect();
    let mut actions = Vec::new();
    if !reset.is_empty() {
        actions.push(format!("RESET ({})", join(reset, ", ")));
    }
    if !set.is_empty() {
        actions.push(format!("SET ({})", list(set)));
    }
    actions
}

fn name(option: &str) -> &str {
    option.split_once('=').map_or(option, |(name, _)| name)
}

fn setting(option: &str) -> String {
    match option.split_once('=') {
        None => option.to_string(),
        Some((name, value))
            if value
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_') =>
        {
            format!("{name}={value}")
        }
        Some((name, value)) => format!("{name}={}", Literal(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences() {
        fn check(live: &[&str], desired: &[&str], actions: &[&str]) {
            let own = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(difference(&own(live), &own(desired)), own(actions));
        }
        check(&[], &[], &[]);
        check(&[], &["fillfactor=70"], &["SET (fillfactor=70)"]);
        check(
            &["fillfactor=70"],
            &["fillfactor=80"],
            &["SET (fillfactor=80)"],
        );
        check(&["fillfactor=70", "a=1"], &["a=1"], &["RESET (fillfactor)"]);
        check(&["a=1"], &["b=x y"], &["RESET (a)", "SET (b='x y')"]);
        check(&["b=1", "c=1"], &["b=1", "a=1", "c=1"], &["SET (a=1, c=1)"]);
        check(&["b=1", "c=1"], &["c=2", "b=1"], &["SET (c=2, b=1)"]);
    }
}
