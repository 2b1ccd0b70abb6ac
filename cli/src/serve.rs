//! `routellm serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use routellm_core::{Error, ErrorKind, Result};
use serde_json::json;

use crate::output::Output;

/// Where the demo listens, unless it is told.
const DEMO: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 6060);

/// Send requests of OpenAI's and Anthropic's form to the model that a router picks, and serve a page to try it.
///
/// docs/gateway.md lists what can stand in the file. SIGHUP reads it again; SIGTERM finishes what was begun. `--demo` shows all
/// of it without a file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  routellm serve gateway.toml --check\n  routellm serve --demo --listen 127.0.0.1:0"
)]
pub(crate) struct Serve {
    /// The configuration, in TOML.
    #[arg(required_unless_present = "demo", conflicts_with = "demo")]
    file: Option<PathBuf>,
    /// Read the configuration, open its routers, find its keys, and end.
    #[arg(long, conflicts_with = "demo")]
    check: bool,
    /// Serve the compiled-in router in front of two models that echo: no file, no key, no network.
    #[arg(long)]
    demo: bool,
    /// Where the demo listens; 127.0.0.1:6060 by default.
    #[arg(long, value_name = "ADDRESS", requires = "demo")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub(crate) fn run(self, output: &mut Output) -> Result<()> {
        if self.check {
            return self.report(output);
        }
        let mut told = Ok(());
        let listening = |address: SocketAddr| {
            told = if output.is_json() {
                output.json_line(&json!({"address": format!("http://{address}")}))
            } else {
                output.line(&format!("listening at http://{address}; Ctrl-C ends it"))
            }
            .and_then(|()| output.finish());
        };
        let served = match &self.file {
            Some(file) => routellm_gateway::serve(file, listening),
            None => routellm_gateway::serve_demo(self.listen.unwrap_or(DEMO), listening),
        };
        served.map_err(fault)?;
        told
    }

    fn report(&self, output: &mut Output) -> Result<()> {
        let file = self.file.clone().unwrap_or_default();
        let report = routellm_gateway::check(&file).map_err(fault)?;
        let parts = [
            ("upstreams", report.upstreams),
            ("models", report.models),
            ("routers", report.routers),
            ("keys", report.keys),
        ];
        if output.is_json() {
            return output.json_line(&json!({"upstreams": parts[0].1, "models": parts[1].1, "routers": parts[2].1, "keys": parts[3].1}));
        }
        let facts: Vec<(&str, String)> = parts.iter().map(|(name, list)| (*name, list.join(", "))).collect();
        output.facts(&facts)
    }
}

fn fault(fault: routellm_gateway::Fault) -> Error {
    Error::new(ErrorKind::InvalidArgument, fault.to_string()).with_source(fault)
}
