//! The program: arguments in, exit code out.

use std::{path::PathBuf, process::ExitCode};

use forge::{cli, commands::STACK, settings};

fn main() -> ExitCode {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(exit)) => exit,
        // It panicked, and has said why.
        Ok(Err(_)) => ExitCode::from(101),
        // Where so much address space can't be had, the main thread's stack has to do.
        Err(_) => run(),
    }
}

fn run() -> ExitCode {
    // A working folder that has been deleted holds no project; the commands say so.
    let working_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let exit = cli::run(
        std::env::args_os(),
        &settings::process_environment(),
        working_dir,
    );
    ExitCode::from(exit as u8)
}
