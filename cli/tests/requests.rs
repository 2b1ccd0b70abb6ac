//! `routellm judge` and `routellm gold` against a server of models that misbehaves.

mod endpoint;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use endpoint::{Deed, Server, command, kill, last, lines, run, usd};

/// Pairs whose better answer says so.
fn pairs(folder: &Path, count: usize) {
    let pair = |i: usize| {
        let (a, b) = if i.is_multiple_of(3) { ("good", "poor") } else { ("poor", "good") };
        json!({"id": i, "prompt": format!("question {i}"), "model_a": "big", "model_b": "small", "answer_a": a,
            "answer_b": b, "winner": if i.is_multiple_of(3) { "model_a" } else { "model_b" }})
    };
    fs::write(folder.join("pairs.jsonl"), lines((0..count).map(pair))).unwrap();
}

/// What an honest judge says of a pair.
fn verdict(body: &Value) -> String {
    let text = body["messages"][1]["content"].as_str().unwrap();
    let (good, poor) = (text.find("good").unwrap(), text.find("poor").unwrap());
    (if good < poor { "Clear. [[A]]" } else { "Clear. [[B]]" }).to_owned()
}

const JUDGE: [&str; 10] = [
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
];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&JUDGE[..], more].concat()
}

#[test]
fn a_judge_that_misbehaves_is_asked_until_it_answers() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 24);
    let tried = Mutex::new(HashMap::new());
    let server = Server::start(move |body, nth| {
        let mut tried = tried.lock().unwrap();
        let next = tried.len();
        let number = *tried.entry(body.to_string()).or_insert(next);
        if nth > 1 {
            return Deed::Say(verdict(body));
        }
        match number % 8 {
            0 => Deed::Status(429, "Retry-After: 1\r\n", "{}".to_owned()),
            1 => Deed::Status(500, "", "sorry".to_owned()),
            2 => Deed::Half,
            3 => Deed::Broken,
            4 => Deed::Reset,
            5 => Deed::Slow(300, verdict(body)),
            _ => Deed::Say(verdict(body)),
        }
    });
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--json"]));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(&done);
    assert_eq!(told["report"]["judged"], 24);
    assert_eq!(told["report"]["human"]["agreement"], 1.0);
    assert_eq!(told["report"]["order_consistency"], 1.0);
    let bill = &told["bill"];
    assert!(bill["retries"].as_u64().unwrap() >= 25, "{bill}");
    let (spent, maybe) = (usd(&bill["spent_usd"]), usd(&bill["uncertain_usd"]));
    assert!(maybe > 0.0 && server.billed() <= spent + maybe + 1e-12 && spent + maybe <= 1.0, "{bill}");
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.came.len(), 48);
    assert!(seen.answered.values().all(|count| *count == 1));
    assert!(seen.most_at_once <= 8);
    // Every row is one that a training reads.
    let rows = fs::read_to_string(folder.path().join("judged.jsonl")).unwrap();
    for (i, row) in rows.lines().enumerate() {
        let row: Value = serde_json::from_str(row).unwrap();
        let winner = if i.is_multiple_of(3) { "model_a" } else { "model_b" };
        assert_eq!((&row["winner"], &row["verdicts"]), (&json!(winner), &json!([winner, winner])));
    }
    drop(seen);
    // Again: nothing is sent.
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--json"]));
    assert_eq!(last(&done)["bill"]["sent"], 0);
    assert_eq!(
        server.seen.lock().unwrap().came.values().sum::<usize>(),
        48 + bill["retries"].as_u64().unwrap() as usize
    );
}

#[test]
fn the_budget_holds_and_more_of_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 20);
    let server = Server::start(|body, _| Deed::Say(verdict(body)));
    let estimate = run(folder.path(), &server, &with(&["--estimate", "--json"]));
    let estimate = last(&estimate)["estimate"].clone();
    assert_eq!(estimate["requests"], 40);
    assert!(
        server.seen.lock().unwrap().came.is_empty() && !folder.path().join(".routellm-requests").exists()
    );
    let mut answered = 0;
    for budget in ["0.005", "0.01", "1"] {
        let done = run(folder.path(), &server, &with(&["--budget", budget, "--json"]));
        let bill = last(&done)["bill"].clone();
        assert!(server.billed() <= budget.parse::<f64>().unwrap());
        assert!((usd(&bill["spent_usd"]) - server.billed()).abs() < 1e-9, "{bill}");
        let now = bill["answered"].as_u64().unwrap();
        assert!(now > answered, "{bill}");
        answered = now;
        let all = now == 40;
        assert_eq!(done.status.success(), all);
        assert_eq!(String::from_utf8_lossy(&done.stderr).contains("the budget did not reach for"), !all);
    }
    assert_eq!(answered, 40);
    assert!(server.billed() <= usd(&estimate["most_usd"]));
}

#[test]
fn refusals_and_other_models_are_no_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 4);
    let server = Server::start(|body, _| {
        let text = body["messages"][1]["content"].as_str().unwrap();
        match text {
            text if text.contains("question 0") => Deed::Refuse,
            text if text.contains("question 1") => Deed::Other,
            text if text.contains("question 2") => Deed::Say("[[A]] or [[B]]".to_owned()),
            _ => Deed::Say(verdict(body)),
        }
    });
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--json"]));
    let told = last(&done);
    assert_eq!((&told["report"]["judged"], &told["report"]["unparsed"]), (&json!(1), &json!(4)));
    assert_eq!((&told["report"]["unanswered"], &told["bill"]["failed"]), (&json!(2), &json!(2)));
    assert!(String::from_utf8_lossy(&done.stderr).contains("somebody-else"));
    assert_eq!(told["bill"]["sent"], 8);
    assert!((usd(&told["bill"]["spent_usd"]) - server.billed()).abs() < 1e-9);
}

#[test]
fn a_key_is_sent_and_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 1);
    let server = Server::start(|_, _| {
        Deed::Status(401, "", r#"{"error": {"message": "Incorrect API key provided: $KEY"}}"#.to_owned())
    });
    let done = command(folder.path(), &server, &with(&["--budget", "1", "--key-env", "MY_KEY"]))
        .env("MY_KEY", "sk-secret")
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    let journal = fs::read_to_string(folder.path().join(".routellm-requests/journal.jsonl")).unwrap();
    for text in [String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr), journal.into()]
    {
        assert!(!text.contains("sk-secret"), "{text}");
    }
    assert!(String::from_utf8_lossy(&done.stderr).contains("Incorrect API key"));
    let seen = server.seen.lock().unwrap();
    assert!(seen.keys.iter().all(|key| key.as_deref() == Some("Bearer sk-secret")));
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--key-env", "NO_SUCH_KEY"]));
    assert!(String::from_utf8_lossy(&done.stderr).contains("NO_SUCH_KEY holds no key"));
}

#[test]
fn a_run_that_is_killed_pays_nothing_twice_but_what_was_in_flight() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 40);
    let server = Server::start(|body, _| Deed::Slow(20, verdict(body)));
    let arguments = with(&["--budget", "1", "--json", "--concurrency", "4"]);
    for answers in [7, 19, 40, 62] {
        let child = command(folder.path(), &server, &arguments).stdout(Stdio::null()).spawn().unwrap();
        while server.seen.lock().unwrap().answered.len() < answers {
            thread::sleep(Duration::from_millis(1));
        }
        kill(child);
    }
    let done = run(folder.path(), &server, &arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(&done);
    assert_eq!(told["report"]["judged"], 40);
    let seen = server.seen.lock().unwrap();
    let twice: usize = seen.came.values().map(|count| count - 1).sum();
    let interrupted = told["bill"]["interrupted"].as_u64().unwrap() as usize;
    assert!(twice <= interrupted && interrupted <= 4 * 4, "{twice} {interrupted}");
    let bill = &told["bill"];
    assert!(seen.billed <= usd(&bill["spent_usd"]) + usd(&bill["uncertain_usd"]) + 1e-12, "{bill}");
}

#[test]
fn an_endpoint_that_dies_ends_the_work_and_keeps_what_was_paid() {
    let folder = tempfile::tempdir().unwrap();
    pairs(folder.path(), 30);
    let server = Server::start(|body, _| Deed::Say(verdict(body)));
    let done = run(folder.path(), &server, &with(&["--budget", "0.012", "--json"]));
    let before = last(&done)["bill"]["answered"].as_u64().unwrap();
    assert!(before > 0 && before < 60);
    // Nobody listens there, and the answers that are kept are those of another address.
    let dead = Server::dead();
    let done = run(folder.path(), &dead, &with(&["--budget", "1", "--json", "--tries", "2"]));
    assert_eq!(done.status.code(), Some(1));
    let error = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(error.contains("failures in a row") && error.contains("run the same again"), "{error}");
    let done = run(folder.path(), &server, &with(&["--budget", "1", "--json"]));
    assert!(done.status.success());
    assert_eq!(server.seen.lock().unwrap().came.values().sum::<usize>(), 60);
}

#[test]
fn two_models_answer_and_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let prompts: Vec<String> = (0..6).map(|i| format!("question {i}\n")).collect();
    fs::write(folder.path().join("prompts.txt"), prompts.concat()).unwrap();
    let server = Server::start(|body, _| {
        Deed::Say(match body["model"].as_str().unwrap() {
            "big" => "good".to_owned(),
            "small" => "poor".to_owned(),
            _ => verdict(body),
        })
    });
    let arguments = [
        "judge",
        "prompts.txt",
        "--model",
        "big",
        "--model",
        "small",
        "--judge",
        "j",
        "--price",
        "j=2,8",
        "--price",
        "big=2,8",
        "--price",
        "small=2,8",
        "--max-tokens",
        "20",
        "--answer-max-tokens",
        "30",
        "--budget",
        "1",
        "--out",
        "judged.jsonl",
        "--json",
    ];
    let done = run(folder.path(), &server, &arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(&done);
    assert_eq!((&told["report"]["judged"], &told["bill"]["sent"]), (&json!(6), &json!(24)));
    let rows = fs::read_to_string(folder.path().join("judged.jsonl")).unwrap();
    assert_eq!(rows.matches(r#""winner":"model_a""#).count(), 6);
    // The estimate was made before the answers were there.
    let first: Value =
        serde_json::from_str(String::from_utf8_lossy(&done.stdout).lines().next().unwrap()).unwrap();
    assert_eq!(first["estimate"]["requests"], 24);
    assert!(usd(&told["bill"]["spent_usd"]) <= usd(&first["estimate"]["usd"]));
}

#[test]
fn gold_rows_are_made_of_answers_of_now_and_graded_by_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let question = |i: usize| json!({"id": i, "prompt": format!("{i} + 1?"), "answer": (i + 1).to_string()});
    fs::write(folder.path().join("sums.jsonl"), lines((0..10).map(question))).unwrap();
    let server = Server::start(|body, _| {
        let text = body["messages"][0]["content"].as_str().unwrap();
        let number: usize = text.split(' ').next().unwrap().parse().unwrap();
        Deed::Say(match body["model"].as_str().unwrap() {
            "big" => format!("It is {}.", number + 1),
            _ if number == 3 => "I do not know.".to_owned(),
            _ if number.is_multiple_of(2) => format!("#### {}", number + 1),
            _ => "#### 0".to_owned(),
        })
    });
    let arguments = [
        "gold",
        "sums.jsonl",
        "--form",
        "number",
        "--model",
        "big",
        "--model",
        "small",
        "--price",
        "big=2,8",
        "--price",
        "small=2,8",
        "--budget",
        "1",
        "--max-tokens",
        "20",
        "--out",
        "gold.jsonl",
        "--json",
    ];
    let done = run(folder.path(), &server, &arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told = last(&done);
    assert_eq!(told["models"][0], json!({"model": "big", "accuracy": 1.0, "unparsed": 0}));
    assert_eq!(told["models"][1], json!({"model": "small", "accuracy": 0.5, "unparsed": 1}));
    assert_eq!(told["unparsed"][0]["id"], "3");
    let rows = fs::read_to_string(folder.path().join("gold.jsonl")).unwrap();
    assert_eq!(rows.lines().count(), 10);
    // A command of the user's: what is right is what has "is" in it; another status than 0 and 1 cannot be read.
    let answer = |i: usize| {
        let (model, text) = if i.is_multiple_of(2) { ("x", "it is") } else { ("y", "no") };
        json!({"id": i / 2, "model": model, "answer": text})
    };
    fs::write(folder.path().join("said.jsonl"), lines((0..20).map(answer))).unwrap();
    let graded = |command: &str| {
        let arguments = [
            "gold",
            "sums.jsonl",
            "--form",
            "command",
            "--command",
            command,
            "--answers",
            "said.jsonl",
            "--out",
            "graded.jsonl",
            "--json",
        ];
        last(&run(folder.path(), &server, &arguments))["models"].clone()
    };
    if cfg!(unix) {
        let models = graded("grep -q '\"answer\":\"it is\"'");
        assert_eq!((&models[0]["accuracy"], &models[1]["accuracy"]), (&json!(1.0), &json!(0.0)));
        assert_eq!(graded("exit 3")[0], json!({"model": "x", "accuracy": 0.0, "unparsed": 10}));
    }
}

#[test]
fn each_model_has_an_endpoint_and_a_key_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("prompts.txt"), "question 1\nquestion 2\n").unwrap();
    let answers = |text: &'static str, model: &'static str| {
        Server::start(move |body, _| {
            assert_eq!(body["model"], model);
            Deed::Say(text.to_owned())
        })
    };
    let (big, small) = (answers("good", "big"), answers("poor", "small"));
    let judge = Server::start(|body, _| Deed::Say(verdict(body)));
    let (of_big, of_small) = (format!("big={}", big.address), format!("small={}", small.address));
    let mut arguments = vec!["judge", "prompts.txt", "--model", "big", "--model", "small", "--judge", "j"];
    for model in ["j=2,8", "big=2,8", "small=2,8"] {
        arguments.extend(["--price", model]);
    }
    arguments.extend(["--endpoint", &of_big, "--endpoint", &of_small, "--key-env", "big=BIG_KEY"]);
    arguments.extend(["--budget", "1", "--out", "judged.jsonl", "--json"]);
    let asked = |arguments: &[&str]| {
        let mut asked = command(folder.path(), &judge, arguments);
        asked.env("BIG_KEY", "sk-big").env("OPENAI_API_KEY", "sk-of-the-judge").output().unwrap()
    };
    let done = asked(&arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!((&last(&done)["report"]["judged"], &last(&done)["bill"]["sent"]), (&json!(2), &json!(8)));
    let keys = |server: &Server| server.seen.lock().unwrap().keys.clone();
    assert_eq!(keys(&big), [Some("Bearer sk-big".to_owned()), Some("Bearer sk-big".to_owned())]);
    // No key goes to an endpoint that it was not meant for.
    assert_eq!(keys(&small), [None, None]);
    assert_eq!(keys(&judge).len(), 4);
    assert!(keys(&judge).iter().all(|key| key.as_deref() == Some("Bearer sk-of-the-judge")));
    for (wrong, what) in [
        (
            ["--endpoint", "bgi=http://127.0.0.1:9"],
            "no such model is asked now; those asked are j, big, small",
        ),
        (["--key-env", "big=OTHER"], "keep one"),
        (["--key-env", "small=NO_SUCH_KEY"], "NO_SUCH_KEY holds no key"),
    ] {
        let done = asked(&[&arguments[..], &wrong[..]].concat());
        assert!(
            String::from_utf8_lossy(&done.stderr).contains(what),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}

#[test]
fn prompts_are_picked_and_the_rest_costs_nothing() {
    // Nine of ten prompts are alike; the others have no word in common.
    const ODD: [&str; 6] =
        ["lute quark", "ferry onyx", "tulip zebra", "pixel rhyme", "gravy lemma", "mango orbit"];
    let folder = tempfile::tempdir().unwrap();
    let prompt = |i: usize| {
        if i.is_multiple_of(10) {
            format!("{}\n", ODD[i / 10])
        } else {
            format!("What will the weather be like in town {} on day {}?\n", i % 6, i % 7)
        }
    };
    fs::write(folder.path().join("prompts.txt"), (0..60).map(prompt).collect::<String>()).unwrap();
    let server = Server::start(|body, _| {
        Deed::Say(match body["model"].as_str().unwrap() {
            "big" => "good".to_owned(),
            "small" => "poor".to_owned(),
            _ => verdict(body),
        })
    });
    let mut arguments = vec!["judge", "prompts.txt", "--model", "big", "--model", "small", "--judge", "j"];
    for model in ["j=2,8", "big=2,8", "small=2,8"] {
        arguments.extend(["--price", model]);
    }
    arguments.extend(["--budget", "5", "--out", "judged.jsonl", "--json", "--pick", "12"]);
    let done = run(folder.path(), &server, &arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(last(&done)["bill"]["requests"], 48);
    // A prompt that stands there twice is asked once, and has its rows.
    let picked = || {
        let rows = fs::read_to_string(folder.path().join("judged.jsonl")).unwrap();
        let prompt = |row: &str| serde_json::from_str::<Value>(row).unwrap()["prompt"].to_string();
        let mut prompts: Vec<String> = rows.lines().map(prompt).collect();
        prompts.sort();
        prompts.dedup();
        prompts
    };
    assert_eq!(picked().len(), 12);
    // Near a line it is another choice, of which some are paid for already.
    arguments.extend(["--near", "default"]);
    let near = run(folder.path(), &server, &arguments);
    assert!(near.status.success(), "{}", String::from_utf8_lossy(&near.stderr));
    assert_eq!(picked().len(), 12);
    let seen = server.seen.lock().unwrap();
    assert!(seen.came.values().all(|count| *count == 1));
}
