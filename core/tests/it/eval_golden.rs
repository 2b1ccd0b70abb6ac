//! Evaluation against what the reference implementation prints.

use routellm_core::eval::{Graded, reference};
use serde_json::Value;

use crate::support::{json, shared};

fn near(got: f64, want: f64, what: &str) {
    assert!((got - want).abs() < 1e-9, "{what}: {got} instead of {want}");
}

#[test]
fn figures_are_those_of_the_reference() {
    let folder = shared("golden/eval");
    let golden = json(&folder.join("mmlu_abstract_algebra.json"));
    let case = &golden["mmlu_abstract_algebra"];
    let mut reader = csv::Reader::from_path(folder.join("mmlu_abstract_algebra.csv")).unwrap();
    let grade = |text: &str| f64::from(u8::from(text == "True"));
    let graded: Vec<Graded> = reader
        .records()
        .map(|row| row.unwrap())
        .map(|row| Graded::new(grade(&row[2]), grade(&row[1])))
        .collect();
    let bytes = std::fs::read(folder.join("win_rates.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for point in case["optimal_curve"].as_array().unwrap() {
        let share = point[0].as_f64().unwrap() / 100.0;
        near(reference::optimal(&graded, share) * 100.0, point[1].as_f64().unwrap(), "optimal");
    }
    let same = |rows: &[reference::Row], want: &Value, what: &str| {
        for (row, want) in rows.iter().rev().zip(want.as_array().unwrap()) {
            near(row.threshold, want["threshold"].as_f64().unwrap(), what);
            near(row.strong_share * 100.0, want["strong_percentage"].as_f64().unwrap(), what);
            near(row.quality * 100.0, want["accuracy"].as_f64().unwrap(), what);
        }
    };
    for (name, router) in case["routers"].as_object().unwrap() {
        let tensor = file.tensor(router["win_rates_tensor"].as_str().unwrap()).unwrap();
        let scores: Vec<f64> =
            tensor.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        for bins in [4, 10, 20] {
            let want = &router[format!("num_results={bins}")];
            match reference::rows(&scores, &graded, bins) {
                Ok(rows) => same(&rows, &want["rows"], name),
                Err(_) => assert_eq!(want["raises"], "ValueError", "{name}"),
            }
        }
        let rows = reference::rows(&scores, &graded, 10).unwrap();
        let metrics = &case["metrics"][name];
        near(reference::auc(&rows) * 100.0, metrics["AUC"].as_f64().unwrap(), name);
        near(reference::apgr(&rows, &graded), metrics["APGR"].as_f64().unwrap(), name);
        for (level, want) in [0.2, 0.5, 0.8].iter().zip(metrics["interp_unrounded"].as_array().unwrap()) {
            near(reference::cpt(&rows, &graded, *level) * 100.0, want.as_f64().unwrap(), name);
        }
    }
    let random = reference::random_rows(&graded, 10, 10).unwrap();
    let want = &case["random_seed0_10iters"];
    let falling: Vec<Value> = want["rows"].as_array().unwrap().iter().rev().cloned().collect();
    same(&random, &Value::Array(falling), "random");
    near(reference::apgr(&random, &graded), want["metrics"]["APGR"].as_f64().unwrap(), "random");
}
