//! Plans that somebody has to sign before they are applied.

use crate::FILES;
use support::{cluster::Cluster, desk::Desk};

pub(crate) async fn a_plan_without_a_signature_is_not_applied(cluster: &Cluster) {
    let mut files = FILES.to_vec();
    let policy = format!("{}\n[policy]\nsigners = \"signers\"\n", FILES[0].1);
    assert_eq!(files[0].0, "forge.toml");
    files[0].1 = &policy;
    let mut desk = Desk::new(cluster, &files).await;
    desk.other(
        "ssh-keygen",
        &["-q", "-t", "ed25519", "-N", "", "-f", "key"],
    );
    let key = desk.other("cat", &["key.pub"]);
    desk.write("signers", &format!("bob@example.com {key}"));
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    let nothing = desk.dump();
    desk.typed.clear();

    for command in ["upgrade", "stamp head"] {
        desk.forge(command);
        assert!(desk.typed.contains("create_users.sql` is not signed"));
        assert!(desk.typed.ends_with("[exit 3]\n"), "{}", desk.typed);
        assert_eq!(desk.dump(), nothing, "{command}");
        desk.typed.clear();
    }
    desk.forge("preflight");
    assert!(desk.typed.contains("is not signed"), "{}", desk.typed);
    desk.forge("approve 100000000000 --signing-key key");
    desk.typed.clear();
    desk.forge("preflight");
    desk.forge("upgrade");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
    assert_ne!(desk.dump(), nothing);

    // What is applied was signed, and is taken back without the list.
    desk.remove("signers");
    desk.forge("downgrade -1 --allow all");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}

/// The way back that is recorded with a plan, and run later, is the one that was approved with it.
pub(crate) async fn another_way_back_is_not_applied(cluster: &Cluster) {
    let mut desk = Desk::new(cluster, FILES).await;
    desk.forge("plan -m \"create users\" --rev-id 100000000000");
    desk.forge("approve");
    let nothing = desk.dump();
    let path = "plans/0001_create_users.down.sql";
    let file = desk.environment.project().join(path);
    let down = fs_err::read_to_string(&file).unwrap();
    let mut other = forge::plan::file::PlanFile::read(path.into(), &down).unwrap();
    other.plan.batches.clear();
    other = other.sealed_as_is().unwrap();
    for (text, said) in [
        (
            Some(other.render()),
            "is not the way back that was approved",
        ),
        (
            Some(down.replace("DROP TABLE", "DROP VIEW")),
            "was edited after its approval",
        ),
        (None, "is missing"),
    ] {
        desk.typed.clear();
        match text {
            Some(text) => fs_err::write(&file, text).unwrap(),
            None => fs_err::remove_file(&file).unwrap(),
        }
        for command in ["upgrade", "apply --sql", "validate", "stamp head"] {
            desk.forge(command);
            assert!(desk.typed.contains(said), "{}", desk.typed);
            assert!(desk.typed.ends_with("[exit 3]\n"), "{}", desk.typed);
            assert_eq!(desk.dump(), nothing, "{command}");
        }
    }
    fs_err::write(&file, down).unwrap();
    desk.typed.clear();
    desk.forge("upgrade");
    assert!(!desk.typed.contains("[exit"), "{}", desk.typed);
}
