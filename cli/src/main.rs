//! The command `routellm`.

fn main() -> std::process::ExitCode {
    routellm_cli::main(std::env::args_os())
}
