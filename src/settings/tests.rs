use std::{fmt, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use insta::assert_snapshot;

use super::*;
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    report::{ColorChoice, Paint, render},
};

/// A project's folder with this `forge.toml`.
fn project(forge_toml: &str) -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap();
    fs_err::write(path.join(FILE_NAME), forge_toml).unwrap();
    (folder, path)
}

fn variables(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

fn flags(args: &[&str]) -> GlobalFlags {
    use clap::{Args as _, FromArgMatches as _};
    let command = GlobalFlags::augment_args(clap::Command::new("forge"));
    let matches = command.get_matches_from([&["forge"], args].concat());
    GlobalFlags::from_arg_matches(&matches).unwrap()
}

const PROJECT: &str = r#"
[project]
schema = "db/schema"
default_environment = "local"

[managed]
include = ["app", "shop_*"]
exclude = ["partman"]

[shadow]
provider = "local"
url = "postgresql://shadow/file"
bin = "pg/bin"
offline = false
cache = "cache"

[environments.local]
url = "embedded"

[environments.prod]
url = "env:PROD_URL"
role = "owner"
lock_wait = "1h 30m"

[environments.bare]
role = "bare_owner"
"#;

fn resolved(forge_toml: &str, args: &[&str], pairs: &[(&str, &str)]) -> Result<Settings> {
    let (_folder, path) = project(forge_toml);
    Settings::resolve(&flags(args), &variables(pairs), &path)
}

fn plain(error: &Diagnostic) -> String {
    render(error, Paint::PLAIN)
}

/// `value (origin)`, or `-`.
fn shown<T: fmt::Display>(setting: Option<&Setting<T>>) -> String {
    setting.map_or("-".to_owned(), |setting| {
        format!("{} ({})", setting.value, setting.origin)
    })
}

#[test]
fn precedence_of_the_target() {
    #[track_caller]
    fn check(args: &[&str], pairs: &[(&str, &str)], expected: &str) {
        let settings = resolved(PROJECT, args, pairs).unwrap();
        assert_eq!(shown(settings.target.as_ref()), expected);
    }
    let url = ["--url", "postgresql://u:pw@h/flag"];
    let prod = ("PROD_URL", "postgresql://prod");
    let forge = ("FORGE_URL", "postgresql://forge");
    let database = ("DATABASE_URL", "postgresql://app");
    let libpq = ("PGHOST", "h");
    let everything = [prod, forge, database, libpq];

    check(&url, &everything, "postgresql://u:***@h/flag (--url)");
    check(
        &[&url[..], &["--env", "prod"]].concat(),
        &everything,
        "postgresql://u:***@h/flag (--url)",
    );
    check(&["--url", "embedded"], &everything, "embedded (--url)");
    check(
        &["--env", "prod"],
        &everything,
        "postgresql://prod ($PROD_URL)",
    );
    check(&["--env", "local"], &everything, "embedded (forge.toml:18)");
    check(
        &["--env", "bare"],
        &everything,
        "postgresql://forge ($FORGE_URL)",
    );
    check(&[], &everything, "postgresql://forge ($FORGE_URL)");
    check(
        &[],
        &[prod, database, ("FORGE_ENV", "prod")],
        "postgresql://prod ($PROD_URL)",
    );
    check(
        &[],
        &[database, ("FORGE_ENV", "bare")],
        "postgresql://app ($DATABASE_URL)",
    );
    check(&[], &[database, libpq], "postgresql://app ($DATABASE_URL)");
    check(&[], &[libpq], "embedded (forge.toml:18)");
    check(
        &["--env", "bare"],
        &[libpq],
        "as the PG* variables say ($PGHOST)",
    );
    check(&["--env", "bare"], &[("DATABASE_URL", "")], "-");
}

#[test]
fn precedence_of_the_environment() {
    #[track_caller]
    fn check(args: &[&str], pairs: &[(&str, &str)], expected: [&str; 3]) {
        let pairs = [&[("PROD_URL", "postgresql://prod")], pairs].concat();
        let settings = resolved(PROJECT, args, &pairs).unwrap();
        let wait = &settings.lock_wait;
        let shown = [
            shown(settings.environment.as_ref()),
            shown(settings.role.as_ref()),
            format!("{:?} ({})", wait.value, wait.origin),
        ];
        assert_eq!(shown, expected);
    }
    let prod = ["owner (forge.toml:22)", "5400s (forge.toml:23)"];
    check(
        &["--env", "prod"],
        &[("FORGE_ENV", "bare")],
        ["prod (--env)", prod[0], prod[1]],
    );
    check(
        &[],
        &[("FORGE_ENV", "prod")],
        ["prod ($FORGE_ENV)", prod[0], prod[1]],
    );
    check(&[], &[], ["local (forge.toml:4)", "-", "300s (default)"]);
    // The environment's other settings hold for whatever database the command line names.
    check(
        &["--env", "prod", "--url", "x"],
        &[],
        ["prod (--env)", prod[0], prod[1]],
    );
}

#[test]
fn precedence_of_the_shadow() {
    #[track_caller]
    fn check(forge_toml: &str, args: &[&str], pairs: &[(&str, &str)], expected: [&str; 5]) {
        let (_folder, path) = project(forge_toml);
        let shadow = Settings::resolve(&flags(args), &variables(pairs), &path)
            .unwrap()
            .shadow;
        let shown = [
            shown(Some(&shadow.provider)),
            shown(shadow.url.as_ref()),
            shown(shadow.bin.as_ref()),
            shown(Some(&shadow.offline)),
            shown(Some(&shadow.cache)),
        ]
        .map(|text| text.replace(path.as_str(), "ROOT"));
        assert_eq!(shown, expected);
    }
    let args = [
        "--shadow",
        "url",
        "--shadow-url",
        "host=f",
        "--shadow-bin",
        "/f",
        "--offline",
    ];
    let pairs = [
        ("FORGE_SHADOW", "download"),
        ("FORGE_SHADOW_URL", "host=v"),
        ("FORGE_SHADOW_BIN", "v"),
        ("FORGE_OFFLINE", "yes"),
        ("FORGE_CACHE_DIR", "/v"),
        ("XDG_CACHE_HOME", "/xdg"),
        ("HOME", "/home/h"),
    ];
    check(
        PROJECT,
        &args,
        &pairs,
        [
            "url (--shadow)",
            "postgresql://f (--shadow-url)",
            "/f (--shadow-bin)",
            "true (--offline)",
            "/v ($FORGE_CACHE_DIR)",
        ],
    );
    check(
        PROJECT,
        &[],
        &pairs,
        [
            "download ($FORGE_SHADOW)",
            "postgresql://v ($FORGE_SHADOW_URL)",
            "ROOT/v ($FORGE_SHADOW_BIN)",
            "true ($FORGE_OFFLINE)",
            "/v ($FORGE_CACHE_DIR)",
        ],
    );
    check(
        PROJECT,
        &[],
        &pairs[5..],
        [
            "local (forge.toml:11)",
            "postgresql://shadow/file (forge.toml:12)",
            "ROOT/pg/bin (forge.toml:13)",
            "false (forge.toml:14)",
            "ROOT/cache (forge.toml:15)",
        ],
    );
    let default = ["auto (default)", "-", "-", "false (default)"];
    let with_cache = |cache| [default[0], default[1], default[2], default[3], cache];
    check(
        "",
        &[],
        &pairs[5..],
        with_cache("/xdg/forge ($XDG_CACHE_HOME)"),
    );
    check(
        "",
        &[],
        &pairs[6..],
        with_cache("/home/h/.cache/forge (default)"),
    );
    check("", &[], &[], with_cache("ROOT/.forge/cache (default)"));
}

#[test]
fn mirror() {
    fn check(pairs: &[(&str, &str)], expected: &str) {
        let settings = resolved("", &[], pairs).unwrap();
        assert_eq!(shown(settings.shadow.mirror.as_ref()), expected);
    }
    let npm = ("npm_config_registry", "https://u:pw@npm");
    check(
        &[npm, ("FORGE_PG_MIRROR", "https://pg")],
        "https://pg/… ($FORGE_PG_MIRROR)",
    );
    check(&[npm], "https://npm/… ($npm_config_registry)");
    check(&[], "-");
}

#[test]
fn project_found_upwards() {
    let (_folder, path) = project("[project]\nplans = \"/elsewhere\"\n");
    let below = path.join("a/b");
    fs_err::create_dir_all(&below).unwrap();
    let folder = flags(&["-C", "a/b"]).folder(&path).unwrap();
    assert_eq!(folder, below);
    let settings = Settings::resolve(&flags(&[]), &variables(&[]), &folder).unwrap();
    let project = settings.project().unwrap();
    assert_eq!(project.root, path);
    assert_eq!(project.schema, Setting::default_value(path.join("schema")));
    assert_eq!(shown(Some(&project.plans)), "/elsewhere (forge.toml:2)");
}

#[test]
fn color_of_the_environment() {
    fn check(flag: Option<ColorChoice>, pairs: &[(&str, &str)], expected: ColorChoice) {
        assert_eq!(color(flag, &variables(pairs)), expected);
    }
    check(None, &[], ColorChoice::Auto);
    check(None, &[("NO_COLOR", "")], ColorChoice::Auto);
    check(None, &[("NO_COLOR", "0")], ColorChoice::Never);
    check(None, &[("TERM", "dumb")], ColorChoice::Never);
    check(
        Some(ColorChoice::Always),
        &[("NO_COLOR", "1")],
        ColorChoice::Always,
    );
}

#[test]
fn durations() {
    fn check(text: &str, seconds: Option<u64>) {
        assert_eq!(parse_duration(text).ok(), seconds.map(Duration::from_secs));
    }
    check("30s", Some(30));
    check("5m", Some(300));
    check("1h 30m", Some(5400));
    check("0s", Some(0));
    check("5", None);
    check("-5m", None);
    check("", None);
}

/// `forge.toml`, flags, variables.
#[test]
fn precedence_of_the_statement_timeout() {
    #[track_caller]
    fn check(forge_toml: &str, args: &[&str], pairs: &[(&str, &str)], expected: (u64, &str)) {
        let limit = resolved(forge_toml, args, pairs)
            .unwrap()
            .shadow
            .statement_timeout;
        let (seconds, origin) = expected;
        assert_eq!(limit.value, Duration::from_secs(seconds));
        assert_eq!(limit.origin.to_string(), origin);
    }
    let file = "[shadow]\nstatement_timeout = \"2min\"\n";
    let variable = [("FORGE_SHADOW_STATEMENT_TIMEOUT", "90s")];
    let flag = ["--shadow-statement-timeout", "1s"];
    check(file, &flag, &variable, (1, "--shadow-statement-timeout"));
    check(
        file,
        &[],
        &variable,
        (90, "$FORGE_SHADOW_STATEMENT_TIMEOUT"),
    );
    check(file, &[], &[], (120, "forge.toml:2"));
    check("", &[], &[], (300, "default"));
    for (forge_toml, pairs) in [
        ("[shadow]\nstatement_timeout = \"0s\"\n", [].as_slice()),
        ("[shadow]\nstatement_timeout = \"-1m\"\n", &[]),
        ("", &[("FORGE_SHADOW_STATEMENT_TIMEOUT", "0")]),
        ("", &[("FORGE_SHADOW_STATEMENT_TIMEOUT", "soon")]),
    ] {
        let error = resolved(forge_toml, &[], pairs).unwrap_err();
        assert_eq!(error.code(), Code::Configuration, "{error:?}");
    }
}

type Case<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)]);

/// What is printed for each of these cases.
fn errors(cases: &[Case<'_>]) -> String {
    let mut text = String::new();
    for &(forge_toml, args, pairs) in cases {
        let error = resolved(forge_toml, args, pairs).unwrap_err();
        text += &plain(&error);
        text += "--------\n";
    }
    text
}

#[test]
fn wrong_files() {
    let files = [
        "[project]\nshcema = \"schema\"\n",
        "[enviroments.local]\nurl = \"embedded\"\n",
        "[environments.prod]\nurl = \"postgresql://u:secret@h/db\"\nrole = 5\n",
        "[environments.prod]\npasswort = \"x\"\n",
        "[environments.prod]\npassword = \"secret\"\n",
        "[environments.prod]\nlock_wait = \"5 parsecs\"\n",
        "[shadow]\nprovider = \"lokal\"\n",
        "[project\nschema = 1\n",
        "[project]\nschema = \"a\"\nschema = \"b\"\n",
        "[project]\nschema = \"open\n",
        "project = 5\n",
    ];
    assert_snapshot!(errors(&files.map(|file| (file, &[][..], &[][..]))));
}

#[test]
fn wrong_choices() {
    assert_snapshot!(errors(&[
        (PROJECT, &["--env", "prdo"], &[]),
        (PROJECT, &[], &[("FORGE_ENV", "staging")]),
        ("", &["--env", "prod"], &[]),
        (
            "[project]\ndefault_environment = \"lcoal\"\n[environments.local]\n",
            &[],
            &[]
        ),
        (PROJECT, &["--env", "prod"], &[]),
        ("[shadow]\nurl = \"env:NOWHERE\"\n", &[], &[]),
        ("", &["--shadow", "url"], &[]),
        ("", &[], &[("FORGE_SHADOW", "docker")]),
        ("", &[], &[("FORGE_OFFLINE", "maybe")]),
    ]));
}

#[test]
fn nothing_chosen() {
    let target = |forge_toml, args: &[&str]| {
        let settings = resolved(forge_toml, args, &[]).unwrap();
        plain(&settings.target().unwrap_err())
    };
    let texts = [
        target("", &[]),
        target("[environments.prod]\n", &["--env", "prod"]),
        target("[environments.prod]\n", &[]),
    ];
    assert_snapshot!(texts.join("--------\n"));
}

#[test]
fn no_project() {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap();
    let shown = |error| plain(&error).replace(path.as_str(), "FOLDER");
    let settings = Settings::resolve(&flags(&[]), &variables(&[]), path).unwrap();
    let environment = Settings::resolve(&flags(&["--env", "prod"]), &variables(&[]), path);
    let texts = [
        shown(settings.project().unwrap_err()),
        shown(environment.unwrap_err()),
        shown(flags(&["-C", "nowhere"]).folder(path).unwrap_err()),
    ];
    assert_snapshot!(texts.join("--------\n"));
}

#[test]
fn debug_output_holds_no_password() {
    let file = "[environments.p]\nurl = \"postgresql://u:secret@h\"\n[shadow]\nurl = \"password=secret\"\n";
    let pairs = [
        ("FORGE_PG_MIRROR", "https://u:secret@h"),
        ("DATABASE_URL", "postgresql://u:secret@h"),
    ];
    for args in [&["--env", "p"][..], &["--url", "postgresql://u:secret@h"]] {
        let settings = resolved(file, args, &pairs).unwrap();
        let flags = flags(args);
        assert!(!format!("{settings:?} {flags:?}").contains("secret"));
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn redaction_hides_any_password(password in "[ -~]{1,20}") {
            let marked = format!("<{password}>");
            for text in [
                format!("postgresql://user:{marked}@host/db"),
                format!("postgresql://user:{marked}@host:1,b/db?sslmode=require"),
            ] {
                prop_assert!(!redact(&text).contains(&marked));
            }
        }

        #[test]
        fn a_flag_beats_a_variable_beats_the_file(
            flag in proptest::option::of("[a-z]{3}"),
            variable in proptest::option::of("[a-z]{3}"),
            file in proptest::option::of("[a-z]{3}"),
        ) {
            let forge_toml = file.as_ref().map_or(String::new(), |url| format!("[shadow]\nurl = \"{url}\""));
            let args: Vec<_> = flag.iter().flat_map(|url| ["--shadow-url", url]).collect();
            let pairs: Vec<_> = variable.iter().map(|url| ("FORGE_SHADOW_URL", url.as_str())).collect();
            let settings = resolved(&forge_toml, &args, &pairs).unwrap();
            let expected = flag.or(variable).or(file);
            let url = settings.shadow.url.map(|url| url.value.reveal().to_owned());
            prop_assert_eq!(url, expected);
        }
    }
}
