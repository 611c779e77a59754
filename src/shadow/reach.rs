//! What the processes of a private server need of the machine.

use camino::{Utf8Path, Utf8PathBuf};

use crate::environment::Environment;

/// Files and folders that processes may use, folders with all that is below them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// To read.
    pub(super) read: Vec<Utf8PathBuf>,
    /// To read and to change.
    pub(super) write: Vec<Utf8PathBuf>,
    /// Programs to run.
    pub(super) run: Vec<Utf8PathBuf>,
    /// Devices to read and to write.
    pub(super) devices: Vec<Utf8PathBuf>,
}

/// Libraries, time zones, locales, dictionaries and other data of packages. No configuration but what libraries read, no
/// `/proc`, no `/etc` as a whole, nobody's home.
const SYSTEM: &[&str] = &[
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/local/share",
    "/usr/share",
    "/etc/crypto-policies",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/pki/tls/openssl.cnf",
    "/etc/ssl/openssl.cnf",
    // Debian's dictionaries for full text search are links to there.
    "/var/cache/postgresql/dicts",
    "/dev/random",
    "/dev/urandom",
];

/// `initdb` looks up the name of its user.
const USERS: &[&str] = &[
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/var/lib/sss",
];

/// `initdb` runs the server by the shell, and the server asks `locale` for the collations of the system.
const OF_INITDB: &[&str] = &["/bin/sh", "/usr/bin/locale"];

const DEVICES: &[&str] = &["/dev/null", "/dev/zero"];

impl Reach {
    /// What it takes to run this program of PostgreSQL's and nothing else.
    pub(super) fn of_program(program: &Utf8Path, environment: &Environment) -> Self {
        let mut reach = Self {
            read: paths(SYSTEM),
            devices: paths(DEVICES),
            ..Self::default()
        };
        let libraries = environment.get("LD_LIBRARY_PATH").unwrap_or_default();
        let absolute = libraries.split(':').filter(|path| path.starts_with('/'));
        reach.read.extend(absolute.map(Utf8PathBuf::from));
        if let Some(bin) = program.parent() {
            reach.read.extend(beside(bin));
        }
        reach.allow_to_run(program);
        reach
    }

    /// What the server `postgres` needs that keeps its cluster in `data` and its socket in `socket`.
    pub(super) fn of_server(
        postgres: &Utf8Path,
        data: &Utf8Path,
        socket: &Utf8Path,
        environment: &Environment,
    ) -> Self {
        let mut reach = Self::of_program(postgres, environment);
        reach.write = vec![data.to_owned(), socket.to_owned()];
        reach
    }

    /// What `initdb` needs to make a cluster in a new folder below `parent`.
    pub(super) fn of_initdb(
        postgres: &Utf8Path,
        initdb: &Utf8Path,
        parent: &Utf8Path,
        environment: &Environment,
    ) -> Self {
        let mut reach = Self::of_program(postgres, environment);
        reach.allow_to_run(initdb);
        for program in OF_INITDB {
            reach.allow_to_run(Utf8Path::new(program));
        }
        reach.read.extend(paths(USERS));
        reach.write = vec![parent.to_owned()];
        reach
    }

    fn allow_to_run(&mut self, program: &Utf8Path) {
        self.run.push(program.to_owned());
        self.run.extend(interpreter(program));
    }
}

fn paths(paths: &[&str]) -> Vec<Utf8PathBuf> {
    paths.iter().map(Utf8PathBuf::from).collect()
}

/// The folders of an installation that keeps its libraries and data beside its programs.
fn beside(bin: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut folders: Vec<Utf8PathBuf> = bin
        .parent()
        .map(|prefix| ["lib", "lib64", "share"].map(|name| prefix.join(name)))
        .into_iter()
        .flatten()
        .collect();
    folders.push(bin.to_owned());
    // These package managers give every package a folder of its own and link the folders by their full paths.
    for (part, store) in [("/nix/store/", "/nix/store"), ("/gnu/store/", "/gnu/store")] {
        if bin.as_str().starts_with(part) {
            folders.push(store.into());
        }
    }
    if let Some((prefix, _)) = bin.as_str().split_once("/Cellar/") {
        folders.push(format!("{prefix}/Cellar").into());
        folders.extend(["lib", "opt", "share"].map(|name| Utf8Path::new(prefix).join(name)));
    }
    folders
}

/// The loader that the kernel runs in a program's place: PT_INTERP of an ELF file (elf(5)).
fn interpreter(program: &Utf8Path) -> Option<Utf8PathBuf> {
    use std::io::Read as _;

    // The headers stand at the beginning, and the name of the loader next to them.
    let mut start = Vec::new();
    let file = fs_err::File::open(program).ok()?;
    file.take(1 << 16).read_to_end(&mut start).ok()?;
    interpreter_of(&start)
}

fn interpreter_of(file: &[u8]) -> Option<Utf8PathBuf> {
    const INTERPRETER: u64 = 3;
    const WIDE: u8 = 2;
    const LITTLE_ENDIAN: u8 = 1;
    if !file.starts_with(b"\x7fELF") || *file.get(5)? != LITTLE_ENDIAN {
        return None;
    }
    let number = |at: usize, length: usize| -> Option<u64> {
        let bytes = file.get(at..at.checked_add(length)?)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    };
    let place = |at, length| usize::try_from(number(at, length)?).ok();
    // Where the file says it: the headers' offset, size and number, and a header's offset and size of what it is about.
    let (word, offset, size, count, of_file, of_size) = if *file.get(4)? == WIDE {
        (8, 32, 54, 56, 8, 32)
    } else {
        (4, 28, 42, 44, 4, 16)
    };
    let (first, size) = (place(offset, word)?, place(size, 2)?);
    let header = (0..place(count, 2)?)
        .map(|index| first.saturating_add(index.saturating_mul(size)))
        .find(|&at| number(at, 4) == Some(INTERPRETER))?;
    let from = place(header.checked_add(of_file)?, word)?;
    let length = place(header.checked_add(of_size)?, word)?;
    let name = file.get(from..from.checked_add(length)?)?;
    let name = name.strip_suffix(b"\0").unwrap_or(name);
    std::str::from_utf8(name).ok().map(Utf8PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_an_installation() {
        fn check(bin: &str, expected: &[&str]) {
            assert_eq!(beside(bin.into()), expected);
        }
        check(
            "/usr/pgsql-15/bin",
            &[
                "/usr/pgsql-15/lib",
                "/usr/pgsql-15/lib64",
                "/usr/pgsql-15/share",
                "/usr/pgsql-15/bin",
            ],
        );
        let home = "/home/linuxbrew/.linuxbrew";
        let folders = beside(&Utf8Path::new(home).join("Cellar/postgresql@15/15.1/bin"));
        assert!(folders.contains(&Utf8Path::new(home).join("lib")));
        assert!(!folders.contains(&Utf8PathBuf::from(home)));
        assert!(beside("/nix/store/x-postgresql/bin".into()).contains(&"/nix/store".into()));
    }

    #[test]
    fn loaders() {
        assert_eq!(interpreter_of(b"#!/bin/sh\n"), None);
        assert_eq!(interpreter_of(b"\x7fELF"), None);
        let program = std::env::current_exe().unwrap();
        let found = interpreter(Utf8Path::from_path(&program).unwrap());
        if cfg!(all(target_os = "linux", target_env = "gnu")) {
            let loader = found.expect("the tests are linked dynamically");
            assert!(loader.as_str().contains("/ld-linux"), "{loader}");
        }
        // A file that is cut off anywhere, or damaged, is no reason to panic.
        let mut file = fs_err::read(&program).unwrap();
        for at in 0..2_000 {
            interpreter_of(&file[..at]);
            file[at] ^= 0xff;
            interpreter_of(&file);
            file[at] ^= 0xff;
        }
    }
}
