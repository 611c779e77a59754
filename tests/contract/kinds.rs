//! What a kind is, and what it leaves to others.

use forge::kinds::Kind;

use crate::sources::{Breach, has_word, hold, kinds_named, names, root, sources, text};

#[test]
fn the_engine_names_no_kind() {
    let engine = [
        "src/diff.rs",
        "src/plan/steps.rs",
        "src/plan/graph.rs",
        "src/plan/order.rs",
        "src/plan/batch.rs",
        "src/plan/likeness.rs",
        "src/intent/judge.rs",
        "src/intent/order.rs",
        "src/intent/request.rs",
        "src/intent/renamed.rs",
        "src/intent/renaming.rs",
        "src/apply",
    ];
    let engine = sources()
        .into_iter()
        .filter(|source| source.is_below(&engine));
    let breaches = engine
        .flat_map(|source| source.breaches(|line| !kinds_named(line).is_empty()))
        .collect();
    hold(
        "the engine names no kind: what is special about one is the contract's to say",
        breaches,
        &[],
    );
}

#[test]
fn a_kind_names_no_other() {
    let breaches = sources()
        .into_iter()
        .filter_map(|source| Some((source.kind()?, source)))
        .flat_map(|(own, source)| {
            source.breaches(|line| kinds_named(line).iter().any(|kind| *kind != own))
        })
        .collect();
    let options = "storage parameters are the same text wherever `reloptions` is; they belong beside the kinds, not into one";
    let privileges = "default privileges become grants, and are written with the same words";
    hold(
        "a kind names no other: what lies between two is for `pg_depend` or the contract to say",
        breaches,
        &[
            (
                "src/kinds/column/settings.rs",
                "crate::kinds::table::options_difference",
                options,
            ),
            (
                "src/kinds/constraint/mod.rs",
                "super::table::options_list",
                options,
            ),
            (
                "src/kinds/constraint/mod.rs",
                "super::table::options_difference",
                options,
            ),
            (
                "src/kinds/materialized_view/mod.rs",
                "super::table::options_list",
                options,
            ),
            (
                "src/kinds/materialized_view/mod.rs",
                "super::table::options_difference",
                options,
            ),
            (
                "src/kinds/view/mod.rs",
                "super::table::options_list",
                options,
            ),
            (
                "src/kinds/view/mod.rs",
                "super::table::options_difference",
                options,
            ),
            (
                "src/kinds/default_privilege/mod.rs",
                "Kind::Grant",
                privileges,
            ),
            (
                "src/kinds/default_privilege/mod.rs",
                "super::grant::Grant::with",
                privileges,
            ),
            (
                "src/kinds/default_privilege/mod.rs",
                "super::grant::privileges_change",
                privileges,
            ),
        ],
    );
}

#[test]
fn a_kind_neither_compares_nor_sorts() {
    let words = [
        "fn cmp",
        "fn partial_cmp",
        "fn eq",
        "impl Ord",
        "sort",
        "sort_by",
        "sort_by_key",
        "sort_unstable",
    ];
    let breaches = sources()
        .into_iter()
        .filter(|source| source.kind().is_some())
        .flat_map(|source| source.breaches(|line| words.iter().any(|word| has_word(line, word))))
        .collect();
    hold(
        "comparing models and putting steps in order is the engine's",
        breaches,
        &[
            (
                "src/kinds/grant/mod.rs",
                "privileges.sort();",
                "a list of privileges is a set, which the catalog sorts too",
            ),
            (
                "src/kinds/column/model.rs",
                "fn eq(&self, other: &Self)",
                "an inherited constraint's name decides nothing",
            ),
        ],
    );
}

#[test]
fn comments_owners_and_privileges_are_kinds_of_their_own() {
    let rules: [(&[Kind], &[&str]); 3] = [
        (&[Kind::Comment], &["COMMENT ON"]),
        (&[Kind::Owner], &["OWNER TO"]),
        (
            &[Kind::Grant, Kind::DefaultPrivilege],
            &["GRANT ", "REVOKE "],
        ),
    ];
    let mut breaches = Vec::new();
    for source in sources()
        .into_iter()
        .filter(|source| source.is_below(&["src/kinds", "src/plan", "src/diff.rs"]))
    {
        let foreign = rules
            .iter()
            .filter(|(kinds, _)| source.kind().is_none_or(|kind| !kinds.contains(&kind)));
        for (_, statements) in foreign {
            breaches.extend(
                source.breaches(|line| statements.iter().any(|statement| line.contains(statement))),
            );
        }
    }
    hold(
        "comments, owners and privileges exist once, for all kinds of targets",
        breaches,
        &[],
    );
}

#[test]
fn introspection_is_ordered_and_names_its_columns() {
    let mut breaches = Vec::new();
    for kind in Kind::ALL {
        let path = format!("src/kinds/{}/introspect.sql", kind.folder());
        let sql = text(&path);
        let last = last_select(&sql);
        let line = sql.lines().count();
        if !last.contains("\nORDER BY ") {
            breaches.push(Breach {
                path: path.clone(),
                line,
                text: "the outermost SELECT has no ORDER BY".to_string(),
            });
        }
        for (number, line) in sql.lines().enumerate() {
            let everything = line.to_uppercase().contains("SELECT *");
            if everything || (last.contains(line) && line.contains(".*")) {
                breaches.push(Breach {
                    path: path.clone(),
                    line: number + 1,
                    text: line.to_string(),
                });
            }
        }
    }
    hold("what is read has names, and an order", breaches, &[]);
}

/// The query's last SELECT that begins a line: what it returns.
fn last_select(sql: &str) -> &str {
    let at = sql.rfind("\nSELECT ").map_or(0, |at| at + 1);
    &sql[at..]
}

/// A field of a kind's model, and what it is called when serialized.
struct Field {
    name: String,
    serialized: String,
}

fn fields(kind: Kind) -> Vec<Field> {
    let folder = format!("src/kinds/{}", kind.folder());
    // The model stands in a file of its own where the kind has several.
    let model = format!("{folder}/model.rs");
    let path = if root().join(&model).exists() {
        model
    } else {
        format!("{folder}/mod.rs")
    };
    let text = text(&path);
    let open = format!("pub struct {kind:?} {{");
    let at = text
        .find(&open)
        .unwrap_or_else(|| panic!("{path} has no `{open}`"));
    let body = text[at + open.len()..]
        .split("\n}")
        .next()
        .unwrap_or_default();
    let mut renamed = None;
    let mut fields = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some((_, rest)) = line.split_once("rename = \"") {
            renamed = rest.split('"').next().map(ToString::to_string);
        }
        if let Some((name, _)) = line
            .strip_prefix("pub ")
            .and_then(|field| field.split_once(':'))
        {
            fields.push(Field {
                name: name.to_string(),
                serialized: renamed.take().unwrap_or_else(|| name.to_string()),
            });
        }
    }
    fields
}

#[test]
fn every_field_decides_equality_once() {
    for &kind in Kind::ALL {
        let attributes: Vec<&str> = kind
            .attributes()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        for Field { name, .. } in fields(kind) {
            let entries = attributes
                .iter()
                .filter(|attribute| **attribute == name)
                .count();
            assert_eq!(
                entries,
                1,
                "src/kinds/{}/mod.rs: `{name}` stands {entries} times in ATTRIBUTES",
                kind.folder()
            );
        }
    }
}

#[test]
fn every_attribute_reaches_the_fingerprint() {
    for &kind in Kind::ALL {
        for Field { name, serialized } in fields(kind) {
            assert!(
                serialized == name || serialized == name.trim_end_matches("_name"),
                "src/kinds/{}/mod.rs: `{name}` is serialized as `{serialized}`, where the fingerprint doesn't look for it",
                kind.folder()
            );
        }
    }
}

#[test]
fn every_kind_has_cases() {
    for kind in Kind::ALL {
        let folder = format!("fixtures/cases/{}", kind.folder());
        assert!(
            root().join(&folder).is_dir() && !names(&folder).is_empty(),
            "{folder} has no case"
        );
    }
}
