//! The command as a shell runs it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Hard prompts are those with "integral" in them: the strong model solves all, the weak one the easy ones.
fn prompt(i: usize) -> String {
    if i.is_multiple_of(3) { format!("integral of x number {i}") } else { format!("greet person {i}") }
}

fn lines(rows: impl Iterator<Item = Value>) -> String {
    rows.map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
}

fn vote(i: usize) -> Value {
    let winner = if i.is_multiple_of(3) || i.is_multiple_of(5) { "model_a" } else { "model_b" };
    json!({"prompt": prompt(i), "model_a": "big", "model_b": "small", "winner": winner})
}

fn gold(i: usize) -> Value {
    json!({"prompt": prompt(i), "big": true, "small": !i.is_multiple_of(3)})
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_routellm"));
    command.args(arguments).current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).stdin(Stdio::null()).output().unwrap()
}

fn told(folder: &Path, arguments: &[&str]) -> String {
    let done = run(folder, arguments);
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// What the examples name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("gold.jsonl", lines((0..90).map(gold)));
    let rows = (0..90).map(|i| format!("{},True,{}\n", prompt(i), if i % 3 == 0 { "False" } else { "True" }));
    write("gold.csv", format!("prompt,big,small\n{}", rows.collect::<Vec<_>>().concat()));
    write("votes.jsonl", lines((0..60).map(vote)));
    write(
        "gateway.toml",
        "[upstreams.local]\nbase_url = \"http://127.0.0.1:8000/v1\"\n[models.big]\nupstream = \"local\"\n\
         [models.small]\nupstream = \"local\"\n[routers.mine]\nstrong = \"big\"\nweak = \"small\"\n"
            .to_owned(),
    );
    write("judge.jsonl", lines((60..90).map(vote)));
    let rows = (0..60).map(|i| {
        let vote = vote(i);
        let cell = |name: &str| vote[name].as_str().unwrap().to_owned();
        format!("{},{},{},{}\n", cell("prompt"), cell("model_a"), cell("model_b"), cell("winner"))
    });
    write("votes.csv", format!("prompt,model_a,model_b,winner\n{}", rows.collect::<Vec<_>>().concat()));
    write(
        "prices.json",
        json!({
            "provider/big": {"mode": "chat", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
                             "max_input_tokens": 128_000, "supports_vision": true},
            "small": {"mode": "chat", "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07},
        })
        .to_string(),
    );
    let log = |i: usize| {
        let row = gold(i);
        let model = if i.is_multiple_of(2) { "big" } else { "small" };
        json!({"prompt": row["prompt"], "model": model, "quality": row[model]})
    };
    write("log.jsonl", lines((0..90).map(log)));
    write(
        "traffic.jsonl",
        lines((0..250).map(|i| json!({"prompt": format!("{} {}", prompt(i), "please ".repeat(i % 5))}))),
    );
    fs::create_dir_all(folder.path().join("evals/mmlu/responses")).unwrap();
    for name in ["gsm8k", "mt_bench"] {
        fs::create_dir_all(folder.path().join("evals").join(name)).unwrap();
    }
    let rows = (0..90).map(|i| format!("{},True,{}\n", prompt(i), if i % 3 == 0 { "False" } else { "True" }));
    let answers = format!(
        "prompt,gpt-4-1106-preview,mistralai/Mixtral-8x7B-Instruct-v0.1\n{}",
        rows.collect::<Vec<_>>().concat()
    );
    write("evals/mmlu/responses/mmlu_algebra.csv", answers.clone());
    write("evals/gsm8k/gsm8k_responses.csv", answers);
    let turns = |i: usize| json!({"question_id": i, "turns": [prompt(i), "And now?"]});
    write("evals/mt_bench/question.jsonl", lines((0..30).map(turns)));
    let judgement = |i: usize| {
        let (model, best) = [("gpt-4-1106-preview", 9), ("mistralai/Mixtral-8x7B-Instruct-v0.1", 7)][i % 2];
        let (question, turn) = (i / 4, 1 + i / 2 % 2);
        json!({"question_id": question, "turn": turn, "model": model, "score": best - question % 3})
    };
    write("evals/mt_bench/judgements.jsonl", lines((0..120).map(judgement)));
    let question =
        |i: usize| json!({"id": i, "prompt": prompt(i), "choices": ["yes", "no"], "answer": i % 2});
    write("questions.jsonl", lines((0..6).map(question)));
    let answer = |i: usize| {
        let (model, text) = if i.is_multiple_of(2) { ("big", "The answer is A.") } else { ("small", "(B)") };
        json!({"id": i / 2, "model": model, "answer": text})
    };
    write("answers.jsonl", lines((0..12).map(answer)));
    let pair = |i: usize| {
        let mut row = vote(i);
        (row["answer_a"], row["answer_b"]) = (json!("Yes."), json!("No."));
        row
    };
    write("pairs.jsonl", lines((0..5).map(pair)));
    write("prompts.txt", "Hello!\nWhat is 17 * 23?\n".to_owned());
    write(
        "spec.json",
        json!({
            "trainer": {"kind": "linear", "bits": 10, "folds": 3},
            "sources": [{"kind": "gold", "path": "gold.jsonl"}], "out": "from-spec",
        })
        .to_string(),
    );
    told(
        folder.path(),
        &["train", "linear", "--gold", "gold.jsonl", "--set", "projection=8", "--out", "my-encoder"],
    );
    told(folder.path(), &["train", "linear", "--gold", "gold.jsonl", "--out", "my-router"]);
    let mf = [
        "train",
        "mf",
        "--gold",
        "gold.jsonl",
        "--encoder",
        "my-encoder",
        "--set",
        "epochs=3",
        "--out",
        "my-mf",
    ];
    told(folder.path(), &mf);
    folder
}

/// Every command with its help, those that have commands of their own left out.
fn helps(folder: &Path, path: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
    arguments.push("--help");
    let help = told(folder, &arguments);
    let Some((_, commands)) = help.split_once("\nCommands:\n") else {
        found.push((path.to_vec(), help));
        return;
    };
    for line in commands.lines().take_while(|line| !line.is_empty()) {
        // A description that goes on in the next line is set farther in.
        let Some(name) = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) else { continue };
        let name = name.split_whitespace().next().unwrap().to_owned();
        helps(folder, &[path, &[name]].concat(), found);
    }
}

/// Runs an example that ends only when it is told to.
fn serves(folder: &Path, line: &str) {
    let arguments: Vec<&str> = line.split(' ').collect();
    let mut child = command(folder, &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut told = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
    assert!(told.contains("http://127.0.0.1:"), "{told}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn every_help_fits_a_screen_and_its_examples_run() {
    let folder = folder();
    let mut found = Vec::new();
    helps(folder.path(), &[], &mut found);
    assert!(found.len() >= 25, "{found:?}");
    for (path, help) in found {
        assert!(help.lines().count() <= 60, "{path:?}\n{help}");
        let (_, examples) =
            help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{path:?} has no examples"));
        let examples: Vec<&str> = examples.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(examples.len(), 2, "{path:?}\n{examples:?}");
        for example in examples {
            let program = env!("CARGO_BIN_EXE_routellm").replace('\'', "'\\''");
            let line = example.trim().strip_prefix("routellm ").unwrap_or_else(|| panic!("{example}"));
            if line.starts_with("serve --demo") {
                serves(folder.path(), line);
                continue;
            }
            let done = Command::new("sh")
                .args(["-c", &format!("'{program}' {line}")])
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert!(done.status.success(), "{example}: {}", String::from_utf8_lossy(&done.stderr));
            assert!(!done.stdout.is_empty() || example.contains(" > "), "{example}");
            // No terminal, no progress.
            assert_eq!(String::from_utf8_lossy(&done.stderr), "", "{example}");
        }
    }
}

#[test]
fn decisions_are_a_table_or_lines_of_json() {
    let folder = folder();
    let table = told(folder.path(), &["route", "-r", "my-router", "-t", "0.5", &prompt(3), &prompt(1)]);
    let rows: Vec<&str> = table.lines().collect();
    assert!(
        rows[0].starts_with("side") && rows[1].starts_with("strong") && rows[2].starts_with("weak"),
        "{table}"
    );
    let mut child = command(folder.path(), &["route", "--json", "--strong-share", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all("Hello!\n\nWhat is 17 * 23?\n".as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let decisions: Vec<Value> = String::from_utf8(done.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(decisions.len(), 3);
    assert!(decisions.iter().all(|decision| decision["side"] == "strong" && decision["fallback"] == false));
    let named = told(
        folder.path(),
        &["route", "--json", "-r", "my-router", "-O", r#"names={"strong": "gpt-5"}"#, "-s", "1", "x"],
    );
    assert!(named.contains(r#""model":"gpt-5""#), "{named}");
}

#[test]
fn rows_are_inspected_parted_and_converted() {
    let folder = folder();
    let json =
        |arguments: &[&str]| -> Value { serde_json::from_str(&told(folder.path(), arguments)).unwrap() };
    let votes = json(&["data", "inspect", "votes.jsonl", "--json"]);
    assert_eq!((votes["kind"].as_str(), votes["rows"].as_u64()), (Some("votes"), Some(60)));
    assert_eq!(votes["pairs"][0]["rows"], 60);
    let csv = json(&["data", "inspect", "votes.csv", "--json"]);
    assert_eq!(csv, votes);
    let gold = json(&["data", "inspect", "gold.csv", "--json"]);
    assert_eq!(gold["models"]["big"]["quality"], 1.0);
    assert_eq!(gold["pairs"][0]["better"], "big");
    let shown = told(folder.path(), &["data", "inspect", "gold.csv"]);
    assert!(shown.contains("90 different, 0 repeated") && shown.contains("--strong"), "{shown}");
    let parts = json(&["data", "split", "gold.jsonl", "--share", "0.3", "--out", "parts", "--json"]);
    let rows = |i: usize| parts["files"][i]["rows"].as_u64().unwrap();
    assert_eq!(rows(0) + rows(1), 90);
    assert!((15..40).contains(&rows(1)), "{parts}");
    assert_eq!(json(&["data", "inspect", "parts/held_out.jsonl", "--json"])["rows"], rows(1));
    told(folder.path(), &["data", "convert", "votes.csv", "--out", "same.jsonl"]);
    assert_eq!(json(&["data", "inspect", "same.jsonl", "--json"]), votes);
}

#[test]
fn a_training_reports_on_the_prompts_that_it_held_out() {
    let folder = folder();
    let arguments = "train mf --gold gold.jsonl --encoder my-encoder --strong big --weak small --set epochs=9 \
        --set dim=8 --split 0.4 --report held-out --out reported";
    let shown =
        told(folder.path(), &arguments.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>());
    assert!(shown.contains("gold, held out: ") && shown.contains("APGR"), "{shown}");
    let report = fs::read_to_string(folder.path().join("held-out/report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let rows = report["tables"][0]["rows"].as_u64().unwrap();
    assert!((20..55).contains(&rows), "{rows}");
    let page = fs::read_to_string(folder.path().join("held-out/report.html")).unwrap();
    assert!(page.contains("<h2 id=\"training-name\">Training</h2>") && page.contains("loss of each epoch"));
    let again =
        told(folder.path(), &["eval", "reported", "--data", "gold.jsonl", "--held-out", "0.4", "--json"]);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["tables"][0]["rows"], rows);
    let without =
        run(folder.path(), &["train", "linear", "--gold", "gold.jsonl", "--report", "x", "--out", "y"]);
    assert_eq!(without.status.code(), Some(2));
}

#[test]
fn failures_say_what_is_wrong_and_with_which_status() {
    let folder = folder();
    fs::write(
        folder.path().join("bad.jsonl"),
        lines([gold(1), json!({"prompt": "p", "big": 1})].into_iter()),
    )
    .unwrap();
    for (status, said, arguments) in [
        (2, "unrecognized subcommand", &["rout"][..]),
        (2, "unexpected argument", &["route", "--share", "1"]),
        (2, "cannot be used with", &["route", "-t", "1", "-s", "1", "x"]),
        (2, "required", &["train", "linear", "--gold", "gold.jsonl"]),
        (2, "NAME=VALUE", &["route", "-O", "sessions", "x"]),
        (1, "threshold is 2", &["route", "-t", "2", "x"]),
        (1, "no such folder", &["info", "--router", "nowhere"]),
        (
            1,
            "unknown field `fold`",
            &["train", "linear", "--gold", "gold.jsonl", "--set", "fold=3", "--out", "x"],
        ),
        (1, "sources is empty", &["train", "linear", "--out", "x"]),
        (1, "encoder is missing", &["train", "mf", "--votes", "votes.jsonl", "--out", "x"]),
        (1, "bad.jsonl, line 2", &["train", "linear", "--gold", "bad.jsonl", "--out", "x"]),
        (1, "bad.jsonl, line 2", &["data", "inspect", "bad.jsonl"]),
        (1, "No such file", &["data", "inspect", "nothing.csv"]),
        (2, "2 values required", &["eval", "default", "--data", "gold.csv", "--pair", "big"]),
        (2, "MODEL=USD", &["eval", "default", "--data", "gold.csv", "--cost", "big"]),
        (2, "required", &["eval", "default"]),
        (1, "no model \"huge\"", &["eval", "default", "--data", "gold.csv", "--pair", "huge", "small"]),
        (1, "name them by --benchmark", &["eval", "default", "--data", "my-router"]),
        (
            1,
            "--benchmark needs --data FOLDER",
            &["eval", "default", "--benchmark", "mmlu", "--data", "gold.csv"],
        ),
        (
            1,
            "expected mmlu, gsm8k or mt-bench",
            &["eval", "default", "--benchmark", "arc", "--data", "my-router"],
        ),
        (1, "nowhere: no such folder", &["eval", "nowhere", "--data", "gold.csv"]),
        (1, "share is 1", &["data", "split", "gold.jsonl", "--share", "1", "--out", "x"]),
    ] {
        let done = run(folder.path(), arguments);
        let error = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(status), "{arguments:?}: {error}");
        assert!(error.contains(said), "{arguments:?}: {error}");
        assert!(done.stdout.is_empty(), "{arguments:?}");
    }
    assert!(!folder.path().join("x").exists());
}

/// Whether a process listens to Ctrl-C by now.
#[cfg(target_os = "linux")]
fn listens(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(caught.trim(), 16).unwrap_or(0) & 2 != 0
}

/// Sends a signal once the process listens, and gives what it came to.
#[cfg(target_os = "linux")]
fn interrupted(mut child: std::process::Child, signal: &str) -> Output {
    while child.try_wait().unwrap().is_none() && !listens(child.id()) {
        std::thread::yield_now();
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "the command was over before it could be stopped");
    let stdin = child.stdin.take();
    let status = child.wait().unwrap();
    drop(stdin);
    let mut done = child.wait_with_output().unwrap();
    done.status = status;
    done
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_waits_for_input_can_be_interrupted() {
    let folder = folder();
    for signal in ["-INT", "-TERM"] {
        let child = command(folder.path(), &["route"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(interrupted(child, signal).status.code(), Some(130));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_leaves_the_old_artifact_and_a_closed_pipe_is_no_failure() {
    let folder = folder();
    let before = fs::read(folder.path().join("my-router/router.json")).unwrap();
    // Enough rows for some seconds.
    fs::write(folder.path().join("many.jsonl"), lines((0..9000).map(gold))).unwrap();
    let slow = ["train", "linear", "--gold", "many.jsonl", "--out", "my-router"];
    let child = command(folder.path(), &slow).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let done = interrupted(child, "-INT");
    assert_eq!(done.status.code(), Some(130), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(fs::read(folder.path().join("my-router/router.json")).unwrap(), before);
    let pipe = format!("'{}' info --json | true", env!("CARGO_BIN_EXE_routellm"));
    let done = Command::new("sh").args(["-c", &pipe]).current_dir(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stderr), "");
}

#[test]
fn prices_are_imported_and_policies_use_them() {
    let folder = folder();
    let out = ["train", "linear", "--gold", "gold.jsonl", "--set", "per_candidate=true", "--out", "all"];
    told(folder.path(), &out);
    let told_json = |arguments: &[&str]| -> Vec<Value> {
        told(folder.path(), arguments).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let import = ["models", "import", "prices.json", "--artifact", "all", "--date", "2026-01-31", "--json"];
    let imported = told_json(&import).remove(0);
    assert_eq!((&imported["imported"], &imported["missing"]), (&json!(2), &json!([])));
    let listed = told_json(&["models", "list", "-r", "all", "--json"]);
    assert_eq!(listed[0]["price"], json!({"input": 2.5, "output": 10.0, "date": "2026-01-31"}));
    assert_eq!(listed[0]["capabilities"], json!(["text", "vision"]));
    assert_eq!(listed[1]["quality"], json!("platt"));
    let route = |more: &[&str]| {
        let prompt = prompt(0);
        let arguments: Vec<&str> =
            ["route", "-r", "all", "--json"].iter().chain(more).copied().chain([prompt.as_str()]).collect();
        told_json(&arguments).remove(0)
    };
    let best = route(&["--cost-weight", "0"]);
    assert_eq!((&best["model"], &best["side"]), (&json!("big"), &Value::Null));
    assert!(best["quality"].as_f64().unwrap() > 0.5 && best["expected_cost"].as_f64().unwrap() > 0.0);
    assert_eq!(route(&["--min-quality", "0"])["model"], "small");
    assert_eq!(route(&["--min-quality", "0", "--requires", "vision"])["model"], "big");
    assert_eq!(route(&["--budget", "1000", "--candidate", "small"])["model"], "small");
    let both = run(folder.path(), &["route", "-t", "0.5", "--budget", "1", "x"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_router_is_calibrated_from_files_and_opens_as_it_was_kept() {
    let folder = folder();
    let told = |arguments: &[&str]| told(folder.path(), arguments);
    let report: Value = serde_json::from_str(&told(&[
        "calibrate",
        "my-router",
        "--prompts",
        "traffic.jsonl",
        "--strong-share",
        "0.3",
        "--further-requests",
        "500",
        "--out",
        "calibration.json",
        "--json",
    ]))
    .unwrap();
    assert_eq!((&report["further_requests"], &report["sample"]["count"]), (&json!(500), &json!(250)));
    let low = report["prediction_interval"]["low"].as_f64().unwrap();
    let high = report["prediction_interval"]["high"].as_f64().unwrap();
    let share = report["strong_share"].as_f64().unwrap();
    assert!(low <= share && share <= high && low < high, "{report}");
    let decided: Value = serde_json::from_str(&told(&[
        "route",
        "--router",
        "my-router",
        "-O",
        "calibration=calibration.json",
        "Hello!",
        "--json",
    ]))
    .unwrap();
    assert_eq!(decided["threshold"], report["threshold"], "{decided}");
    // Kept with the artifact, from win rates.
    let rates = (0..60).map(|i| json!({"win_rate": f64::from(i) / 100.0}));
    fs::write(folder.path().join("rates.jsonl"), lines(rates)).unwrap();
    let table = told(&[
        "calibrate",
        "my-router",
        "--win-rates",
        "rates.jsonl",
        "--strong-share",
        "0.5",
        "--out",
        "mine",
    ]);
    assert!(table.contains("0.3") && table.contains("warning"), "{table}");
    let decided: Value =
        serde_json::from_str(&told(&["route", "--router", "mine", "Hello!", "--json"])).unwrap();
    assert_eq!(decided["threshold"], json!(0.3));
    // One sample and one target.
    for wrong in [
        &["calibrate", "my-router", "--strong-share", "0.5"][..],
        &["calibrate", "my-router", "--prompts", "traffic.jsonl"],
        &["calibrate", "my-router", "--prompts", "traffic.jsonl", "--strong-share", "0.5", "--cost", "1"],
    ] {
        assert_eq!(run(folder.path(), wrong).status.code(), Some(2), "{wrong:?}");
    }
    let failed =
        run(folder.path(), &["calibrate", "my-router", "--prompts", "traffic.jsonl", "--pgr", "0.5"]);
    assert!(String::from_utf8_lossy(&failed.stderr).contains("no labels"), "{failed:?}");
}

#[test]
fn routers_are_evaluated_on_rows_of_ones_own() {
    let folder = folder();
    let arguments = ["eval", "default", "my-router", "--data", "gold.csv", "--out", "report/new"];
    let fast = [
        "--draws",
        "50",
        "--robustness",
        "20",
        "--baseline-gold",
        "gold.jsonl",
        "--cost",
        "big=10",
        "--cost",
        "small=1",
    ];
    let table = told(folder.path(), &[&arguments[..], &fast[..]].concat());
    let first: Vec<&str> = table.lines().map(|line| line.split("  ").next().unwrap()).collect();
    assert!(table.starts_with("gold: 90 rows, 90 prompts, big against small\n"), "{table}");
    for name in ["default", "my-router", "random", "length", "oracle", "linear", "knn"] {
        assert!(first.contains(&name), "{name}: {table}");
    }
    assert!(
        table.contains("best single model: big, quality 1.000, 10.000 USD per 1,000 requests"),
        "{table}"
    );
    assert!(table.contains("90 rows are among those that the baselines were trained on"), "{table}");
    assert!(
        table.contains("under attack at most")
            && table.contains("written: report/new/report.html, report/new/report.json"),
        "{table}"
    );
    let written = fs::read_to_string(folder.path().join("report/new/report.json")).unwrap();
    let report: Value = serde_json::from_str(&written).unwrap();
    assert_eq!((&report["form"], &report["tables"][0]["rows"]), (&json!(1), &json!(90)));
    assert!(!written.contains("integral of x"));
    let slices = report["tables"][0]["slices"].as_array().unwrap();
    assert!(slices.iter().any(|slice| slice["column"] == "length"), "{slices:?}");
    // As JSON it is the same, and texts come where they are asked for.
    let again = told(
        folder.path(),
        &[&arguments[..5], &fast[..], &["--json", "--slice", "language", "--with-prompts"]].concat(),
    );
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["tables"][0]["results"][0]["pair"], report["tables"][0]["results"][0]["pair"]);
    assert_eq!(again["tables"][0]["slices"][0]["column"], "language");
    assert!(again["tables"][0]["results"][0]["most_wrong"][0]["prompt"].is_string());
    // Votes and logs are read by the same option.
    let votes = told(
        folder.path(),
        &["eval", "default", "--data", "votes.csv", "--draws", "20", "--robustness", "0", "--json"],
    );
    assert_eq!(serde_json::from_str::<Value>(&votes).unwrap()["tables"][0]["kind"], "votes");
}
