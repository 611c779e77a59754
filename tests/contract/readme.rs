//! What the README says of the program.

use std::{collections::BTreeSet, fmt::Write as _};

use clap::CommandFactory as _;
use forge::{
    cli::Cli,
    diagnostic::{Code, Exit},
    kinds::{Comparison, Kind},
};

use crate::sources::{root, text};

/// The README's table of kinds: what of each is compared.
fn table_of_kinds() -> String {
    let mut table = "\n| kind | compared |\n|---|---|\n".to_string();
    for kind in Kind::ALL {
        let compared: Vec<String> = kind
            .attributes()
            .into_iter()
            .filter(|(_, comparison)| *comparison != Comparison::Physical)
            .map(|(name, _)| {
                let name = ["_ref", "_refs"]
                    .iter()
                    .fold(name, |name, end| name.trim_end_matches(end));
                name.replace('_', " ")
            })
            .collect();
        let compared = if compared.is_empty() {
            "that it is there".to_string()
        } else {
            compared.join(", ")
        };
        writeln!(table, "| {} | {compared} |", kind.noun()).unwrap();
    }
    table + "\n"
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no settings; UPDATE is how its reference is written anew"
)]
fn the_readme_lists_every_kind() {
    let readme = text("README.md");
    let begin = readme
        .find("<!-- kinds:")
        .expect("the README has a place for the kinds");
    let begin = begin + readme[begin..].find("-->\n").expect("a comment ends") + "-->\n".len();
    let end = readme
        .find("<!-- /kinds -->")
        .expect("the list of kinds ends");
    let table = table_of_kinds();
    if std::env::var_os("UPDATE").is_some() {
        let readme = format!("{}{table}{}", &readme[..begin], &readme[end..]);
        fs_err::write(root().join("README.md"), readme).unwrap();
    } else {
        assert_eq!(
            &readme[begin..end],
            table,
            "`UPDATE=1 cargo test --test contract` writes the README's table"
        );
    }
}

#[test]
fn the_readme_knows_the_commands() {
    let commands: BTreeSet<String> = Cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_string())
        .chain(["help".to_string()])
        .collect();
    let readme = text("README.md");
    let mut named = BTreeSet::new();
    for (number, line) in readme.lines().enumerate() {
        let spots = line
            .match_indices("forge ")
            .filter(|(at, _)| *at == 0 || line[..*at].ends_with('`'));
        for (at, word) in spots {
            let command: String = line[at + word.len()..]
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '-')
                .collect();
            // A sentence may begin with the program's name.
            if line[..at].ends_with('`') || !line.ends_with('.') {
                assert!(
                    commands.contains(&command),
                    "README.md:{}: there is no `forge {command}`",
                    number + 1
                );
                named.insert(command);
            }
        }
    }
    let unnamed: Vec<&String> = commands.difference(&named).collect();
    assert!(unnamed.is_empty(), "the README doesn't name {unnamed:?}");
}

#[test]
fn the_readme_lists_every_exit_code() {
    let readme = text("README.md");
    let codes: BTreeSet<u8> = Code::ALL
        .iter()
        .map(|code| code.exit() as u8)
        .chain([Exit::Done as u8, Exit::Difference as u8])
        .collect();
    for code in codes {
        assert!(
            readme.contains(&format!("\n| {code} | ")),
            "the README doesn't explain exit code {code}"
        );
    }
}
