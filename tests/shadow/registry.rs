//! Programs from the npm registry.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    time::Instant,
};

use camino::{Utf8Path, Utf8PathBuf};
use forge::{
    diagnostic::Code,
    shadow::{self, Mode, ShadowSettings},
};

use super::{connect, environment, run, settings};

/// A registry that answers every request with the same text.
fn registry(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = BufReader::new(stream.try_clone().unwrap()).lines();
            request.find(|line| line.as_ref().is_ok_and(String::is_empty));
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://ann:secret@{address}/npm/")
}

#[test]
fn a_registry_that_fails() {
    fn check(registry: String, message: &str, note: &str) {
        let cache = tempfile::tempdir().unwrap();
        let cache = Utf8Path::from_path(cache.path()).unwrap();
        let settings = ShadowSettings {
            offline: false,
            registry: Some(registry),
            cache: cache.to_owned(),
            ..settings(Mode::Download)
        };
        let error = run(shadow::start(&settings, 17, None)).unwrap_err();
        assert_eq!(error.code(), Code::NoShadow);
        assert!(error.message().contains(message), "{error:?}");
        assert!(error.notes()[0].contains(note), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        let left = fs_err::read_dir(cache.join("pg")).unwrap().flatten();
        let left: Vec<_> = left.map(|entry| entry.path()).collect();
        assert!(
            left.iter()
                .all(|path| path.extension().is_some_and(|e| e == "lock")),
            "{left:?}"
        );
    }
    check(
        registry("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwrong"),
        "isn't the file that forge knows",
        "its SHA-512 is ",
    );
    check(
        registry("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        "can't be fetched",
        "404",
    );
    check(
        registry("HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\ncut"),
        "can't be fetched",
        "",
    );
}

#[test]
fn nothing_is_fetched_offline() {
    let cache = tempfile::tempdir().unwrap();
    let settings = ShadowSettings {
        cache: Utf8PathBuf::from_path_buf(cache.path().to_owned()).unwrap(),
        ..settings(Mode::Download)
    };
    let error = run(shadow::start(&settings, 17, None)).unwrap_err();
    assert_eq!(
        error.message(),
        "PostgreSQL 17 isn't in the cache and forge is offline"
    );
}

#[test]
fn every_major_from_the_registry() {
    if environment().get("FORGE_TEST_DOWNLOAD").is_none() {
        return;
    }
    // Root's cache is closed to others, as in most images.
    let cache = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs_err::set_permissions(cache.path(), mode).unwrap();
    let settings = ShadowSettings {
        offline: false,
        cache: Utf8PathBuf::from_path_buf(cache.path().join("forge")).unwrap(),
        ..settings(Mode::Download)
    };
    run(async {
        for major in 14..=18 {
            for round in ["fetched", "made", "copied"] {
                let begin = Instant::now();
                let shadow = shadow::start(&settings, major, None).await.unwrap();
                let started = begin.elapsed();
                let database = shadow.create_database("app").await.unwrap();
                let created = begin.elapsed();
                let client = connect(&database.options()).await;
                client
                    .batch_execute("CREATE EXTENSION pgcrypto")
                    .await
                    .unwrap();
                println!(
                    "{} {round}: started {started:?}, database {created:?}",
                    shadow.description()
                );
                assert_eq!(shadow.major(), major);
                shadow.close().await.unwrap();
            }
        }
    });
}
