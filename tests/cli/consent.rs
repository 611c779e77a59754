//! What a pull request brings along does not run in CI: programs, clusters, and the commands that `forge.toml` names.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use support::{TestEnvironment, made_up, server::Server};

/// The commands that a CI runs for a change that nobody has looked at.
const UNTRUSTED: &[&[&str]] = &[
    &["plan", "--check"],
    &["plan", "-m", "x"],
    &["check"],
    &["approve", "--all"],
    &["test"],
    &["drift"],
    &["status"],
    &["validate"],
    &["doctor"],
];

/// A program that shows that it ran.
const EVIL: &str =
    "#!/bin/sh\ntouch \"$(dirname \"$0\")/ran\"; echo 'postgres (PostgreSQL) 15.1'\n";

fn with_programs(environment: TestEnvironment) -> TestEnvironment {
    let environment = environment
        .file("evil/postgres", EVIL)
        .file("evil/initdb", EVIL);
    let folder = environment.project().join("evil");
    for path in [
        folder.clone(),
        folder.join("postgres"),
        folder.join("initdb"),
    ] {
        let mode = std::fs::Permissions::from_mode(0o777);
        fs_err::set_permissions(path, mode).expect("the file is there");
    }
    environment
}

fn ran(environment: &TestEnvironment) -> bool {
    environment.project().join("evil/ran").exists()
}

fn git(environment: &TestEnvironment, args: &[&str]) {
    let status = environment
        .program("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b"])
        .args(args)
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.expect("git runs").success(), "{args:?}");
}

#[test]
fn programs_of_the_repository_do_not_run() {
    let check = |bin: &str, prepare: &dyn Fn(&TestEnvironment)| {
        let environment = with_programs(TestEnvironment::new())
            .file(
                "forge.toml",
                &format!(
                    "[environments.local]\nurl = \"embedded\"\n[shadow]\nbin = \"{bin}\"\noffline = true\n"
                ),
            )
            .file("schema/a.sql", "CREATE SCHEMA a;\n")
            .variable("FORGE_ENV", "local");
        prepare(&environment);
        for command in UNTRUSTED {
            let text = environment.run(command);
            assert!(!ran(&environment), "{text}");
        }
        let text = environment.run(&["plan", "--check"]);
        assert!(text.contains("belong to the repository"), "{text}");
        assert!(
            text.contains("`--shadow-bin` or FORGE_SHADOW_BIN"),
            "{text}"
        );
        assert!(text.ends_with("[exit 4]\n"), "{text}");
        // Named from outside, it is used: what is wrong with it is its own.
        let consent = environment.project().join("evil");
        let text = environment.run(&[
            "plan",
            "--check",
            "--shadow-bin",
            &consent.display().to_string(),
        ]);
        assert!(!text.contains("belong to the repository"), "{text}");
    };
    let link = |from: &'static str, to: &'static str| {
        move |environment: &TestEnvironment| {
            let project = environment.project();
            let to = project.join(to);
            fs_err::create_dir_all(to.parent().expect("a link lies in a folder"))
                .expect("the folder can be written");
            fs_err::os::unix::fs::symlink(project.join(from), to).expect("it can be linked");
        }
    };
    check("evil", &|_| ());
    check("./schema/../evil", &|_| ());
    check("../outside", &link("evil", "../outside"));
    check("../bin", &|environment: &TestEnvironment| {
        link("evil/postgres", "../bin/postgres")(environment);
        link("evil/initdb", "../bin/initdb")(environment);
    });
    // The project is a folder of a repository.
    check("../evil", &|environment: &TestEnvironment| {
        let top = environment.project().join("..");
        fs_err::create_dir(top.join(".git")).expect("the folder can be written");
        link("evil", "../evil")(environment);
    });
}

#[test]
fn commands_of_the_repository_do_not_run() {
    let steps = "BEGIN;\n\n-- forge:step 1 create schema a\nCREATE SCHEMA a;\n\nCOMMIT;\n";
    let down = "BEGIN;\n\n-- forge:step 1 drop schema a\nDROP SCHEMA a;\n\nCOMMIT;\n";
    let environment = TestEnvironment::new()
        .file(
            "forge.toml",
            "[environments.local]\nurl = \"embedded\"\nbefore_apply = \"touch before\"\n\
             after_apply = \"touch after\"\nbackup = { command = \"touch backup\", required = true }\n",
        )
        .file("schema/a.sql", "CREATE SCHEMA a;\n")
        .file("plans/a.sql", &made_up::plan("aaaaaaaaaaaa", "", "create a", steps))
        .file("plans/a.down.sql", &made_up::plan("aaaaaaaaaaaa", "", "create a", down))
        .variable("FORGE_OFFLINE", "1")
        .variable("FORGE_ENV", "local");
    let _server = Server::start(&environment);
    for command in UNTRUSTED {
        let text = environment.run(command);
        for proof in ["before", "after", "backup"] {
            assert!(!environment.project().join(proof).exists(), "{text}");
        }
    }
}

#[test]
fn kubectl_gets_no_flags_from_the_repository() {
    let environment = TestEnvironment::new().file(
        "forge.toml",
        "[environments.a]\nurl = \"postgresql://h/d\"\ntunnel = { kubectl = { resource = \"--kubeconfig=evil\" } }\n",
    );
    let text = environment.run(&["status", "--env", "a"]);
    assert!(text.contains("it is no resource such as"), "{text}");
    assert!(text.ends_with("[exit 4]\n"), "{text}");
}

#[test]
fn a_cluster_or_a_cache_of_the_repository_is_not_used() {
    let refused = |environment: &TestEnvironment, file: &str| {
        for command in [&["plan", "--check"][..], &["embedded", "--", "true"]] {
            let text = environment.run(command);
            assert!(text.contains("belongs to the repository"), "{text}");
            assert!(text.contains(&format!("git tracks `{file}`")), "{text}");
            assert!(text.ends_with("[exit 4]\n"), "{text}");
        }
    };
    let project = |shadow: &str| {
        let environment = TestEnvironment::new()
            .file(
                "forge.toml",
                &format!("[environments.local]\nurl = \"embedded\"\n{shadow}"),
            )
            .file("schema/a.sql", "CREATE SCHEMA a;\n")
            .variable("FORGE_OFFLINE", "1")
            .variable("FORGE_ENV", "local");
        git(&environment, &["init", "-q"]);
        environment
    };
    let environment = project("").file(
        ".forge/pg15/data/postgresql.conf",
        "ssl_passphrase_command = 'touch ran'\n",
    );
    git(&environment, &["add", "-f", ".forge"]);
    refused(&environment, ".forge/pg15/data/postgresql.conf");

    let environment = project("[shadow]\ncache = \"cache\"\n")
        .file("cache/version/x", "postgres (PostgreSQL) 15.1\n");
    git(&environment, &["add", "-f", "cache"]);
    refused(&environment, "cache/version/x");
    // In a container the files belong to another user than forge's, and git looks at them only when told to.
    let own = fs_err::metadata("/proc/self").map(|metadata| metadata.uid());
    if own.is_ok_and(|user| user == 0) {
        let owned = environment
            .program("chown")
            .args(["-R", "65534", "."])
            .status();
        assert!(owned.expect("chown runs").success());
        refused(&environment, "cache/version/x");
        let owned = environment.program("chown").args(["-R", "0", "."]).status();
        assert!(owned.expect("chown runs").success());
    }
    // What a CI keeps there between its runs came with nobody.
    git(&environment, &["rm", "-q", "-r", "--cached", "cache"]);
    let text = environment.run(&["plan", "--check"]);
    assert!(!text.contains("belongs to the repository"), "{text}");
}
