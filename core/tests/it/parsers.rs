//! Parsers on damaged and made-up input: an error or a value, never a panic.

use proptest::prelude::*;
use routellm_core::artifact::{Artifact, Manifest, Tensors};
use routellm_core::preference::{GoldTable, VoteTable, first_turn_of_json};
use routellm_core::{Read, Router, prompt_from_messages};

use crate::support::root;

fn manifest() -> Vec<u8> {
    std::fs::read(root().join("core/default-router/router.json")).unwrap()
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Manifest::parse(&bytes);
        let _ = Tensors::new(bytes.clone(), "made up");
        let _ = VoteTable::from_jsonl(&bytes[..], "made up");
        let _ = VoteTable::from_csv(&bytes[..], "made up");
        let _ = GoldTable::from_jsonl(&bytes[..], "made up");
        let _ = GoldTable::from_csv(&bytes[..], "made up");
        let _ = Read::Conversation.prompt(&bytes);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let _ = first_turn_of_json(text);
        }
    }

    #[test]
    fn any_json_like_text(text in r#"[\[\]{}":,a-z0-9 \\u.-]{0,200}"#) {
        let _ = Manifest::parse(text.as_bytes());
        let _ = prompt_from_messages(&text);
        let _ = VoteTable::from_jsonl(text.as_bytes(), "made up");
        let _ = GoldTable::from_jsonl(text.as_bytes(), "made up");
        let _ = first_turn_of_json(&text);
    }

    /// A changed byte of the manifest is an error, never another router.
    #[test]
    fn a_changed_manifest(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let sound = manifest();
        let mut changed = sound.clone();
        let at = at.index(changed.len());
        changed[at] = byte;
        prop_assert_eq!(Manifest::parse(&changed).is_ok(), changed == sound);
    }

    /// A safetensors file that is cut anywhere is refused.
    #[test]
    fn a_cut_store(at in any::<prop::sample::Index>()) {
        let bytes = std::fs::read(root().join("core/default-router/weights.safetensors")).unwrap();
        let cut = bytes[..at.index(bytes.len())].to_vec();
        prop_assert!(Tensors::new(cut, "cut").is_err());
    }

    /// Whatever a header claims, nothing is allocated for it before the sizes were checked.
    #[test]
    fn a_boasting_header(length in any::<u64>(), shape in any::<[u32; 2]>()) {
        let header = format!(r#"{{"weights":{{"dtype":"F32","shape":[{},{}],"data_offsets":[0,4]}}}}"#, shape[0], shape[1]);
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 4]);
        let _ = Tensors::new(bytes, "boasting");
        let mut honest = (header.len() as u64).to_le_bytes().to_vec();
        honest.extend(header.as_bytes());
        honest.extend([0; 4]);
        prop_assert_eq!(Tensors::new(honest, "boasting").is_ok(), u64::from(shape[0]) * u64::from(shape[1]) == 1);
    }
}

#[test]
fn files_of_a_manifest_stay_in_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(root().join("core/default-router")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let mut manifest = Artifact::open(folder.path()).unwrap().manifest().clone();
    manifest.files[0].name = "../weights.safetensors".into();
    assert!(manifest.to_text().is_err());
    assert!(Router::open(folder.path()).is_ok());
}
