//! `routellm judge --batch` against a batch interface that is slow, fails, expires, answers a part, and in another order.

mod endpoint;

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use endpoint::batches::{Batches, Ending};
use endpoint::{Deed, Server, command, kill, last, lines, run, usd};

/// Pairs whose better answer says so.
fn pairs(folder: &Path, count: usize) {
    let pair = |i: usize| {
        json!({"id": i, "prompt": format!("question {i}"), "model_a": "big", "model_b": "small", "answer_a": "good",
            "answer_b": "poor"})
    };
    fs::write(folder.join("pairs.jsonl"), lines((0..count).map(pair))).unwrap();
}

fn verdict(body: &Value) -> Deed {
    let text = body["messages"][1]["content"].as_str().unwrap();
    let (good, poor) = (text.find("good").unwrap(), text.find("poor").unwrap());
    Deed::Say((if good < poor { "[[A]]" } else { "[[B]]" }).to_owned())
}

const JUDGE: [&str; 14] = [
    "judge",
    "pairs.jsonl",
    "--judge",
    "j",
    "--price",
    "j=2,8",
    "--max-tokens",
    "20",
    "--out",
    "judged.jsonl",
    "--budget",
    "1",
    "--json",
    "--batch",
];

/// All were judged, what was billed is on the bill, and nothing was answered twice.
fn whole(done: &Output, server: &Server, pairs: usize) -> Value {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(done);
    assert_eq!(told["report"]["judged"], pairs);
    assert_eq!(told["report"]["order_consistency"], 1.0);
    let (spent, maybe) = (usd(&told["bill"]["spent_usd"]), usd(&told["bill"]["uncertain_usd"]));
    assert!(server.billed() <= spent + maybe + 1e-12, "{told}");
    let seen = server.seen.lock().unwrap();
    assert!(seen.answered.values().all(|count| *count == 1));
    told["bill"].clone()
}

#[test]
fn a_batch_costs_half_and_its_answers_serve_later() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 20);
    let server = Server::start(|body, _| verdict(body));
    let bill = whole(&run(folder.path(), &server, &JUDGE), &server, 20);
    assert_eq!((&bill["sent"], &bill["ignored"]), (&json!(40), &json!(41)));
    assert!((usd(&bill["spent_usd"]) - server.billed()).abs() < 1e-9, "{bill}");
    assert_eq!((server.batches.made(), usd(&bill["uncertain_usd"])), (1, 0.0));
    // One by one, nothing is sent.
    let done = run(folder.path(), &server, &JUDGE[..13]);
    assert_eq!((&last(&done)["bill"]["cached"], &last(&done)["bill"]["sent"]), (&json!(40), &json!(0)));
    // The estimate is that of half the price.
    let estimate = |batch: bool| {
        let other = tempfile::tempdir().unwrap();
        pairs(other.path(), 20);
        let arguments = [&JUDGE[..13 + usize::from(batch)], &["--estimate"]].concat();
        usd(&last(&run(other.path(), &server, &arguments))["estimate"]["usd"])
    };
    assert!((estimate(true) * 2.0 - estimate(false)).abs() < 1e-9);
}

#[test]
fn what_a_batch_leaves_goes_into_another() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 20);
    let ending = |number| match number {
        // A part is done in time; of the rest some are told of, and some are nowhere.
        1 => Ending { worked_on: 11, ..Ending::new("expired", 1) },
        2 => Ending { code: "token_limit_exceeded", ..Ending::new("failed", 0) },
        _ => Ending::new("completed", 0),
    };
    let server = Server::with_batches(
        |body, nth| match body["messages"][1]["content"].as_str().unwrap() {
            // Billed, and in no file; an error of the server for one request.
            text if nth == 1 && text.contains("question 3\n") => Deed::Reset,
            text if nth == 1 && text.contains("question 15\n") => Deed::Status(500, "", "{}".to_owned()),
            _ => verdict(body),
        },
        Batches::new(ending, |_, _| None),
    );
    let bill = whole(&run(folder.path(), &server, &JUDGE), &server, 20);
    assert!(server.batches.made() >= 4, "{bill}");
    assert_eq!(bill["failed"], 0);
}

#[test]
fn an_interface_that_stumbles_is_asked_again_and_makes_each_batch_once() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 6);
    let server = Server::with_batches(
        |body, _| verdict(body),
        Batches::new(
            |_| Ending::new("completed", 2),
            |target, nth| match (target, nth) {
                ("POST /v1/files", 1) => Some(Deed::Status(503, "", "busy".to_owned())),
                // A batch that is made, and nobody hears of it, is one of these.
                ("POST /v1/batches", 1) | ("GET /v1/files/file-/content", 2) => Some(Deed::Reset),
                ("GET /v1/batches/batch_" | "GET /v1/files/file-/content", 1) => Some(Deed::Half),
                ("GET /v1/batches/batch_", 2) => Some(Deed::Status(500, "", "sorry".to_owned())),
                _ => None,
            },
        ),
    );
    let bill = whole(&run(folder.path(), &server, &JUDGE), &server, 6);
    assert_eq!((server.batches.made(), &bill["sent"]), (1, &json!(12)));
    assert!((usd(&bill["spent_usd"]) - server.billed()).abs() < 1e-9, "{bill}");
}

#[test]
fn a_batch_that_is_refused_or_fails_is_told() {
    for (deviation, ending, what) in [
        (Some(401), "completed", "status 401"),
        (Some(400), "completed", "the batch was not taken"),
        (None, "failed", "the batch failed: it says why"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        pairs(folder.path(), 3);
        let server = Server::with_batches(
            |body, _| verdict(body),
            Batches::new(
                move |_| Ending::new(ending, 0),
                move |target, _| {
                    let status = deviation.filter(|_| target == "POST /v1/batches")?;
                    Some(Deed::Status(status, "", "no".to_owned()))
                },
            ),
        );
        let done = run(folder.path(), &server, &JUDGE);
        assert_eq!(done.status.code(), Some(1));
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(error.contains(what) && error.contains("run the same again"), "{error}");
        assert_eq!(usd(&last(&done)["bill"]["spent_usd"]), 0.0);
    }
}

#[test]
fn a_run_that_is_killed_goes_on_with_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 20);
    let server = Server::with_batches(
        |body, _| verdict(body),
        Batches::new(|_| Ending::new("completed", 3), |_, _| None),
    );
    let child = command(folder.path(), &server, &JUDGE).stdout(Stdio::null()).spawn().unwrap();
    while server.batches.made() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    kill(child);
    // One by one they would be paid twice: that is refused.
    let done = run(folder.path(), &server, &JUDGE[..13]);
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(error.contains("40 requests of this job are under way in batches"), "{error}");
    let bill = whole(&run(folder.path(), &server, &JUDGE), &server, 20);
    assert_eq!((server.batches.made(), &bill["sent"], &bill["interrupted"]), (1, &json!(0), &json!(0)));
    assert!((usd(&bill["spent_usd"]) - server.billed()).abs() < 1e-9, "{bill}");
    assert_eq!(usd(&bill["uncertain_usd"]), 0.0);
}
