//! `forge doctor`: what forge works with, and what is wrong with it.

use super::{Context, Format, checks, env};
use crate::{
    commands::{
        Project,
        checks::Report,
        target::{OpenTarget, shadow_settings},
    },
    connection::pooling::Pooling,
    diagnostic::{Code, Diagnostic, Exit, Result},
    health::{self, Line, facts::Server},
    settings::Settings,
    shadow,
};

/// Show what forge works with and what is wrong with it, without passwords
///
/// Tries the connection and the shadow server, and lists what unfinished work has left in the database. The output can be
/// shown to others. Exits as the first of these that fails would.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Choose the output's format
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// The major version of the shadow server that is tried where no target says which.
const MAJOR: u32 = 17;

pub(super) async fn run(args: &Args, context: &Context<'_>) -> Result<Exit> {
    let mut exit = Exit::Done;
    let mut lines = vec![Line::good(
        "forge",
        format!(
            "{} on {} {}",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
    )];
    match context.project() {
        Ok(own) => {
            lines.push(project(&own.settings));
            lines.push(Line {
                evidence: env::sentences(&own.settings),
                ..Line::good("settings", "")
            });
            connection(&own, &mut lines, &mut exit).await;
        }
        Err(error) => note(&mut lines, &mut exit, "settings", &error),
    }
    checks::print(context, &Report::of(lines), args.format);
    Ok(exit)
}

fn note(lines: &mut Vec<Line>, exit: &mut Exit, name: &'static str, error: &Diagnostic) {
    lines.push(Line::failed(name, error));
    if *exit == Exit::Done {
        *exit = error.code().exit();
    }
}

fn project(settings: &Settings) -> Line {
    match settings.project() {
        Ok(project) => Line::good("project", project.root.as_str()),
        Err(error) => Line::unknown("project", vec![error.message().to_owned()]),
    }
}

/// Tries to connect, looks at the server, and tries to have a shadow server beside it.
async fn connection(project: &Project<'_>, lines: &mut Vec<Line>, exit: &mut Exit) {
    let target = match OpenTarget::open_to_read(project, "doctor").await {
        Ok(target) => target,
        Err(error) => {
            note(lines, exit, "connection", &error);
            lines.push(shadow(project, None, exit).await);
            return;
        }
    };
    lines.push(Line::good("connection", target.url.clone()));
    match health::facts::server(&target.session).await {
        Ok(server) => lines.extend(of_server(&server, target.session.pooling())),
        Err(error) => note(lines, exit, "server", &error),
    }
    match health::facts::leftovers(&target.session).await {
        Ok(found) => lines.push(leftovers(&found)),
        Err(error) => note(lines, exit, "leftovers", &error),
    }
    lines.push(shadow(project, Some(&target), exit).await);
    target.close().await;
}

fn of_server(server: &Server, pooling: Pooling) -> Vec<Line> {
    let role = if server.login == server.role {
        format!("`{}`", server.role)
    } else {
        format!("`{}`, logged in as `{}`", server.role, server.login)
    };
    let superuser = if server.superuser {
        ", a superuser"
    } else {
        ""
    };
    let mut lines = vec![
        Line::good(
            "server",
            format!("PostgreSQL {}, database of {}", server.version, server.size),
        ),
        Line::good("role", format!("{role}{superuser}")),
        match &server.tls {
            Some(with) => Line::good("tls", with.clone()),
            None => Line::good("tls", "none"),
        },
    ];
    lines.push(if server.standby {
        Line::bad(
            "standby",
            vec!["it is one: nothing can be changed here".to_owned()],
        )
    } else {
        Line::good("standby", "no")
    });
    lines.push(if pooling.is_shared() {
        Line::bad(
            "pooler",
            vec![format!("{}; only what reads works here", pooling.words())],
        )
    } else {
        Line::good("pooler", pooling.words())
    });
    if let Some(set) = &server.settings {
        // forge sets what matters to it in each session; these hold for everybody else.
        lines.push(Line::good("set for role", set.clone()));
    }
    if server.event_triggers > 0 {
        let count = server.event_triggers;
        lines.push(Line::good(
            "event triggers",
            format!("{count}, which see what forge does"),
        ));
    }
    lines
}

fn leftovers(found: &[health::facts::Leftover]) -> Line {
    if found.is_empty() {
        return Line::good("leftovers", "none");
    }
    let named = found
        .iter()
        .map(|leftover| format!("{}: {}", leftover.what, leftover.name));
    Line::bad("leftovers", named.collect())
}

/// Tries to have a shadow server of the target's version.
async fn shadow(project: &Project<'_>, target: Option<&OpenTarget<'_>>, exit: &mut Exit) -> Line {
    let progress = project.listener.progress("starting a shadow server");
    let tried = async {
        let wanted = shadow_settings(project)?;
        let major = target.map_or(MAJOR, |target| target.session.major());
        let options = target.map(|target| &target.options);
        let shadow = shadow::start(&wanted, major, options).await?;
        let description = shadow.description().to_owned();
        let account = shadow.account().map(|account| format!("runs as {account}"));
        let mut more: Vec<String> = account.into_iter().chain(shadow.confinement()).collect();
        let warnings = shadow.warnings().iter();
        more.extend(warnings.map(|warning| warning.message().to_owned()));
        shadow.close().await?;
        Ok::<_, Diagnostic>((description, more))
    };
    let tried = tried.await;
    drop(progress);
    match tried {
        Ok((description, more)) => {
            let mut evidence = vec![description];
            evidence.extend(more);
            Line {
                evidence,
                ..Line::good("shadow", "")
            }
        }
        Err(error) if error.code() == Code::NoShadow && project.settings.shadow.offline.value => {
            Line::unknown("shadow", vec![error.message().to_owned()])
        }
        Err(error) => {
            if *exit == Exit::Done {
                *exit = error.code().exit();
            }
            Line::failed("shadow", &error)
        }
    }
}
