//! The files that a project has for other programs: build tools, CI services, images, a cluster.

use std::fmt;

use camino::Utf8Path;

use super::new_file::{Meets, NewFile};

/// A program, or a service, that a project can have files for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Companion {
    /// A Makefile with the targets that people know
    Make,
    /// A justfile with the same recipes
    Just,
    /// A workflow of GitHub Actions: check, apply, drift
    Github,
    /// The same for GitLab CI
    Gitlab,
    /// A Dockerfile for a release job
    Docker,
    /// A Job and a CronJob for Kubernetes
    K8s,
}

/// Where the project has what the files name.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a> {
    /// The folder of the schema tree, below the project's.
    pub schema: &'a Utf8Path,
    /// The folder of the plans, below the project's.
    pub plans: &'a Utf8Path,
    /// The major version of the servers that the plans are for.
    pub postgres: u32,
}

impl fmt::Display for Companion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Make => "make",
            Self::Just => "just",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Docker => "docker",
            Self::K8s => "k8s",
        })
    }
}

impl Companion {
    /// Its files. One that is there already stays as it is.
    pub fn files(self, layout: Layout<'_>) -> Vec<NewFile> {
        let templates: &[(&str, &str)] = match self {
            Self::Make => &[("Makefile", include_str!("templates/Makefile"))],
            Self::Just => &[("justfile", include_str!("templates/justfile"))],
            Self::Github => &[(
                ".github/workflows/schema.yml",
                include_str!("templates/github.yml"),
            )],
            Self::Gitlab => &[(".gitlab-ci.yml", include_str!("templates/gitlab.yml"))],
            Self::Docker => &[
                ("Dockerfile", include_str!("templates/Dockerfile")),
                (".dockerignore", include_str!("templates/dockerignore")),
            ],
            Self::K8s => &[
                (
                    "k8s/forge-apply.yaml",
                    include_str!("templates/k8s-apply.yaml"),
                ),
                (
                    "k8s/forge-drift.yaml",
                    include_str!("templates/k8s-drift.yaml"),
                ),
            ],
        };
        let files = templates
            .iter()
            .map(|(path, text)| NewFile::new(*path, filled(text, layout)).meeting(Meets::Kept));
        files.collect()
    }
}

/// The text with what it leaves open: `@schema@`, `@plans@`, `@postgres@`, `@version@`.
fn filled(template: &str, layout: Layout<'_>) -> String {
    template
        .replace("@schema@", layout.schema.as_str())
        .replace("@plans@", layout.plans.as_str())
        .replace("@postgres@", &layout.postgres.to_string())
        .replace("@version@", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    fn text(companion: Companion, path: &str) -> String {
        let layout = Layout {
            schema: "db/schema".into(),
            plans: "db/plans".into(),
            postgres: 16,
        };
        let mut files = companion.files(layout).into_iter();
        files.find(|file| file.path == path).unwrap().text
    }

    #[test]
    fn nothing_is_left_open() {
        for companion in Companion::value_variants() {
            let layout = Layout {
                schema: "db/schema".into(),
                plans: "db/plans".into(),
                postgres: 16,
            };
            for file in companion.files(layout) {
                for hole in ["@schema@", "@plans@", "@postgres@", "@version@"] {
                    assert!(!file.text.contains(hole), "{} has {hole}", file.path);
                }
            }
        }
        let dockerfile = text(Companion::Docker, "Dockerfile");
        assert!(dockerfile.contains("COPY db/plans ./db/plans\n"));
        assert!(
            text(Companion::Github, ".github/workflows/schema.yml").contains("\"db/schema/**\"")
        );
    }

    /// A tab in YAML, or a space before a recipe in a Makefile, is an error that no one sees.
    #[test]
    fn white_space() {
        for (companion, path) in [
            (Companion::Github, ".github/workflows/schema.yml"),
            (Companion::Gitlab, ".gitlab-ci.yml"),
            (Companion::K8s, "k8s/forge-apply.yaml"),
            (Companion::K8s, "k8s/forge-drift.yaml"),
        ] {
            assert!(!text(companion, path).contains('\t'), "{path}");
        }
        let makefile = text(Companion::Make, "Makefile");
        assert!(makefile.lines().all(|line| !line.starts_with(' ')));
    }

    #[test]
    fn jobs_have_what_a_cluster_needs() {
        for path in ["k8s/forge-apply.yaml", "k8s/forge-drift.yaml"] {
            let text = text(Companion::K8s, path);
            for field in [
                "backoffLimit: ",
                "activeDeadlineSeconds: ",
                "terminationGracePeriodSeconds: ",
                "restartPolicy: Never",
                "secretKeyRef:",
                "resources:",
                "runAsNonRoot: true",
                "readOnlyRootFilesystem: true",
            ] {
                assert!(text.contains(field), "{path} has no {field}");
            }
        }
    }
}
