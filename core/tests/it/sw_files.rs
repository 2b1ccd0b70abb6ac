//! Stores whose files change while a router has them open.

use std::fs::{self, OpenOptions as FileOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use routellm_core::artifact::Artifact;
use routellm_core::numeric::Rng;
use routellm_core::preference::{EmbeddedVotes, Votes, Winner};
use routellm_core::scorer::sw_ranking::{MapStore, ScoreOptions, Scratch, SwModel};
use routellm_core::train::Control;
use routellm_core::train::sw_ranking::{SwOptions, train_columns};
use routellm_core::{CallOptions, ErrorKind, Mode, OpenOptions, Router};

use crate::support::root;

const DIM: usize = 24;

/// Numbers that look random, each below what is asked for.
fn numbers() -> impl FnMut(u64) -> u64 {
    let mut state = 7_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// The embeddings of 600 votes.
fn embeddings(next: &mut impl FnMut(u64) -> u64) -> Vec<f32> {
    (0..600 * DIM).map(|_| next(2001) as f32 / 1000.0 - 1.0).collect()
}

/// An artifact of 600 votes of five models, and its store.
fn build(out: &Path, store: &str) -> PathBuf {
    let mut next = numbers();
    let embeddings = embeddings(&mut next);
    let (mut model_a, mut model_b, mut winner) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..600 {
        let (a, b) = (next(5), next(5));
        let b = if a == b { (b + 1) % 5 } else { b };
        model_a.push(format!("m{a}"));
        model_b.push(format!("m{b}"));
        let a_wins = next(10) < if a < b { 8 } else { 2 };
        winner.push(if a_wins { Winner::ModelA } else { Winner::ModelB });
    }
    let ids: Vec<String> = (0..600).map(|i| format!("vote {i}")).collect();
    let votes = Votes::from_names(&model_a, &model_b, &winner).unwrap().with_ids(ids).unwrap();
    let input = EmbeddedVotes { votes: &votes, embeddings: &embeddings, dim: DIM };
    let mut options = SwOptions::default().store(store).unwrap();
    options.build.tiers = 3;
    if let Some(clusters) = &mut options.build.clusters {
        *clusters = clusters.clusters(12).open_votes(60);
    }
    train_columns(out, &input, "test", &options, Control::new()).unwrap();
    Artifact::open(out).unwrap().path_of("votes.safetensors").unwrap()
}

/// Everything that reads the store. Whatever it holds, there is an outcome.
fn use_all(router: &Router) {
    let query: Vec<f32> = (0..DIM).map(|i| (i as f32).sin()).collect();
    let _ = router.route(&query, &CallOptions::new());
    let _ = router.route(&query, &CallOptions::new().strong_share(0.5));
    let _ = router.similarity(&query, &CallOptions::new());
    let _ = router.explain(&query, 7, &CallOptions::new());
    let _ = router.win_rates([&query; 9], &CallOptions::new());
}

const STORES: [&str; 6] = ["f32", "f16", "int8", "int4", "int2", "clustered"];

#[test]
fn a_mapped_store_that_is_overwritten_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    for store in STORES {
        let file = build(&folder.path().join(store), store);
        let whole = fs::read(&file).unwrap();
        for mode in [Mode::Exact, Mode::Reference] {
            let open = OpenOptions::new().mode(mode).mmap(MapStore::Always).open(folder.path().join(store));
            let router = open.unwrap();
            use_all(&router);
            for byte in [0xff, 0x7f, 0x00, 0x80, 0x55] {
                let mut mapped = FileOptions::new().write(true).open(&file).unwrap();
                mapped.write_all(&vec![byte; whole.len()]).unwrap();
                use_all(&router);
            }
            // The numbers of another, and of the same one in another order.
            let mut shuffled = whole.clone();
            shuffled.rotate_left(whole.len() / 3 / 4 * 4);
            let mut mapped = FileOptions::new().write(true).open(&file).unwrap();
            mapped.write_all(&shuffled).unwrap();
            use_all(&router);
            mapped.seek(SeekFrom::Start(0)).unwrap();
            mapped.write_all(&whole).unwrap();
        }
    }
}

#[test]
fn whatever_a_file_holds_it_opens_and_scores_or_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let query: Vec<f32> = (0..DIM).map(|i| (i as f32).sin()).collect();
    let mut rng = Rng::new(3);
    for store in STORES {
        let whole = fs::read(build(&folder.path().join(store), store)).unwrap();
        let path = folder.path().join("changed");
        for round in 0..120 {
            let mut changed = whole.clone();
            for _ in 0..=round % 4 {
                let at = rng.below(changed.len());
                changed[at] = rng.below(256) as u8;
            }
            if round % 5 == 0 {
                changed.truncate(rng.below(changed.len()));
            }
            fs::write(&path, &changed).unwrap();
            for map in [MapStore::Never, MapStore::Always] {
                let Ok(model) = SwModel::open_mapped(&path, map) else { continue };
                for mode in [Mode::Exact, Mode::Reference] {
                    let options = ScoreOptions::new().mode(mode);
                    let _ = model.explain(&query, 5, &options, &mut Scratch::default());
                }
            }
        }
    }
}

#[test]
fn a_store_that_was_read_does_not_depend_on_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let query: Vec<f32> = (0..DIM).map(|i| (i as f32).cos()).collect();
    for store in STORES {
        let out = folder.path().join(store);
        let file = build(&out, store);
        let mapped = OpenOptions::new().mmap(MapStore::Always).open(&out).unwrap();
        let expected = mapped.explain(&query, 5, &CallOptions::new()).unwrap();
        drop(mapped);
        let read: Vec<Router> = [
            OpenOptions::new(),
            OpenOptions::new().mmap(MapStore::Auto),
            OpenOptions::new().mmap(MapStore::Never),
        ]
        .iter()
        .map(|options| options.open(&out).unwrap())
        .collect();
        FileOptions::new().write(true).open(&file).unwrap().set_len(0).unwrap();
        for router in read {
            let found = router.explain(&query, 5, &CallOptions::new()).unwrap();
            assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{store}");
        }
        assert_eq!(Router::open(&out).unwrap_err().kind(), ErrorKind::InvalidModel);
    }
}

#[test]
fn a_mapped_store_that_is_replaced_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    build(folder.path(), "f32");
    let router = OpenOptions::new().mmap(MapStore::Always).open(folder.path()).unwrap();
    let query = [0.5_f32; DIM];
    let before = router.win_rate(&query, &CallOptions::new()).unwrap();
    build(folder.path(), "int8");
    assert_eq!(router.win_rate(&query, &CallOptions::new()).unwrap().to_bits(), before.to_bits());
    assert_eq!(Router::open(folder.path()).unwrap().info().votes.as_ref().unwrap().store, "int8");
}

#[test]
fn mapping_is_refused_where_there_are_no_votes() {
    let open = |path: &str| OpenOptions::new().mmap(MapStore::Auto).open(root().join(path)).unwrap_err();
    let error = open("core/default-router");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("mmap"), "{error}");
    let bare = OpenOptions::new().mmap(MapStore::Never).strong("a").weak("b").kind("bert");
    let error = bare.open(root().join("tests/models/bert-tiny")).unwrap_err();
    assert!(error.to_string().contains("mmap") || error.kind() == ErrorKind::RuntimeUnavailable, "{error}");
}

/// Rounding takes the similarity of a vote to itself beyond 1, and what a store has lost of it, too.
#[test]
fn no_similarity_is_told_that_is_no_cosine() {
    let folder = tempfile::tempdir().unwrap();
    let options = CallOptions::new().threshold(0.5);
    for store in STORES {
        let out = folder.path().join(store);
        build(&out, store);
        let router = Router::open(&out).unwrap();
        let mut told = Vec::new();
        for own in embeddings(&mut numbers()).chunks(DIM) {
            for query in [own.to_vec(), own.iter().map(|x| -x).collect()] {
                told.push(router.route(&query, &options).unwrap().similarity.unwrap());
                told.push(router.similarity(&query, &CallOptions::new()).unwrap());
                let why = router.explain(&query, 2, &CallOptions::new()).unwrap();
                told.push(why.similarity);
                told.extend(why.votes.iter().map(|vote| vote.similarity));
            }
        }
        assert!(told.iter().all(|similarity| (-1.0..=1.0).contains(similarity)), "{store}");
        // Some were beyond.
        assert!(told.contains(&1.0), "{store}");
    }
}
