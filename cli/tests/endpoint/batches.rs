//! The batch interface of the server: `/v1/files` and `/v1/batches`, well behaved or not.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{Deed, Manner, Seen, answer};

/// How a batch ends.
#[derive(Clone)]
pub(crate) struct Ending {
    /// `completed`, `expired`, `failed` or `cancelled`.
    pub(crate) status: &'static str,
    /// How often it is asked after before that.
    pub(crate) polls: usize,
    /// How many of its requests are worked on.
    pub(crate) worked_on: usize,
    /// Of a failed one, the code.
    pub(crate) code: &'static str,
}

impl Ending {
    pub(crate) fn new(status: &'static str, polls: usize) -> Self {
        Self { status, polls, worked_on: usize::MAX, code: "invalid_json_line" }
    }
}

struct Batch {
    ending: Ending,
    polls: usize,
    json: Value,
}

#[derive(Default)]
struct Kept {
    files: BTreeMap<String, String>,
    batches: BTreeMap<String, Batch>,
    /// How often each request of this interface came.
    came: BTreeMap<String, usize>,
}

type Deviation = dyn Fn(&str, usize) -> Option<Deed> + Send + Sync;

/// What is uploaded, and what becomes of it.
pub(crate) struct Batches {
    ending: Box<dyn Fn(usize) -> Ending + Send + Sync>,
    /// What is done in place of an answer to the n-th request of this kind, `POST /v1/files`: it is worked on all the same.
    deviation: Box<Deviation>,
    kept: Mutex<Kept>,
}

impl Batches {
    pub(crate) fn new(
        ending: impl Fn(usize) -> Ending + Send + Sync + 'static,
        deviation: impl Fn(&str, usize) -> Option<Deed> + Send + Sync + 'static,
    ) -> Self {
        Self { ending: Box::new(ending), deviation: Box::new(deviation), kept: Mutex::default() }
    }

    pub(crate) fn honest() -> Self {
        Self::new(|_| Ending::new("completed", 1), |_, _| None)
    }

    /// Answers a request: `POST /v1/files`, and so on.
    pub(crate) fn handle(
        &self,
        target: &str,
        body: &str,
        seen: &Mutex<Seen>,
        manner: &Manner,
    ) -> (Deed, u16, String) {
        let mut kept = self.kept.lock().unwrap();
        let kind = target.split(['?', ' ']).take(2).collect::<Vec<_>>().join(" ");
        let kind = kind.replace(|c: char| c.is_ascii_digit(), "");
        let nth = {
            let came = kept.came.entry(kind.clone()).or_default();
            *came += 1;
            *came
        };
        let sent = match kind.as_str() {
            "POST /v/files" => kept.upload(body),
            "POST /v/batches" => self.make(&mut kept, body, seen, manner),
            "GET /v/batches" => {
                json!({"data": kept.batches.values().map(|batch| &batch.json).collect::<Vec<_>>(),
                "has_more": false})
                .to_string()
            }
            "GET /v/batches/batch_" => kept.ask(target.rsplit('/').next().unwrap()),
            "GET /v/files/file-/content" => kept.files[target.rsplit('/').nth(1).unwrap()].clone(),
            other => panic!("{other}"),
        };
        match (self.deviation)(&kind.replace("/v/", "/v1/"), nth) {
            None => (Deed::Say(String::new()), 200, sent),
            Some(Deed::Status(status, headers, text)) => {
                (Deed::Status(status, headers, String::new()), status, text)
            }
            Some(deed) => (deed, 200, sent),
        }
    }

    /// Makes a batch. All of it is worked on at once, and billed at half the price.
    fn make(&self, kept: &mut Kept, body: &str, seen: &Mutex<Seen>, manner: &Manner) -> String {
        let wanted: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&wanted["endpoint"], &wanted["completion_window"]),
            (&json!("/v1/chat/completions"), &json!("24h"))
        );
        let number = kept.batches.len() + 1;
        let ending = (self.ending)(number);
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let file = kept.files[wanted["input_file_id"].as_str().unwrap()].clone();
        let worked_on = if ending.status == "failed" { 0 } else { ending.worked_on };
        for (place, line) in file.lines().enumerate() {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&line["method"], &line["url"]), (&json!("POST"), &json!("/v1/chat/completions")));
            let told = |response: Value, error: Value| {
                json!({"id": "r", "custom_id": line["custom_id"], "response": response, "error": error})
                    .to_string()
            };
            if place >= worked_on {
                if ending.status == "expired" && place % 2 == 0 {
                    let error = json!({"code": "batch_expired", "message": "This request could not be executed in time."});
                    errors.push(told(Value::Null, error));
                }
                continue;
            }
            let body = line["body"].to_string();
            let nth = {
                let mut seen = seen.lock().unwrap();
                let came = seen.came.entry(body.clone()).or_default();
                *came += 1;
                *came
            };
            let deed = manner(&line["body"], nth);
            let price = seen.lock().unwrap().price(&line["body"]);
            let (status, _, text, usd) = answer(&deed, &line["body"], None, price);
            seen.lock().unwrap().note(&deed, body, usd / 2.0);
            let text: Value = serde_json::from_str(&text).unwrap();
            let response = json!({"status_code": status, "request_id": "q", "body": text});
            match deed {
                // It is nowhere, though it is billed.
                Deed::Reset => {}
                Deed::Status(..) => errors.push(told(response, Value::Null)),
                _ => output.push(told(response, Value::Null)),
            }
        }
        // In another order, and one of them twice.
        output.reverse();
        output.extend(output.first().cloned());
        let mut keep = |lines: Vec<String>| {
            let id = format!("file-{}", kept.files.len() + 1);
            let text: String = lines.into_iter().map(|line| line + "\n").collect();
            let there = !text.is_empty();
            kept.files.insert(id.clone(), text);
            there.then_some(id)
        };
        let (output, errors) = (keep(output), keep(errors));
        let id = format!("batch_{number}");
        let why = json!({"data": [{"code": ending.code, "message": "it says why"}]});
        let json = json!({"id": id, "object": "batch", "status": "validating", "metadata": wanted["metadata"],
            "output_file_id": output, "error_file_id": errors, "errors": if ending.status == "failed" { why } else { Value::Null }});
        kept.batches.insert(id, Batch { ending, polls: 0, json: json.clone() });
        json.to_string()
    }

    /// How many batches there are.
    pub(crate) fn made(&self) -> usize {
        self.kept.lock().unwrap().batches.len()
    }
}

impl Kept {
    /// A file, out of the form that it comes in.
    fn upload(&mut self, body: &str) -> String {
        let boundary = body.lines().next().unwrap().to_owned();
        let part = |name: &str| {
            let of = body.split(&boundary).find(|part| part.contains(&format!("name=\"{name}\""))).unwrap();
            of.split_once("\r\n\r\n").unwrap().1.strip_suffix("\r\n").unwrap().to_owned()
        };
        assert_eq!(part("purpose"), "batch");
        let id = format!("file-{}", self.files.len() + 1);
        self.files.insert(id.clone(), part("file"));
        json!({"id": id, "object": "file", "purpose": "batch"}).to_string()
    }

    fn ask(&mut self, id: &str) -> String {
        let batch = self.batches.get_mut(id).unwrap();
        batch.polls += 1;
        let done = batch.polls > batch.ending.polls;
        batch.json["status"] = json!(if done { batch.ending.status } else { "in_progress" });
        let mut told = batch.json.clone();
        if !done {
            (told["output_file_id"], told["error_file_id"]) = (Value::Null, Value::Null);
        }
        told.to_string()
    }
}
