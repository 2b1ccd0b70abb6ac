//! A server of models that misbehaves, and the command that asks it.
#![allow(dead_code, reason = "each program of tests uses a part of it")]

pub(crate) mod batches;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use self::batches::Batches;

/// What the server has seen: of each body, how often it came, and how often it was answered in full.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) came: BTreeMap<String, usize>,
    pub(crate) answered: BTreeMap<String, usize>,
    /// USD per token, in and out, of models that do not cost what the tests say.
    pub(crate) prices: BTreeMap<String, (f64, f64)>,
    /// USD that it has billed.
    pub(crate) billed: f64,
    pub(crate) now: usize,
    pub(crate) most_at_once: usize,
    pub(crate) keys: Vec<Option<String>>,
}

/// How a server treats the n-th time that it sees a body.
pub(crate) type Manner = dyn Fn(&Value, usize) -> Deed + Send + Sync;

pub(crate) enum Deed {
    /// It answers with this text.
    Say(String),
    /// As that, after some milliseconds.
    Slow(u64, String),
    /// A status, with headers, and a body.
    Status(u16, &'static str, String),
    /// It bills the request, and the body is cut off; its length says so.
    Half,
    /// It bills the request, and the body is whole and no JSON.
    Broken,
    /// It bills the request, and closes the connection.
    Reset,
    /// It answers, and says that it is another model.
    Other,
    /// A refusal.
    Refuse,
}

pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) seen: Arc<Mutex<Seen>>,
    pub(crate) batches: Arc<Batches>,
}

/// USD per token, in and out, that the tests say.
const PRICE: (f64, f64) = (2.0e-6, 8.0e-6);

impl Server {
    pub(crate) fn start(manner: impl Fn(&Value, usize) -> Deed + Send + Sync + 'static) -> Self {
        Self::with_batches(manner, Batches::honest())
    }

    /// One that takes batches in this manner.
    pub(crate) fn with_batches(
        manner: impl Fn(&Value, usize) -> Deed + Send + Sync + 'static,
        batches: Batches,
    ) -> Self {
        let batches = Arc::new(batches);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (kept, manner, taken) = (seen.clone(), Arc::new(manner), batches.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, manner, batches) = (kept.clone(), manner.clone(), taken.clone());
                thread::spawn(move || {
                    // A client that is killed is no concern of the server's.
                    let _ = serve(stream, &seen, &*manner, &batches);
                });
            }
        });
        Self { address, seen, batches }
    }

    /// Sets the price of a model in USD per million tokens.
    pub(crate) fn price(&self, model: &str, input: f64, output: f64) {
        self.seen.lock().unwrap().prices.insert(model.to_owned(), (input * 1e-6, output * 1e-6));
    }

    /// Nobody listens there.
    pub(crate) fn dead() -> Self {
        let address = "http://127.0.0.1:9/v1".to_owned();
        Self { address, seen: Arc::default(), batches: Arc::new(Batches::honest()) }
    }

    pub(crate) fn billed(&self) -> f64 {
        self.seen.lock().unwrap().billed
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Seen>,
    manner: &Manner,
    batches: &Batches,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut key, mut first, mut line) = (0, None, String::new(), String::new());
    reader.read_line(&mut first)?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim();
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => key = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    let text = String::from_utf8(bytes).unwrap();
    let target = first.rsplit_once(' ').map_or("", |(target, _)| target);
    let (deed, status, headers, sent) = if target == "POST /v1/chat/completions" {
        let body: Value = serde_json::from_str(&text).unwrap();
        let nth = {
            let mut seen = seen.lock().unwrap();
            seen.keys.push(key.clone());
            seen.now += 1;
            seen.most_at_once = seen.most_at_once.max(seen.now);
            let came = seen.came.entry(text.clone()).or_default();
            *came += 1;
            *came
        };
        let deed = manner(&body, nth);
        if let Deed::Slow(wait, _) = &deed {
            thread::sleep(Duration::from_millis(*wait));
        }
        let mut seen = seen.lock().unwrap();
        let (status, headers, sent, usd) = answer(&deed, &body, key.as_deref(), seen.price(&body));
        seen.now -= 1;
        seen.note(&deed, text, usd);
        (deed, status, headers, sent)
    } else {
        let (deed, status, sent) = batches.handle(target, &text, seen, manner);
        (deed, status, "", sent)
    };
    let head = |length: usize| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
        )
    };
    match deed {
        Deed::Reset => Ok(()),
        Deed::Half => write!(stream, "{}{}", head(sent.len()), &sent[..sent.len() / 2]),
        Deed::Broken => write!(stream, "{}{}", head(sent.len() / 2), &sent[..sent.len() / 2]),
        _ => write!(stream, "{}{sent}", head(sent.len())),
    }
}

impl Seen {
    /// What a request costs, USD per token in and out.
    fn price(&self, body: &Value) -> (f64, f64) {
        self.prices.get(body["model"].as_str().unwrap()).copied().unwrap_or(PRICE)
    }

    /// Notes what became of a request, and its bill.
    fn note(&mut self, deed: &Deed, body: String, usd: f64) {
        self.billed += usd;
        if matches!(deed, Deed::Say(_) | Deed::Slow(..) | Deed::Refuse) {
            *self.answered.entry(body).or_default() += 1;
        }
    }
}

/// The answer of a deed: status, headers, body, and what it costs.
fn answer(
    deed: &Deed,
    body: &Value,
    key: Option<&str>,
    price: (f64, f64),
) -> (u16, &'static str, String, f64) {
    let words = |text: &str| text.split_whitespace().count();
    let prompt: usize = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| words(message["content"].as_str().unwrap()))
        .sum();
    let reply = |text: Value, refusal: Value, model: &Value| {
        let output = text.as_str().map_or(3, words);
        let usage = json!({"prompt_tokens": prompt, "completion_tokens": output});
        let usd = prompt as f64 * price.0 + output as f64 * price.1;
        let body = json!({"id": "x", "model": model, "usage": usage, "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text, "refusal": refusal}}]});
        (200, "", body.to_string(), usd)
    };
    match deed {
        Deed::Say(text) | Deed::Slow(_, text) => reply(json!(text), Value::Null, &body["model"]),
        Deed::Status(status, headers, text) => {
            (*status, headers, text.replace("$KEY", key.unwrap_or("")), 0.0)
        }
        Deed::Other => reply(json!("[[A]]"), Value::Null, &json!("somebody-else")),
        Deed::Refuse => reply(Value::Null, json!("I cannot help with that."), &body["model"]),
        Deed::Half | Deed::Broken | Deed::Reset => reply(json!("[[A]]"), Value::Null, &body["model"]),
    }
}

pub(crate) fn lines(rows: impl Iterator<Item = Value>) -> String {
    rows.map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
}

pub(crate) fn command(folder: &Path, server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_routellm"));
    command.args(arguments).args(["--endpoint", &server.address]).current_dir(folder).stdin(Stdio::null());
    // A proxy of the machine knows nothing of the server.
    for name in
        ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OPENAI_API_KEY"]
    {
        command.env_remove(name);
    }
    command
}

pub(crate) fn run(folder: &Path, server: &Server, arguments: &[&str]) -> Output {
    command(folder, server, arguments).output().unwrap()
}

/// The last line of JSON that a command printed.
pub(crate) fn last(done: &Output) -> Value {
    let text = String::from_utf8_lossy(&done.stdout);
    let line = text.lines().last().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&done.stderr)));
    serde_json::from_str(line).unwrap()
}

pub(crate) fn usd(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

pub(crate) fn kill(mut child: Child) {
    // SIGKILL on Unix.
    let _ = child.kill();
    let _ = child.wait();
}
