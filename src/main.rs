//! The program: arguments in, exit code out.

use std::{path::PathBuf, process::ExitCode};

use forge::{cli, settings};

fn main() -> ExitCode {
    // A working folder that has been deleted holds no project; the commands say so.
    let working_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let exit = cli::run(
        std::env::args_os(),
        &settings::process_environment(),
        working_dir,
    );
    ExitCode::from(exit as u8)
}
