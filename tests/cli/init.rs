//! `forge init`

use insta::assert_snapshot;

use support::{TestEnvironment, made_up};

#[test]
fn here() {
    let environment = TestEnvironment::new();
    assert_snapshot!(environment.run(&["init"]));
    let written = [
        "forge.toml",
        "schema/notes.sql",
        "plans/.gitkeep",
        "README.md",
        ".gitignore",
    ];
    for file in written {
        assert!(
            environment.project().join(file).is_file(),
            "{file} is written"
        );
    }
    assert!(environment.run(&["env"]).contains("embedded (forge.toml"));
}

#[test]
fn in_a_new_folder() {
    let environment = TestEnvironment::new();
    assert_snapshot!(environment.run(&["init", "db/shop"]));
    assert!(environment.project().join("db/shop/forge.toml").is_file());
}

#[test]
fn in_a_fresh_clone() {
    let environment = TestEnvironment::new()
        .file(".git/HEAD", "ref: refs/heads/main\n")
        .file(".gitignore", "target\n")
        .file("README.md", "# Shop\n");
    assert_snapshot!(environment.run(&["init", "--quiet"]));
    let read = |file: &str| {
        fs_err::read_to_string(environment.project().join(file)).expect("the file is there")
    };
    assert_eq!(read("README.md"), "# Shop\n");
    assert!(
        read(".gitignore").starts_with("target\n") && read(".gitignore").ends_with("/.forge/\n")
    );
}

#[test]
fn in_a_project() {
    let environment = TestEnvironment::new().file("forge.toml", "");
    assert_snapshot!(environment.run(&["init"]));
}

#[test]
fn in_an_occupied_folder() {
    let environment = TestEnvironment::new()
        .file("src/main.rs", "")
        .file("Cargo.toml", "");
    assert_snapshot!(environment.run(&["init"]));
}

#[test]
fn from_a_database_that_nobody_named() {
    let environment = TestEnvironment::new();
    assert_snapshot!(environment.run(&["init", "new", "--from-db", "--url", "embedded"]));
    assert!(!environment.project().join("new").exists());
}

const ALL: &str = "make,just,github,gitlab,docker,k8s";

const COMPANIONS: [&str; 8] = [
    "Makefile",
    "justfile",
    ".github/workflows/schema.yml",
    ".gitlab-ci.yml",
    "Dockerfile",
    ".dockerignore",
    "k8s/forge-apply.yaml",
    "k8s/forge-drift.yaml",
];

#[test]
fn with_files_for_other_programs() {
    let environment = TestEnvironment::new();
    assert_snapshot!(environment.run(&["init", "--with", ALL]));
    for file in COMPANIONS {
        assert!(environment.project().join(file).is_file(), "{file}");
    }
}

#[test]
fn with_files_that_a_project_does_not_have() {
    let environment = TestEnvironment::new()
        .file(
            "forge.toml",
            "[project]\nschema = \"db/tree\"\nplans = \"db/plans\"\n",
        )
        .file("Makefile", "mine:\n")
        .file(
            "db/plans/1.sql",
            &made_up::plan("aaaaaaaaaaaa", "", "begin", ""),
        )
        .file("src/main.rs", "");
    let read = |file: &str| fs_err::read_to_string(environment.project().join(file)).unwrap();
    let mut text = environment.run(&["init", "--with", "make,docker,k8s,github"]);
    text += &environment.run(&["init", "--with", "docker"]);
    text += &environment.run(&["init", "--with", "docker", "--from-db"]);
    assert_snapshot!(text);
    assert_eq!(read("Makefile"), "mine:\n");
    assert!(read("Dockerfile").contains("\nCOPY db/tree ./db/tree\nCOPY db/plans ./db/plans\n"));
    assert!(read(".github/workflows/schema.yml").contains("image: postgres:15\n"));
    assert!(!environment.project().join("schema").exists());
}

/// What the targets of the Makefile run, by the words of those who know other tools.
#[test]
fn the_makefile() {
    let environment = TestEnvironment::new();
    environment.run(&["init", "--with", "make"]);
    let make = |args: &[&str]| {
        let mut make = std::process::Command::new("make");
        make.args(args).current_dir(environment.project());
        let output = make
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8(text).unwrap()
    };
    let commands = |args: &[&str]| make(&[&["--dry-run"], args].concat());
    assert_eq!(commands(&["migrate-up"]).trim(), "forge apply");
    assert_eq!(
        commands(&["migrate-up", "REV=+1", "ENV=production"]).trim(),
        "forge --env production apply +1"
    );
    assert_eq!(commands(&["migrate-down"]).trim(), "forge downgrade -1");
    assert_eq!(
        commands(&["migrate-down", "REV=base"]).trim(),
        "forge downgrade base"
    );
    assert!(
        commands(&["migrate-create", "MSG=add orders"]).contains("forge plan -m \"add orders\"")
    );
    for (target, command) in [
        ("migrate-history", "history"),
        ("migrate-current", "current"),
        ("migrate-wait", "wait"),
        ("drift", "drift"),
    ] {
        assert_eq!(commands(&[target]).trim(), format!("forge {command}"));
    }
    assert_eq!(
        commands(&["check"]).trim(),
        "forge check\nforge plan --check --from history"
    );
    assert!(make(&["migrate-gen"]).contains("say what it is for"));
    let listed = make(&[]);
    assert!(listed.lines().count() > 8, "{listed}");
    assert!(listed.contains("migrate-up       apply the approved plans"));
}
