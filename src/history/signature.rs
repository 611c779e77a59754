//! SSH signatures of approved plans, as git makes them: `ssh-keygen -Y sign -n forge` signs a plan's hash.
//!
//! The hash covers the plan, its approval and its way back, so that one signature covers all of that.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use camino::Utf8Path;

use super::Filed;
use crate::{
    diagnostic::{Code, Diagnostic, Result},
    environment::Environment,
    plan::file::Approval,
};

/// The signatures are made for this use; one for another, such as a commit's, doesn't count.
const NAMESPACE: &str = "forge";

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
const END: &str = "-----END SSH SIGNATURE-----";

/// The people whose signatures count.
#[derive(Debug, Clone, Copy)]
pub struct Signers<'a> {
    /// A file in the format of ssh-keygen's ALLOWED SIGNERS.
    pub file: &'a Utf8Path,
    /// The variables that ssh-keygen gets.
    pub environment: &'a Environment,
}

impl Signers<'_> {
    /// Who has signed the plan, as the file of signers names them.
    ///
    /// # Errors
    /// [`Code::Signature`] if nobody has, if the signature isn't valid, or if it is the author's own.
    pub fn signer(self, filed: &Filed) -> Result<String> {
        let path = &filed.path;
        let refused = |why: String| {
            Diagnostic::error(Code::Signature, why)
                .note(format!("the signers are listed in `{}`", self.file))
                .help(format!(
                    "let one of them review it and run `forge approve --sign {}`",
                    filed.revision()
                ))
        };
        let approval = filed.plan.header.approval.as_ref();
        let signed = approval.and_then(|approval| Some((approval, approval.signature.as_deref()?)));
        let Some((approval, signature)) = signed else {
            return Err(refused(format!("`{path}` is not signed")));
        };
        if !self.file.is_file() {
            return Err(Diagnostic::error(
                Code::Configuration,
                format!("there is no file `{}` with the signers", self.file),
            )
            .help(
                "`signers` in `[policy]` of forge.toml, or the variable FORGE_SIGNERS, names it",
            ));
        }
        let armored = armored(signature)?;
        let check = Check {
            signers: self,
            armored: &armored,
            approval,
        };
        let author = &filed.plan.header.author;
        let own = || {
            refused(format!("`{path}` is signed by its author, {author}"))
                .note("an author cannot approve alone")
        };
        let Some(address) = email(author) else {
            return Err(refused(format!(
                "the line `forge:author` of `{path}` has no e-mail address"
            ))
            .note("whether somebody else has signed it can't be told"));
        };
        if check.is_of(address)? {
            return Err(own());
        }
        for principal in check.principals()? {
            if principal.eq_ignore_ascii_case(address) {
                return Err(own());
            }
            if check.is_of(&principal)? {
                return Ok(principal);
            }
        }
        Err(refused(format!("the signature of `{path}` is not valid"))
            .note("it is of another text, or of nobody in the list"))
    }
}

/// A signature that is being checked.
struct Check<'a> {
    signers: Signers<'a>,
    armored: &'a tempfile::NamedTempFile,
    approval: &'a Approval,
}

impl Check<'_> {
    /// The names in the list under which the key stands that made the signature.
    fn principals(&self) -> Result<Vec<String>> {
        let found = self.ssh_keygen(&["-Y", "find-principals"])?;
        let text = String::from_utf8_lossy(&found.stdout).into_owned();
        let names = text
            .split(['\n', ','])
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty());
        Ok(if found.status.success() {
            names.collect()
        } else {
            Vec::new()
        })
    }

    /// Whether it is a valid signature of the person of this name, when they gave it.
    fn is_of(&self, principal: &str) -> Result<bool> {
        let verify = ["-Y", "verify", "-n", NAMESPACE, "-I", principal];
        Ok(self.ssh_keygen(&verify)?.status.success())
    }

    fn ssh_keygen(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new("ssh-keygen");
        command
            .args(arguments)
            .arg("-f")
            .arg(self.signers.file)
            .arg("-s")
            .arg(self.armored.path())
            .arg(format!("-Overify-time={}", compact(&self.approval.at)));
        run(
            command,
            self.signers.environment,
            &signed_text(self.approval),
        )
    }
}

/// Signs an approved plan. `key` is a file with a private key, with a public one whose private half an agent holds, or
/// such a public key itself, as git's `user.signingkey`.
///
/// # Errors
/// [`Code::Signature`] with ssh-keygen's own words.
pub fn sign(approval: &Approval, key: &str, environment: &Environment) -> Result<String> {
    let literal = key.strip_prefix("key::").or_else(|| {
        let is_key = ["ssh-", "ecdsa-", "sk-"]
            .iter()
            .any(|kind| key.starts_with(kind));
        is_key.then_some(key)
    });
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", NAMESPACE]);
    let public = literal.map(|literal| temporary(&format!("{literal}\n")));
    let public = public.transpose()?;
    match &public {
        Some(public) => command.arg("-U").arg("-f").arg(public.path()),
        None => command.arg("-f").arg(key),
    };
    signed_by(command, approval, key, environment)
}

fn signed_by(
    command: Command,
    approval: &Approval,
    key: &str,
    environment: &Environment,
) -> Result<String> {
    let output = run(command, environment, &signed_text(approval))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().map(str::trim);
    let body: String = lines
        .skip_while(|line| *line != BEGIN)
        .skip(1)
        .take_while(|line| *line != END)
        .collect();
    if output.status.success() && !body.is_empty() {
        return Ok(body);
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(
        Diagnostic::error(Code::Signature, format!("`{key}` cannot sign"))
            .note(why)
            .help("name the file of an SSH key with `--signing-key`, FORGE_SIGNING_KEY, or git's `user.signingkey`"),
    )
}

/// What is signed: the plan's hash, as a line.
fn signed_text(approval: &Approval) -> String {
    format!("{}\n", approval.sha256)
}

/// A signature as ssh-keygen reads it, in a file.
fn armored(signature: &str) -> Result<tempfile::NamedTempFile> {
    let mut text = format!("{BEGIN}\n");
    for line in signature.as_bytes().chunks(70) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    temporary(&format!("{text}{END}\n"))
}

fn temporary(text: &str) -> Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    Ok(file)
}

/// Runs ssh-keygen, with this text as its input.
fn run(mut command: Command, environment: &Environment, input: &str) -> Result<Output> {
    let mut child = command
        .env_clear()
        .envs(environment.iter())
        // ssh-keygen takes times as local ones.
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            Diagnostic::error(Code::Signature, "`ssh-keygen` cannot be run")
                .note(error.to_string())
                .help("install OpenSSH's client, 8.2 or newer")
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // find-principals reads none of it, and may be gone already.
        drop(stdin.write_all(input.as_bytes()));
    }
    Ok(child.wait_with_output()?)
}

/// `2026-01-02T03:04:05Z` as ssh-keygen has it: `20260102030405`.
fn compact(time: &str) -> String {
    time.chars().filter(char::is_ascii_digit).collect()
}

/// The address in `Ann <ann@example.com>`, or `ann@example.com` itself.
fn email(person: &str) -> Option<&str> {
    let address = match person.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>')?,
        None => person,
    };
    let is_address =
        address.contains('@') && !address.contains(['<', '>', ' ', ',', '*', '?', '!']);
    is_address.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        fn check(person: &str, address: Option<&str>) {
            assert_eq!(email(person), address, "{person}");
        }
        check("Ann <ann@example.com>", Some("ann@example.com"));
        check("ann@host", Some("ann@host"));
        check("", None);
        check("ann", None);
        check("<ann@example.com", None);
        check("Ann <ann@example.com> and others", None);
        check("<*@example.com>", None);
    }
}
