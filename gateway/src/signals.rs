//! The gateway as a program of its own: a runtime, and what signals do.

use std::net::SocketAddr;
use std::path::Path;

use tokio::runtime::Runtime;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Fault;
use crate::demo;
use crate::gateway::Gateway;

/// Serves what a file says until SIGTERM or Ctrl-C; a second one ends the program at once. SIGHUP reads the file again.
/// `listening` is told the address.
///
/// # Errors
/// All that is wrong with the configuration, or an address that is taken.
pub fn serve(path: &Path, listening: impl FnOnce(SocketAddr)) -> Result<(), Fault> {
    runtime(path)?.block_on(async {
        let gateway = Gateway::open(path, None).await?;
        run(gateway, path, listening).await
    })
}

/// Serves the compiled-in router with two models that echo, without a file, a key or a network.
///
/// # Errors
/// An address that is taken.
pub fn serve_demo(listen: SocketAddr, listening: impl FnOnce(SocketAddr)) -> Result<(), Fault> {
    let path = Path::new("demo");
    runtime(path)?.block_on(async {
        let gateway = demo::open(listen).await?;
        run(gateway, path, listening).await
    })
}

fn runtime(path: &Path) -> Result<Runtime, Fault> {
    Runtime::new().map_err(|error| Fault::new(path, vec![format!("no threads: {error}")]))
}

async fn run(gateway: Gateway, path: &Path, listening: impl FnOnce(SocketAddr)) -> Result<(), Fault> {
    let fault = |error: std::io::Error| Fault::new(path, vec![format!("no signals: {error}")]);
    let stop = stop().map_err(fault)?;
    reload_on_hangup(&gateway).map_err(fault)?;
    listening(gateway.address());
    gateway.run(stop).await;
    Ok(())
}

#[cfg(unix)]
fn reload_on_hangup(gateway: &Gateway) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let reloader = gateway.reloader();
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            reloader.reload().await;
        }
    });
    Ok(())
}

/// Done at the first signal; the second ends the program.
#[cfg(unix)]
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // How a shell sees a program that Ctrl-C has ended.
            std::process::exit(130);
        });
    })
}

#[cfg(not(unix))]
fn reload_on_hangup(_: &Gateway) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without it the program ends by what the system does.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
