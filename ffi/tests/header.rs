//! The committed header and the list of symbols say what the crate says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

include!("../header/generate.rs");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn header() -> String {
    generate_header(Path::new(env!("CARGO_MANIFEST_DIR")), env!("CARGO_PKG_VERSION")).unwrap()
}

/// Compares, or writes if `ROUTELLM_BLESS=1`.
fn current(path: &Path, expected: &str) {
    if std::env::var_os("ROUTELLM_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(path, expected).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    if committed == expected {
        return;
    }
    let line = committed.lines().zip(expected.lines()).position(|(a, b)| a != b);
    let line = line.unwrap_or_else(|| committed.lines().count().min(expected.lines().count()));
    panic!(
        "{} is not current from line {} on; expected {:?}. Run: ROUTELLM_BLESS=1 cargo test -p routellm-ffi --test \
         header",
        path.display(),
        line + 1,
        expected.lines().nth(line)
    );
}

/// Names of the functions in the header.
fn functions(header: &str) -> BTreeSet<&str> {
    // A declaration begins its line with a type; comments begin with a star.
    header
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.split_once('(').map(|(before, _)| before))
        .filter_map(|before| before.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("routellm_"))
        .collect()
}

#[test]
fn the_committed_header_is_current() {
    current(&root().join("include/routellm.h"), &header());
}

#[test]
fn the_list_of_symbols_is_current() {
    let header = header();
    let functions = functions(&header);
    assert!(functions.len() > 40, "{functions:?}");
    let list: String = functions.iter().flat_map(|name| [name, "\n"]).collect();
    current(&root().join("tests/abi/symbols.txt"), &list);
}

#[test]
fn every_function_type_and_constant_is_documented() {
    let header = header();
    let lines: Vec<&str> = header.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let declares = line.starts_with("typedef")
            || (line.starts_with("#define ROUTELLM_") && !line.ends_with("_H"))
            || functions(line).len() == 1;
        if declares {
            assert_eq!(lines[i - 1].trim(), "*/", "line {}: {line} has no documentation", i + 1);
        }
    }
}
