//! Listening: connections with limits, and an end that loses nothing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::closing;
use crate::guarded::Guarded;
use crate::handlers;
use crate::state::State;

/// How long accepting waits when the system has no more descriptors.
const NO_DESCRIPTORS: Duration = Duration::from_millis(50);

/// How often it is looked whether connections have ended.
const LOOK: Duration = Duration::from_millis(5);

/// A listener, and the places that it has for connections.
pub(crate) struct Server {
    listener: TcpListener,
    door: Door,
    places: Arc<Semaphore>,
    /// How many places there are in all.
    all: usize,
}

/// What serves connections.
struct Door {
    state: Arc<State>,
    app: axum::Router,
    http: http1::Builder,
    write_timeout: Duration,
    graceful: GracefulShutdown,
}

impl Server {
    /// Listens at the address of the configuration.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) async fn bind(state: Arc<State>) -> std::io::Result<Self> {
        let snapshot = state.now();
        let limits = &snapshot.config.limits;
        let listener = TcpListener::bind(snapshot.config.listen).await?;
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(limits.header_timeout_ms))
            .max_headers(limits.headers)
            .max_buf_size(limits.header_bytes);
        let door = Door {
            app: handlers::app(Arc::clone(&state)),
            state,
            http,
            write_timeout: Duration::from_millis(limits.write_timeout_ms),
            graceful: GracefulShutdown::new(),
        };
        let all = limits.connections;
        Ok(Self { listener, door, places: Arc::new(Semaphore::new(all)), all })
    }

    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Takes connections until `stop` is done, and then finishes what was begun.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let place = tokio::select! {
                place = Arc::clone(&self.places).acquire_owned() => place,
                () = &mut stop => break,
            };
            // The semaphore is never closed.
            let Ok(place) = place else { break };
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => self.door.serve(stream, place),
                    Err(error) => self.door.refused(&error).await,
                },
                () = &mut stop => break,
            }
        }
        self.finish().await;
    }

    /// Takes who is at the door, lets open connections send a last request, and waits for answers.
    async fn finish(self) {
        let Self { listener, door, places, all } = self;
        let state = Arc::clone(&door.state);
        let shutdown = state.now().config.shutdown;
        state.drain();
        state.logs.line(&serde_json::json!({"event": "stopping"}));
        closing::close(listener, |stream| {
            if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                door.serve(stream, place);
            }
        })
        .await;
        let until = Instant::now() + Duration::from_millis(shutdown.linger_ms);
        while Instant::now() < until && places.available_permits() < all {
            tokio::time::sleep(LOOK).await;
        }
        let grace = Duration::from_millis(shutdown.grace_ms);
        let finished = tokio::time::timeout(grace, door.graceful.shutdown()).await.is_ok();
        state.save();
        let unfinished = if finished { 0 } else { state.metrics.in_flight.get() };
        state.logs.line(&serde_json::json!({"event": "stopped", "unfinished": unfinished}));
        state.logs.flush();
    }
}

impl Door {
    fn serve(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // It matters for answers in small parts only; without it they are slower.
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&self.state);
        state.metrics.connections.add(1);
        let service = {
            let (app, state) = (self.app.clone(), Arc::clone(&state));
            service_fn(move |request| answer(app.clone(), Arc::clone(&state), request))
        };
        let io = TokioIo::new(Guarded::new(stream, self.write_timeout));
        let connection = self.graceful.watch(self.http.serve_connection(io, service));
        tokio::spawn(async move {
            // What a caller does to its own connection is told by the outcome of its request.
            let _ = connection.await;
            state.metrics.connections.sub(1);
            drop(place);
        });
    }

    async fn refused(&self, error: &std::io::Error) {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        // A caller that went away before it was taken is nobody's trouble.
        if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            self.state.logs.line(&serde_json::json!({"event": "accept_failed", "error": error.to_string()}));
            tokio::time::sleep(NO_DESCRIPTORS).await;
        }
    }
}

async fn answer(
    app: axum::Router,
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut response = TowerToHyperService::new(app).call(request).await?;
    if state.is_draining() {
        // Whoever keeps connections goes elsewhere with the next request.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
