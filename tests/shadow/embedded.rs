//! The embedded server.

use camino::Utf8Path;
use forge::{
    diagnostic::Code,
    files::ProjectFiles,
    shadow::{Mode, embedded::Embedded},
};

use super::{connect, folder, has_process, open_folder, run, settings, text, users_server};

#[test]
fn a_server_that_does_not_start_shows_its_log() {
    run(async {
        let (project, server) = users_server().await;
        let data = folder(&server.options()).join("data");
        server.stop().await.unwrap();
        let file = data.join("postgresql.conf");
        let text = fs_err::read_to_string(&file).unwrap();
        fs_err::write(file, format!("{text}\nnonsense = 1\n")).unwrap();
        let project = Utf8Path::from_path(project.path()).unwrap();
        let error = Embedded::start(&ProjectFiles::new(project, &[]), &settings(Mode::Auto))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::NoShadow);
        assert!(error.message().ends_with("doesn't start"), "{error:?}");
        let log = error.notes().last().unwrap();
        assert!(
            log.contains("unrecognized configuration parameter \"nonsense\""),
            "{log}"
        );
    });
}

#[test]
pub(crate) fn an_embedded_server_keeps_its_data() {
    let project = open_folder();
    let project = Utf8Path::from_path(project.path()).unwrap();
    let settings = settings(Mode::Auto);
    run(async {
        let first = Embedded::start(&ProjectFiles::new(project, &[]), &settings)
            .await
            .unwrap();
        let client = connect(&first.options()).await;
        assert_eq!(text(&client, "SHOW fsync").await, "on");
        assert_eq!(
            text(
                &client,
                "SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()"
            )
            .await,
            "app"
        );
        client
            .batch_execute("CREATE TABLE t AS SELECT 'kept' AS text")
            .await
            .unwrap();

        // Another forge joins it, and leaves it running.
        let second = Embedded::start(&ProjectFiles::new(project, &[]), &settings)
            .await
            .unwrap();
        assert_eq!(second.options().hosts, first.options().hosts);
        second.stop().await.unwrap();
        assert_eq!(text(&client, "SELECT text FROM t").await, "kept");
        first.stop().await.unwrap();
        assert!(!has_process(project));

        // Dropped without a stop, it recovers.
        let dropped = Embedded::start(&ProjectFiles::new(project, &[]), &settings)
            .await
            .unwrap();
        connect(&dropped.options())
            .await
            .batch_execute("INSERT INTO t VALUES ('also kept')")
            .await
            .unwrap();
        drop(dropped);
        assert!(!has_process(project));
        let again = Embedded::start(&ProjectFiles::new(project, &[]), &settings)
            .await
            .unwrap();
        let client = connect(&again.options()).await;
        assert_eq!(
            text(&client, "SELECT string_agg(text, ',' ORDER BY text) FROM t").await,
            "also kept,kept"
        );
        again.stop().await.unwrap();
        assert!(!has_process(project));
    });
}

#[test]
fn an_embedded_server_far_down() {
    let project = open_folder();
    let long = Utf8Path::from_path(project.path())
        .unwrap()
        .join("a folder, \"quoted\"/".repeat(8));
    fs_err::create_dir_all(&long).unwrap();
    run(async {
        let embedded = Embedded::start(&ProjectFiles::new(&long, &[]), &settings(Mode::Auto))
            .await
            .unwrap();
        let socket = folder(&embedded.options());
        assert_eq!(
            text(&connect(&embedded.options()).await, "SELECT 'up'").await,
            "up"
        );
        embedded.stop().await.unwrap();
        assert!(!socket.exists());
    });
}
