//! What the C interface adds to a call from Rust: the same work both ways, in turns, in one run.
//!
//! `cargo bench -p routellm-ffi --bench overhead` prints nanoseconds and ratios. The functions called are those
//! that the shared library exports; a C program adds one jump through the table of its symbols.

use std::ffi::{CString, c_char};
use std::hint::black_box;
use std::path::Path;
use std::ptr;
use std::time::Instant;

use routellm_core::{CallOptions, Router};
use routellm_ffi::{
    ROUTELLM_OK, routellm_decision, routellm_route, routellm_route_embedding, routellm_route_options_new,
    routellm_route_options_set_threshold, routellm_router, routellm_router_open,
    routellm_router_open_default, routellm_win_rate_from_embedding,
};

const ROUNDS: usize = 200;

/// Median and least nanoseconds of one call of each, measured in turns so that both see the same machine.
fn compare(name: &str, calls: usize, mut rust: impl FnMut(), mut c: impl FnMut()) {
    let mut times = [Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS)];
    let time = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..calls {
            call();
        }
        start.elapsed().as_nanos() as f64 / calls as f64
    };
    for _ in 0..ROUNDS {
        times[0].push(time(&mut rust));
        times[1].push(time(&mut c));
    }
    let [rust, c] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        (times[ROUNDS / 2], times[0])
    });
    println!(
        "{name:<32} rust {:>9.1} ns  c {:>9.1} ns  adds {:>6.1} ns  ratio {:.4}   (least: {:.1}, {:.1}, adds {:.1})",
        rust.0,
        c.0,
        c.0 - rust.0,
        c.0 / rust.0,
        rust.1,
        c.1,
        c.1 - rust.1
    );
}

fn decision() -> routellm_decision {
    routellm_decision {
        struct_size: size_of::<routellm_decision>(),
        win_rate: 0.0,
        threshold: 0.0,
        model: ptr::null(),
        fallback_error: ptr::null_mut(),
        side: 0,
        truncated: 0,
        fallback: 0,
        fallback_status: 0,
        similarity: 0.0,
        out_of_distribution: 0,
        no_score: 0,
        fallback_warning: 0,
        propensity: 0.0,
        id: [0; 40],
        candidate: 0,
        quality: 0.0,
        expected_cost: 0.0,
    }
}

/// The same router twice: for Rust and for C.
fn open(path: Option<&Path>) -> (Router, Box<routellm_router>) {
    let mut handle = ptr::null_mut();
    let (router, status) = match path {
        None => {
            // SAFETY: the handle is a place for a pointer.
            let status = unsafe { routellm_router_open_default(None, &raw mut handle, ptr::null_mut()) };
            (Router::default_router().unwrap(), status)
        }
        Some(path) => {
            let text = CString::new(path.to_str().unwrap()).unwrap();
            // SAFETY: a C string and a place for a pointer.
            let status =
                unsafe { routellm_router_open(text.as_ptr(), None, &raw mut handle, ptr::null_mut()) };
            (Router::open(path).unwrap(), status)
        }
    };
    assert_eq!(status, ROUTELLM_OK);
    // SAFETY: opening made it with a Box.
    (router, unsafe { Box::from_raw(handle) })
}

/// Matrix factorization in the published layout for embeddings of `dimension` numbers.
fn checkpoint(folder: &Path, dimension: usize) {
    let (models, dim) = (64, 128);
    let mut header = Vec::new();
    let mut body: Vec<u8> = Vec::new();
    for (name, rows, columns) in
        [("P.weight", models, dim), ("text_proj.0.weight", dim, dimension), ("classifier.0.weight", 1, dim)]
    {
        let start = body.len();
        for i in 0..rows * columns {
            body.extend((((i * 7919 + name.len()) % 1000) as f32 / 5000.0 - 0.1).to_le_bytes());
        }
        header.push(format!(
            "\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{rows},{columns}],\"data_offsets\":[{start},{}]}}",
            body.len()
        ));
    }
    let mut header = format!("{{{}}}", header.join(","));
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(body);
    std::fs::write(folder.join("model.safetensors"), file).unwrap();
    let config = format!(
        "{{\"dim\":{dim},\"num_models\":{models},\"text_dim\":{dimension},\"num_classes\":1,\"use_proj\":true}}"
    );
    std::fs::write(folder.join("config.json"), config).unwrap();
}

fn prompts() {
    let (router, handle) = open(None);
    let handle = Some(&*handle);
    let hundred = "Explain to me in plain words how compilers optimise loops. ".repeat(11);
    for (name, prompt) in [("route, empty prompt", ""), ("route, 110 words", hundred.as_str())] {
        let options = CallOptions::new();
        let mut out = decision();
        compare(
            name,
            if prompt.is_empty() { 2000 } else { 200 },
            || {
                black_box(router.route(black_box(prompt), &options).unwrap());
            },
            || {
                let text = black_box(prompt).as_ptr().cast::<c_char>();
                // SAFETY: a text with its length, and a decision with its size.
                let status = unsafe {
                    routellm_route(handle, text, prompt.len(), None, &raw mut out, ptr::null_mut())
                };
                assert_eq!(status, ROUTELLM_OK);
                black_box(&out);
            },
        );
    }
}

fn embeddings(folder: &Path) {
    let dimension = 1536;
    checkpoint(folder, dimension);
    let (router, handle) = open(Some(folder));
    let handle = Some(&*handle);
    let embedding: Vec<f32> = (0..dimension).map(|i| (i % 13) as f32 / 100.0 - 0.06).collect();
    let mut rate = 0.0;
    compare(
        "win rate from embedding, 1536-d",
        2000,
        || {
            black_box(router.win_rate(black_box(&embedding[..]), &CallOptions::new()).unwrap());
        },
        || {
            // SAFETY: an array with its length, and a place for a number.
            let status = unsafe {
                routellm_win_rate_from_embedding(
                    handle,
                    black_box(&embedding).as_ptr(),
                    dimension,
                    &raw mut rate,
                    ptr::null_mut(),
                )
            };
            assert_eq!(status, ROUTELLM_OK);
            black_box(rate);
        },
    );
    // The decision itself, with options that were made before: the whole of what C adds to `route`.
    let rust_options = CallOptions::new().threshold(0.5);
    let mut options = routellm_route_options_new();
    // SAFETY: NULL is no place for an error.
    let status = unsafe { routellm_route_options_set_threshold(Some(&mut options), 0.5, ptr::null_mut()) };
    assert_eq!(status, ROUTELLM_OK);
    let mut out = decision();
    compare(
        "route embedding, 1536-d",
        2000,
        || {
            black_box(router.route(black_box(&embedding[..]), &rust_options).unwrap());
        },
        || {
            // SAFETY: an array with its length, and a decision with its size.
            let status = unsafe {
                routellm_route_embedding(
                    handle,
                    black_box(&embedding).as_ptr(),
                    dimension,
                    Some(&options),
                    &raw mut out,
                    ptr::null_mut(),
                )
            };
            assert_eq!(status, ROUTELLM_OK);
            black_box(&out);
        },
    );
}

fn main() {
    // `cargo test --benches` only wants to see that it builds and starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = std::env::temp_dir().join(format!("routellm-overhead-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    prompts();
    embeddings(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
}
