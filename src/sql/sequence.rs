//! What PostgreSQL says of sequences where a statement says nothing (PostgreSQL docs: CREATE SEQUENCE).

/// The least and largest value that a sequence of this type has if nothing is said.
pub fn usual_limits(type_name: &str, increment: i64) -> (i64, i64) {
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
