//! Requests in batches: uploaded, asked after, and downloaded when they are done.
//!
//! What is uploaded is in the journal before, and so is the name of the batch: a run that is killed goes on with it, and one
//! that was killed just when the batch was made finds it by its name.

use std::thread;
use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::RequestBuilder;
use routellm_core::augment::{Batch, Job, Journal, Outgoing, Reply, Step, batch_file, batch_replies};
use routellm_core::files::sha256_hex;
use routellm_core::{CancelToken, Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::drive::ended;
use super::http::{Http, Response};
use crate::interrupt;
use crate::progress::Bar;

/// The first wait between two questions after a batch; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest one.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How often what costs nothing is tried again.
const TRIES: u32 = 6;

/// The most bytes of an uploaded file; endpoints take 200 MB.
const LONGEST_FILE: usize = 150 << 20;

/// How often a batch that has just been made is missed in the list before it counts as never made.
const LOOKS: u32 = 2;

/// Why something did not work.
enum Failure {
    /// The endpoint says so, or it does not answer.
    Remote(Reply),
    /// Ctrl-C.
    Cancelled,
}

impl Failure {
    fn why(&self) -> String {
        match self {
            Self::Remote(Reply::Http { status, body, .. }) => {
                let text: String =
                    body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
                format!("status {status}: {text}")
            }
            Self::Remote(Reply::NotSent(why) | Reply::Lost(why) | Reply::Left { why, .. }) => why.clone(),
            Self::Remote(_) => "no answer".to_owned(),
            Self::Cancelled => "interrupted".to_owned(),
        }
    }
}

/// What drives a job by batches.
struct Driver<'a> {
    job: &'a mut Job,
    journal: &'a mut Journal,
    http: &'a Http,
    token: CancelToken,
    began: Instant,
}

/// Sends every request until it has its outcome, or nothing more can be kept.
pub(super) fn drive(job: &mut Job, journal: &mut Journal, http: &Http) -> Result<()> {
    let token = interrupt::token();
    let mut driver = Driver { job, journal, http, token: token.clone(), began: Instant::now() };
    let bar = Bar::new("batches");
    let mut wait = FIRST_WAIT;
    loop {
        if token.is_cancelled() {
            return ended(None, true);
        }
        let (all, ready) = driver.job.requests().progress();
        bar.show(ready, all);
        let (sent, step) = driver.ready()?;
        if !sent.is_empty() {
            wait = FIRST_WAIT;
            driver.submit(sent)?;
            continue;
        }
        let open = driver.job.requests().open_batches();
        if open.is_empty() {
            match step {
                Step::Finished => return Ok(()),
                Step::Wait(Some(pause)) => driver.sleep(Duration::from_millis(pause)),
                _ => driver.sleep(FIRST_WAIT),
            }
            continue;
        }
        let mut news = false;
        for batch in open {
            news |= driver.ask_after(batch)?;
        }
        if news {
            wait = FIRST_WAIT;
        } else {
            driver.sleep(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

impl Driver<'_> {
    fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// Sleeps, but hears Ctrl-C.
    fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.token.is_cancelled() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
    }

    /// Everything that may be sent now, and what comes after it.
    fn ready(&mut self) -> Result<(Vec<Outgoing>, Step)> {
        let mut sent = Vec::new();
        loop {
            match self.job.next(self.now())? {
                Step::Send(out) => sent.push(out),
                step => return Ok((sent, step)),
            }
        }
    }

    fn keep(&mut self, lines: &str) -> Result<()> {
        self.journal.append(lines).or_else(|error| ended(Some(error), false))
    }

    fn receive(&mut self, replies: impl IntoIterator<Item = (u64, Reply)>) -> Result<()> {
        let now = self.now();
        let mut lines = String::new();
        for (attempt, reply) in replies {
            lines += &self.job.receive(attempt, &reply, now)?.journal.unwrap_or_default();
        }
        // One wait for the disk: what was downloaded can be downloaded again.
        self.keep(&lines)
    }

    /// Uploads requests and makes a batch of them, one for each endpoint.
    fn submit(&mut self, sent: Vec<Outgoing>) -> Result<()> {
        let mut parts: Vec<Vec<Outgoing>> = Vec::new();
        let mut bytes = 0;
        for out in sent {
            bytes += out.body.len() + 200;
            match parts.iter_mut().rev().find(|part| part[0].endpoint == out.endpoint) {
                Some(part) if bytes < LONGEST_FILE => part.push(out),
                _ => {
                    bytes = out.body.len() + 200;
                    parts.push(vec![out]);
                }
            }
        }
        parts.into_iter().try_for_each(|part| self.submit_part(&part))
    }

    fn submit_part(&mut self, part: &[Outgoing]) -> Result<()> {
        let lane = part[0].endpoint;
        let attempts: Vec<u64> = part.iter().map(|out| out.attempt).collect();
        let name = format!("{}-{}", self.job.requests().job(), attempts[0]);
        let batch = Batch::new(name, self.http.address(lane), attempts);
        // First the batch: whatever of the other lines is there when the disk is full, belongs to it.
        let mut lines = self.job.note_batch(batch.clone())?;
        lines.extend(part.iter().map(|out| out.journal.as_str()));
        self.keep(&lines)?;
        match self.create(lane, &batch, part) {
            Ok(id) => {
                let line = self.job.note_batch(batch.id(id))?;
                self.keep(&line)
            }
            // Asked after by its name: it may have been made.
            Err(Failure::Cancelled) => Ok(()),
            Err(Failure::Remote(reply)) => {
                // One answer of the endpoint for all of them; what it did not take it did not bill.
                let reply = match &reply {
                    Reply::Http { status: 401..=405, .. } => reply,
                    other => {
                        let why = Failure::Remote(other.clone()).why();
                        let message = format!("the batch was not taken: {why}");
                        Reply::http(400, None, json!({"error": {"message": message}}).to_string())
                    }
                };
                self.receive(batch.attempts.iter().map(|attempt| (*attempt, reply.clone())))
            }
        }
    }

    /// Uploads the file and makes the batch; gives its id.
    fn create(&self, lane: usize, batch: &Batch, part: &[Outgoing]) -> Result<String, Failure> {
        let path = self.path(lane);
        let file = batch_file(part, &path);
        let boundary = format!("routellm-{}", &sha256_hex(file.as_bytes())[..32]);
        let upload = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{}.jsonl\"\r\nContent-Type: application/jsonl\r\n\r\n\
             {file}\r\n--{boundary}--\r\n",
            batch.name
        );
        let content = format!("multipart/form-data; boundary={boundary}");
        let file = self.told(lane, || {
            self.http
                .beside(lane, Method::POST, "/files")
                .header("Content-Type", &content)
                .body(upload.clone())
        })?;
        let wanted =
            json!({"input_file_id": text(&file, "id")?, "endpoint": path, "completion_window": "24h",
            "metadata": {"routellm": batch.name}})
            .to_string();
        let make = || {
            let request = self.http.beside(lane, Method::POST, "/batches");
            request.header("Content-Type", "application/json").body(wanted.clone())
        };
        let mut tries = 1;
        loop {
            match self.once(lane, make()).and_then(|made| text(&made, "id")) {
                Ok(id) => return Ok(id),
                Err(Failure::Remote(reply)) if again(&reply) && tries < TRIES => {
                    self.pause(tries, &reply);
                    tries += 1;
                    // Whoever answers so may have made it.
                    if let Some(id) = self.find(lane, &batch.name)? {
                        return Ok(id);
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// The path of chat completions, as it stands in the file.
    fn path(&self, lane: usize) -> String {
        let address = self.http.address(lane);
        let behind = address.split_once("://").map_or(address, |(_, rest)| rest);
        let path = behind.find('/').map_or("/v1/chat/completions", |at| &behind[at..]);
        // Gateways have paths before that of the interface.
        path.find("/v1/").map_or(path, |at| &path[at..]).to_owned()
    }

    /// The id of the batch of this name, if the endpoint has it.
    fn find(&self, lane: usize, name: &str) -> Result<Option<String>, Failure> {
        let mut after: Option<String> = None;
        loop {
            let query = after.as_ref().map_or_else(String::new, |after| format!("&after={after}"));
            let list = self
                .told(lane, || self.http.beside(lane, Method::GET, &format!("/batches?limit=100{query}")))?;
            let batches = list.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
            let ours =
                |batch: &&Value| batch.pointer("/metadata/routellm").and_then(Value::as_str) == Some(name);
            if let Some(found) = batches.iter().find(ours) {
                return text(found, "id").map(Some);
            }
            let more = list.get("has_more").and_then(Value::as_bool) == Some(true);
            match batches.last().filter(|_| more) {
                Some(last) => after = Some(text(last, "id")?),
                None => return Ok(None),
            }
        }
    }

    /// Asks after a batch, and takes what it has brought; whether there was any news.
    fn ask_after(&mut self, batch: Batch) -> Result<bool> {
        let lost = |batch: &Batch, failure: &Failure| {
            let name = batch.id.as_deref().unwrap_or(&batch.name);
            let message = format!(
                "the batch {name} cannot be asked after: {}; run the same again, which goes on with it",
                failure.why()
            );
            Error::new(ErrorKind::Remote, message)
        };
        let known = (0..self.http.lanes()).find(|lane| self.http.address(*lane) == batch.address);
        let Some(lane) = known else {
            return Err(Error::new(ErrorKind::Internal, "a batch at an address that is not asked"));
        };
        let Some(id) = batch.id.clone() else {
            return match self.look_for(lane, &batch.name) {
                Ok(Ok(id)) => {
                    let line = self.job.note_batch(batch.id(id))?;
                    self.keep(&line).map(|()| true)
                }
                Ok(Err(reply)) => self.give_up(&batch, &reply),
                Err(Failure::Cancelled) => Ok(false),
                Err(failure) => Err(lost(&batch, &failure)),
            };
        };
        let told = self.told(lane, || self.http.beside(lane, Method::GET, &format!("/batches/{id}")));
        let told = match told {
            Ok(told) => told,
            Err(Failure::Cancelled) => return Ok(false),
            Err(Failure::Remote(Reply::Http { status: 404, .. })) => {
                return self.give_up(&batch, &Reply::left("the endpoint knows its batch no more", true));
            }
            Err(failure) => return Err(lost(&batch, &failure)),
        };
        let status = told.get("status").and_then(Value::as_str).unwrap_or_default();
        if !matches!(status, "completed" | "failed" | "expired" | "cancelled") {
            return Ok(false);
        }
        let mut replies = Vec::new();
        for name in ["output_file_id", "error_file_id"] {
            let Some(file) = told.get(name).and_then(Value::as_str) else { continue };
            match self.download(lane, file) {
                Ok(text) => replies.extend(batch_replies(&text)),
                Err(Failure::Cancelled) => return Ok(false),
                // Files are kept for a while only.
                Err(Failure::Remote(Reply::Http { status: 404, .. })) => {}
                Err(failure) => return Err(lost(&batch, &failure)),
            }
        }
        replies.retain(|(attempt, _)| batch.attempts.contains(attempt));
        let rest = rest(status, &told);
        // Those that neither file has come last, and those that both have are taken once.
        replies.extend(batch.attempts.iter().map(|attempt| (*attempt, rest.clone())));
        self.receive(replies)?;
        Ok(true)
    }

    /// The id of a batch that was to be made when a run was killed; or what that means for its requests.
    fn look_for(&self, lane: usize, name: &str) -> Result<Result<String, Reply>, Failure> {
        for look in 1..=LOOKS {
            match self.find(lane, name) {
                Ok(Some(id)) => return Ok(Ok(id)),
                Ok(None) if look < LOOKS => self.sleep(FIRST_WAIT),
                Ok(None) => {}
                Err(Failure::Remote(Reply::Http { status: 404 | 405 | 501, .. })) => {
                    return Ok(Err(Reply::left("whether its batch was made cannot be known", true)));
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(Err(Reply::left("its batch was never made", false)))
    }

    /// The same reply to all requests of a batch.
    fn give_up(&mut self, batch: &Batch, reply: &Reply) -> Result<bool> {
        self.receive(batch.attempts.iter().map(|attempt| (*attempt, reply.clone())))?;
        Ok(true)
    }

    fn download(&self, lane: usize, file: &str) -> Result<String, Failure> {
        let get = || self.http.beside(lane, Method::GET, &format!("/files/{file}/content"));
        self.insist(|| self.response(lane, get()).map(|response| response.body))
    }

    /// What the endpoint says to a request that costs nothing, tried again if need be.
    fn told(&self, lane: usize, request: impl Fn() -> RequestBuilder) -> Result<Value, Failure> {
        self.insist(|| self.once(lane, request()))
    }

    fn insist<T>(&self, ask: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
        for tries in 1.. {
            match ask() {
                Err(Failure::Remote(reply)) if again(&reply) && tries < TRIES => self.pause(tries, &reply),
                other => return other,
            }
        }
        Err(Failure::Cancelled)
    }

    fn once(&self, lane: usize, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.response(lane, request)?;
        serde_json::from_str(&response.body)
            .map_err(|error| Failure::Remote(Reply::Lost(format!("the answer is no JSON: {error}"))))
    }

    fn response(&self, lane: usize, request: RequestBuilder) -> Result<Response, Failure> {
        if self.token.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let response = self.http.send(lane, request).map_err(Failure::Remote)?;
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        Err(Failure::Remote(Reply::http(response.status, response.retry_after_ms, response.body)))
    }

    /// Waits before the next try, as long as the endpoint asks for, or twice as long each time.
    fn pause(&self, tries: u32, reply: &Reply) {
        let asked = match reply {
            Reply::Http { retry_after_ms, .. } => retry_after_ms.map(Duration::from_millis),
            _ => None,
        };
        self.sleep(asked.unwrap_or(FIRST_WAIT * (1 << tries.min(7))).min(LONGEST_WAIT));
    }
}

/// Whether the same may work another time.
fn again(reply: &Reply) -> bool {
    match reply {
        Reply::Http { status, .. } => matches!(status, 408 | 409 | 425 | 429 | 500..=599),
        _ => true,
    }
}

fn text(json: &Value, name: &str) -> Result<String, Failure> {
    let found = json.get(name).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| Failure::Remote(Reply::Lost(format!("the answer has no {name:?}"))))
}

/// What a batch that has ended says of requests that are in none of its files.
fn rest(status: &str, told: &Value) -> Reply {
    if status == "failed" {
        let said = told.pointer("/errors/data/0");
        let part = |name: &str| said.and_then(|said| said.get(name)).and_then(Value::as_str);
        let why = part("message").unwrap_or("it says not why");
        // A queue that is full is empty again another time; anything else is wrong with the file.
        return match part("code") {
            Some("token_limit_exceeded") => Reply::left(format!("the batch was not taken: {why}"), false),
            _ => Reply::http(
                400,
                None,
                json!({"error": {"message": format!("the batch failed: {why}")}}).to_string(),
            ),
        };
    }
    // What was not worked on stands in the file of failures; what stands nowhere may be on the bill.
    Reply::left(format!("the batch is {status} without an answer to it"), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_may_be_billed_unless_the_batch_was_not_taken() {
        for status in ["expired", "completed"] {
            assert!(matches!(rest(status, &json!({})), Reply::Left { billed: true, .. }));
        }
        let full = json!({"errors": {"data": [{"code": "token_limit_exceeded", "message": "x"}]}});
        assert!(matches!(rest("failed", &full), Reply::Left { billed: false, .. }));
        let bad = json!({"errors": {"data": [{"code": "invalid_json_line", "message": "line 3"}]}});
        assert!(
            matches!(rest("failed", &bad), Reply::Http { status: 400, body, .. } if body.contains("line 3"))
        );
    }
}
