//! The corpus of the fuzz targets, replayed: what fuzzing found stays found.

#[path = "../../../tests/fuzz/parsers.rs"]
mod parsers;

use crate::support::root;

#[test]
fn the_corpus_of_every_parser_passes() {
    for (name, parse) in parsers::PARSERS {
        let folder = root().join("tests/fuzz/corpus").join(name);
        let mut count = 0;
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            parse(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{name} has no corpus");
    }
}
