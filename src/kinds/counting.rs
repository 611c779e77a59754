//! What sequences and the sequences of identity columns have in common (PostgreSQL docs: CREATE SEQUENCE).

use crate::sql::Literal;

/// Moves a sequence whose lower limit is raised (the upper one, if it counts down) to that limit, unless it is beyond.
pub(super) fn move_into(
    sequence: &str,
    increment: i64,
    live: (i64, i64),
    desired: (i64, i64),
) -> Option<String> {
    let (limit, comparison, moves) = if increment > 0 {
        (desired.0, "<", live.0 < desired.0)
    } else {
        (desired.1, ">", live.1 > desired.1)
    };
    let is_within = live.0 <= limit && limit <= live.1;
    (moves && is_within).then(|| {
        format!(
            "SELECT pg_catalog.setval({}, {limit}, false) FROM {sequence} WHERE last_value {comparison} {limit}",
            Literal(sequence)
        )
    })
}

/// Where a sequence has to begin anew because no value of the old limits lies within the new ones.
pub(super) fn begin_anew(live: (i64, i64), desired: (i64, i64), start: i64) -> Option<String> {
    (live.1 < desired.0 || desired.1 < live.0).then(|| format!("RESTART WITH {start}"))
}

/// The least and largest value that a sequence of this type has if nothing is said.
pub(super) fn usual(type_name: &str, increment: i64) -> (i64, i64) {
    let limits = match type_name {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    if increment > 0 {
        (1, limits.1)
    } else {
        (limits.0, -1)
    }
}
