//! Sets of privileges as `aclexplode` names them, a star marking the grant option.

use crate::sql::join;

/// The statements that lead from one set to another. `on` is what follows `ON`, `columns` what follows each privilege,
/// `grantee` who holds them.
pub(in crate::kinds) fn change(
    live: &[String],
    desired: &[String],
    columns: &str,
    on: &str,
    grantee: &str,
) -> Vec<String> {
    let name = |privilege: &str| privilege.trim_end_matches('*').to_string();
    let has = |set: &[String], wanted: &str| set.iter().any(|privilege| name(privilege) == wanted);
    let can_grant = |set: &[String], wanted: &str| {
        set.iter()
            .any(|privilege| *privilege == format!("{wanted}*"))
    };
    let list = |names: Vec<String>| join(names.iter().map(|name| format!("{name}{columns}")), ", ");
    let (mut revoked, mut less, mut given, mut more) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for privilege in live {
        let privilege = name(privilege);
        if !has(desired, &privilege) {
            revoked.push(privilege);
        } else if can_grant(live, &privilege) && !can_grant(desired, &privilege) {
            less.push(privilege);
        }
    }
    for privilege in desired {
        let privilege = name(privilege);
        if can_grant(desired, &privilege) && !can_grant(live, &privilege) {
            more.push(privilege);
        } else if !has(live, &privilege) {
            given.push(privilege);
        }
    }
    let mut statements = Vec::new();
    if !revoked.is_empty() {
        statements.push(format!("REVOKE {} ON {on} FROM {grantee}", list(revoked)));
    }
    if !less.is_empty() {
        statements.push(format!(
            "REVOKE GRANT OPTION FOR {} ON {on} FROM {grantee}",
            list(less)
        ));
    }
    if !given.is_empty() {
        statements.push(format!("GRANT {} ON {on} TO {grantee}", list(given)));
    }
    if !more.is_empty() {
        statements.push(format!(
            "GRANT {} ON {on} TO {grantee} WITH GRANT OPTION",
            list(more)
        ));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes() {
        fn check(live: &[&str], desired: &[&str], statements: &[&str]) {
            let own = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(
                change(&own(live), &own(desired), "", "TABLE t", "r"),
                own(statements)
            );
        }
        check(
            &[],
            &["INSERT", "SELECT"],
            &["GRANT INSERT, SELECT ON TABLE t TO r"],
        );
        check(&["SELECT"], &[], &["REVOKE SELECT ON TABLE t FROM r"]);
        check(
            &["SELECT*"],
            &["SELECT"],
            &["REVOKE GRANT OPTION FOR SELECT ON TABLE t FROM r"],
        );
        check(
            &["SELECT"],
            &["SELECT*"],
            &["GRANT SELECT ON TABLE t TO r WITH GRANT OPTION"],
        );
        check(&["SELECT"], &["SELECT"], &[]);
    }
}
