//! Approvals that somebody signs, and whose signature counts.

use std::{fmt::Write as _, process::Output};

use support::{TestEnvironment, made_up};

const A: &str = "aaaaaaaaaaaa";

const CREATE: &str = "\
BEGIN;

-- forge:step 1 create schema app
CREATE SCHEMA app;

COMMIT;
";

const DROP: &str = "\
BEGIN;

-- forge:step 1 drop schema app
DROP SCHEMA app;

COMMIT;
";

const FORGE_TOML: &str = "[policy]\nsigners = \"allowed_signers\"\n";

/// A project of a draft by Ann; Ann and Bob are signers and have keys, Eve has one and is none.
fn project(forge_toml: &str) -> TestEnvironment {
    let environment = TestEnvironment::new()
        .file("forge.toml", forge_toml)
        .file("plans/1_create.sql", &by_ann(CREATE))
        .file("plans/1_create.down.sql", &by_ann(DROP));
    let mut signers = String::new();
    for name in ["ann", "bob", "eve"] {
        let made = environment
            .program("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", name])
            .status()
            .expect("ssh-keygen starts");
        assert!(made.success());
        if name != "eve" {
            let key = fs_err::read_to_string(environment.project().join(format!("{name}.pub")));
            let key = key.expect("the key was made");
            write!(signers, "{name}@example.com namespaces=\"forge\" {key}")
                .expect("writing to a String can't fail");
        }
    }
    environment.file("allowed_signers", &signers)
}

fn by_ann(sql: &str) -> String {
    made_up::plan_by("Ann <ann@example.com>", A, "", "create it", sql)
}

fn run(environment: &TestEnvironment, args: &[&str]) -> Output {
    environment.command(args).output().expect("forge starts")
}

#[track_caller]
fn check(environment: &TestEnvironment, args: &[&str], code: i32, said: &str) {
    let output = run(environment, args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(stderr.contains(said), "{args:?}: {stderr}");
}

const SCRIPT: [&str; 3] = ["apply", "--sql", "base:head"];
const VALIDATE: [&str; 2] = ["validate", "--files"];

/// What has to be signed is neither written into a script nor valid nor stamped.
#[track_caller]
fn refused(environment: &TestEnvironment, said: &str) {
    check(environment, &SCRIPT, 3, said);
    check(environment, &VALIDATE, 3, said);
    check(environment, &["stamp", "--sql", "base:head"], 3, said);
}

#[test]
fn a_plan_is_applied_with_the_signature_of_a_signer() {
    let environment = project(FORGE_TOML);
    check(
        &environment,
        &["approve"],
        0,
        "forge approve --sign aaaaaaaaaaaa",
    );
    refused(&environment, "`plans/1_create.sql` is not signed");
    check(
        &environment,
        &["approve", "--signing-key", "bob"],
        0,
        "signed `plans/1_create.sql`",
    );
    check(&environment, &VALIDATE, 0, "is signed by bob@example.com");
    check(&environment, &["show", A], 0, "signed by bob@example.com");
    check(&environment, &SCRIPT, 0, "");
    check(
        &environment,
        &["approve", "--signing-key", "bob"],
        0,
        "there is no draft",
    );
}

#[test]
fn the_name_of_a_signer_makes_no_colour() {
    const NAME: &str = "b\u{1b}[31mo\u{202e}b@example.com";
    let environment = project(FORGE_TOML);
    let path = environment.project().join("allowed_signers");
    let signers = fs_err::read_to_string(path).expect("they were written");
    let environment =
        environment.file("allowed_signers", &signers.replace("bob@example.com", NAME));
    check(
        &environment,
        &["approve", "--signing-key", "bob"],
        0,
        "signed",
    );
    for args in [&["show", A][..], &VALIDATE] {
        let args = [args, &["--color", "always"]].concat();
        check(
            &environment,
            &args,
            0,
            r"signed by b\u{1b}[31mo\u{202e}b@example.com",
        );
    }
}

#[test]
fn the_key_is_named_by_a_flag_a_variable_or_git() {
    let environment = project(FORGE_TOML);
    check(&environment, &["approve", "--sign"], 4, "no key is named");
    let git = "[user]\n\tname = Bob\n\tsigningkey = bob\n";
    let environment = environment.variable("GIT_CONFIG_GLOBAL", ".gitconfig");
    let environment = environment.file(".gitconfig", git);
    check(&environment, &["approve", "--sign"], 0, "signed");
    check(&environment, &VALIDATE, 0, "bob@example.com");
    let environment = environment.variable("FORGE_SIGNING_KEY", "eve");
    check(&environment, &["approve", A, "--sign"], 0, "with `eve`");
    check(&environment, &VALIDATE, 3, "not valid");
    check(
        &environment,
        &["approve", A, "--signing-key", "bob"],
        0,
        "signed",
    );
    check(&environment, &VALIDATE, 0, "bob@example.com");
    check(
        &environment,
        &["approve", A, "--signing-key", "nobody"],
        3,
        "cannot sign",
    );
    check(&environment, &VALIDATE, 0, "bob@example.com");
}

#[test]
fn a_signature_of_somebody_else_counts_for_nothing() {
    let environment = project(FORGE_TOML);
    check(
        &environment,
        &["approve", "--signing-key", "eve"],
        0,
        "signed",
    );
    refused(
        &environment,
        "the signature of `plans/1_create.sql` is not valid",
    );
}

#[test]
fn an_author_cannot_approve_alone() {
    let environment = project(FORGE_TOML);
    check(
        &environment,
        &["approve", "--signing-key", "ann"],
        0,
        "signed",
    );
    refused(
        &environment,
        "is signed by its author, Ann <ann@example.com>",
    );
    // Nor under another name of the same key.
    let path = environment.project().join("allowed_signers");
    let signers = fs_err::read_to_string(&path).unwrap();
    let ann = signers.lines().next().unwrap();
    let alias = ann.replace("ann@example.com", "*@example.org,anna@example.org");
    fs_err::write(&path, format!("{alias}\n{signers}")).unwrap();
    refused(&environment, "is signed by its author");
}

#[test]
fn a_signature_is_of_one_plan_and_its_way_back() {
    let environment = project(FORGE_TOML);
    check(
        &environment,
        &["approve", "--signing-key", "bob"],
        0,
        "signed",
    );
    let path = |name: &str| environment.project().join("plans").join(name);
    let read = |name: &str| fs_err::read_to_string(path(name)).unwrap();
    let (up, down) = (read("1_create.sql"), read("1_create.down.sql"));
    let edited = |name: &str, text: &str| fs_err::write(path(name), text).unwrap();

    // An author who edits it freezes it again, hash and all: the signature is of another hash.
    edited("1_create.sql", &by_ann(&CREATE.replace("app", "other")));
    edited("1_create.down.sql", &by_ann(&DROP.replace("app", "other")));
    check(&environment, &["approve"], 0, "approved");
    let frozen = read("1_create.sql");
    let signature = up
        .lines()
        .find(|line| line.starts_with("-- forge:signature"))
        .unwrap();
    let hash = frozen
        .lines()
        .find(|line| line.starts_with("-- forge:sha256"))
        .unwrap();
    let forged = frozen.replace(hash, &format!("{hash}\n{signature}"));
    edited("1_create.sql", &forged);
    refused(
        &environment,
        "the signature of `plans/1_create.sql` is not valid",
    );

    // Another way back that is frozen by itself.
    edited("1_create.sql", &up);
    refused(&environment, "is not the way back that was approved with");
    edited("1_create.down.sql", &down);
    check(&environment, &SCRIPT, 0, "");
    fs_err::remove_file(path("1_create.down.sql")).unwrap();
    refused(
        &environment,
        "the way back of `plans/1_create.sql` is missing",
    );
    edited(
        "1_create.down.sql",
        &down.replace("DROP SCHEMA app", "DROP SCHEMA other"),
    );
    refused(
        &environment,
        "`plans/1_create.down.sql` was edited after its approval",
    );
}

#[test]
fn a_variable_from_outside_beats_the_policy_of_the_project() {
    let outside = project(FORGE_TOML);
    let list = outside.project().join("allowed_signers");
    let list = list.to_str().unwrap();
    // A pull request that takes the policy away, or adds its author to the list.
    for forge_toml in ["", FORGE_TOML] {
        let environment = project(forge_toml).variable("FORGE_SIGNERS", list);
        let mine = environment.project().join("allowed_signers");
        let signers = fs_err::read_to_string(&mine).unwrap();
        fs_err::write(mine, signers.replace("bob@", "eve@")).unwrap();
        check(
            &environment,
            &["approve", "--signing-key", "bob"],
            0,
            "signed",
        );
        refused(&environment, "is not valid");
    }
    let environment = project("").variable("FORGE_SIGNERS", "/nowhere");
    check(
        &environment,
        &["approve", "--signing-key", "bob"],
        0,
        "signed",
    );
    check(&environment, &SCRIPT, 4, "there is no file");
}
