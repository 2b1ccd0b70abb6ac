//! An upstream that does what the first part of its path says.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The upstream.
#[derive(Clone)]
pub(crate) struct Fake {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    seen: Mutex<Vec<Seen>>,
    /// Each permit lets a gated stream send another event.
    gate: Semaphore,
    /// Streams whose reader went away.
    left: AtomicUsize,
    /// Requests to `flaky`.
    flaky: AtomicUsize,
}

/// The events of a stream, with oddities that must arrive as they are.
pub(crate) const EVENTS: [&str; 4] = [
    ": a comment\n\ndata: {\"chunk\": 0}\n\n",
    "event: x\r\ndata:  {\"chunk\": 1, \"unknown\":1e400}\r\n\r\n",
    "data: {\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50}}\n\n",
    "data: [DONE]\n\n",
];

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            seen: Mutex::default(),
            gate: Semaphore::new(0),
            left: AtomicUsize::new(0),
            flaky: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { address, state }
    }

    /// The address at which it behaves so.
    pub(crate) fn base(&self, behaviour: &str) -> String {
        format!("http://{}/{behaviour}/v1", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Lets gated streams send so many more events.
    pub(crate) fn release(&self, events: usize) {
        self.state.gate.add_permits(events);
    }

    pub(crate) fn left(&self) -> usize {
        self.state.left.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read(&mut stream).await {
        let behaviour = seen.path.split('/').nth(1).unwrap_or_default().to_owned();
        state.seen.lock().unwrap().push(seen.clone());
        if answer(stream.get_mut(), &behaviour, &seen, &state).await.is_none() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { path, headers, body: String::from_utf8(body).ok()? })
}

/// Answers; `None` ends the connection.
async fn answer(stream: &mut TcpStream, behaviour: &str, seen: &Seen, state: &State) -> Option<()> {
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap_or_default();
    let streams = body["stream"] == true;
    match behaviour {
        "ok" | "big" if streams => events(stream, None, state).await,
        "ok" => {
            let reply = json!({"id": "x", "model": body["model"], "choices": [],
                "usage": {"prompt_tokens": 100, "completion_tokens": 50}});
            whole(stream, 200, "", &reply.to_string()).await
        }
        "big" => whole(stream, 200, "", &json!({"bytes": seen.body.len()}).to_string()).await,
        "gated" => events(stream, Some(&state.gate), state).await,
        "flaky" if state.flaky.fetch_add(1, Ordering::SeqCst) % 2 == 1 => {
            whole(stream, 200, "", &json!({"model": body["model"]}).to_string()).await
        }
        "flaky" => whole(stream, 500, "", "{\"error\":{\"message\":\"flaky\"}}").await,
        "429" => whole(stream, 429, "retry-after: 3600\r\n", "{\"error\":{\"message\":\"slow down\"}}").await,
        "500" | "503" | "400" => {
            let status = behaviour.parse().ok()?;
            whole(stream, status, "", "{\"error\":{\"message\":\"trouble\"}}").await
        }
        "stall" => gone(stream, state).await,
        "stall-body" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.ok()?;
            gone(stream, state).await
        }
        "half" => {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(format!("{head}6\r\ndata: \r\n100\r\nhalf").as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            None
        }
        "then-stall" => {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            stream.write_all(format!("{head}6\r\ndata: \r\n").as_bytes()).await.ok()?;
            gone(stream, state).await
        }
        // What is no HTTP, and an end without a word.
        "garbage" => {
            stream.write_all(b"SSH-2.0-x\r\n\r\n").await.ok()?;
            None
        }
        _ => None,
    }
}

async fn whole(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}x-request-id: r\r\nset-cookie: a=b\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).await.ok()
}

/// Events; where there is a gate, the first comes at once and each other one when it is let through.
async fn events(stream: &mut TcpStream, gate: Option<&Semaphore>, state: &State) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    for (i, event) in EVENTS.iter().enumerate() {
        if let (Some(gate), true) = (gate, i > 0) {
            tokio::select! {
                permit = gate.acquire() => permit.unwrap().forget(),
                never = gone(stream, state) => return never,
            }
        }
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        stream.write_all(chunk.as_bytes()).await.ok()?;
    }
    stream.write_all(b"0\r\n\r\n").await.ok()
}

/// Waits until the other end goes away.
async fn gone(stream: &mut TcpStream, state: &State) -> Option<()> {
    let mut byte = [0];
    while !matches!(stream.read(&mut byte).await, Ok(0) | Err(_)) {}
    state.left.fetch_add(1, Ordering::SeqCst);
    None
}
