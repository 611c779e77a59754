//! What the tests of the program share.

use std::{
    env,
    ffi::OsStr,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// A place of its own for each test: an empty home, a project's folder, nothing of the environment that runs the tests.
pub struct TestEnvironment {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
    redactions: Vec<(String, String)>,
}

impl Default for TestEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEnvironment {
    /// An empty project folder.
    pub fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("forge-test-")
            .tempdir()
            .expect("the temporary folder can be written");
        let path = root.path().canonicalize().expect("the folder exists");
        let mut environment = Self {
            root,
            variables: Vec::new(),
            redactions: vec![
                (path.display().to_string(), "[TEST]".to_owned()),
                (env!("CARGO_PKG_VERSION").to_owned(), "[VERSION]".to_owned()),
            ],
        };
        for folder in ["home", "project"] {
            fs_err::create_dir(path.join(folder)).expect("the folder is empty");
        }
        environment.variables = [
            ("HOME", path.join("home").display().to_string()),
            ("TMPDIR", path.display().to_string()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            ("COLUMNS", "100".to_owned()),
            ("TZ", "UTC".to_owned()),
            ("LC_ALL", "C.UTF-8".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        environment
    }

    /// Sets an environment variable of the commands that follow.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file of the project.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.project().join(path);
        let folder = path.parent().expect("a file is in a folder");
        fs_err::create_dir_all(folder).expect("the project can be written");
        fs_err::write(path, text).expect("the project can be written");
        self
    }

    /// The project's folder.
    pub fn project(&self) -> PathBuf {
        self.root().join("project")
    }

    fn root(&self) -> &Path {
        self.root.path()
    }

    /// forge in the project's folder, ready to be started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program(forge());
        command.args(args);
        command
    }

    /// Another program in the project's folder, ready to be started.
    pub fn program(&self, name: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(name);
        command
            .current_dir(self.project())
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs forge and tells all that can be seen of it: exit code, stdout, stderr.
    pub fn run(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("forge starts");
        self.transcript(args, &output)
    }

    fn transcript(&self, args: &[&str], output: &Output) -> String {
        let mut text = format!("$ forge {}\n", args.join(" "));
        for (name, stream) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !stream.is_empty() {
                let stream = String::from_utf8_lossy(stream);
                write!(text, "[{name}]\n{stream}").expect("writing to a String can't fail");
            }
        }
        let end = match output.status.code() {
            Some(code) => format!("exit {code}"),
            None => output.status.to_string(),
        };
        writeln!(text, "[{end}]").expect("writing to a String can't fail");
        self.redacted(&text)
    }

    fn redacted(&self, text: &str) -> String {
        self.redactions
            .iter()
            .fold(text.to_owned(), |text, (value, name)| {
                text.replace(value, name)
            })
    }
}

/// The program that was built with the tests: the folder of the test's own program lies beside it.
fn forge() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own file");
    let deps = test.parent().expect("it lies in a folder");
    deps.with_file_name("forge")
}
