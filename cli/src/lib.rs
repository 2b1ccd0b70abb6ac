//! The command `routellm`, as a function: it trains and evaluates routers, looks into data and routes prompts.
//!
//! What it does is the core's; here arguments become options, and results tables or JSON. Results go to the standard
//! output, everything else to the standard error. Exit status: 0; 1 for a failure; 2 for wrong usage; 130 if it was
//! interrupted.

mod calibrate;
mod data;
mod doctor;
mod embed;
mod eval;
mod gold;
mod info;
mod inspect;
mod interrupt;
mod judge;
mod language;
mod models;
mod named;
mod opening;
mod output;
mod paper;
mod progress;
mod prompts;
mod remote;
mod report;
mod route;
mod runtime;
mod serve;
mod train;
mod upgrade;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use routellm_core::{ErrorKind, Result};

use crate::output::Output;

/// Decides per prompt whether a strong or a weak model should answer, and trains what decides.
#[derive(Debug, Parser)]
#[command(name = "routellm", version, disable_help_subcommand = true)]
struct Arguments {
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Route(route::Route),
    Serve(serve::Serve),
    Info(info::Info),
    #[command(subcommand)]
    Models(models::Models),
    #[command(subcommand)]
    Train(train::Train),
    Calibrate(calibrate::Calibrate),
    Gold(gold::Gold),
    Judge(judge::Judge),
    Embed(embed::Embed),
    Eval(eval::Eval),
    #[command(subcommand)]
    Paper(paper::Paper),
    #[command(subcommand)]
    Data(data::Data),
    Doctor(doctor::Doctor),
    Upgrade(upgrade::Upgrade),
    Completions(Completions),
}

/// Print the completions of a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  routellm completions bash\n  routellm completions zsh")]
struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Runs the command with these arguments, the first of which is its name.
pub fn main(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version come this way, too; a closed pipe is nobody's fault.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    runtime::find();
    let mut output = Output::new(arguments.json);
    match run(arguments.command, &mut output).and_then(|()| output.finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output.is_closed() => {
            // Whoever reads has seen enough: `routellm info | head`.
            drop(error);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("routellm: {error}");
            ExitCode::from(if error.kind() == ErrorKind::Cancelled { 130 } else { 1 })
        }
    }
}

fn run(command: Command, output: &mut Output) -> Result<()> {
    match command {
        Command::Route(command) => command.run(output),
        Command::Serve(command) => command.run(output),
        Command::Info(command) => command.run(output),
        Command::Models(command) => command.run(output),
        Command::Train(command) => command.run(output),
        Command::Calibrate(command) => command.run(output),
        Command::Gold(command) => command.run(output),
        Command::Judge(command) => command.run(output),
        Command::Embed(command) => command.run(output),
        Command::Paper(command) => command.run(output),
        Command::Eval(command) => command.run(output),
        Command::Data(command) => command.run(output),
        Command::Doctor(command) => command.run(output),
        Command::Upgrade(command) => command.run(output),
        Command::Completions(Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "routellm", &mut script);
            output.text(&String::from_utf8_lossy(&script))
        }
    }
}
