//! Names of one's own for candidates.

use std::sync::{Arc, Mutex};

use routellm_core::{CallOptions, ErrorKind, OpenOptions, Side};

use crate::support::{root, tiny_model};

fn votes(names: &[(&str, &str)]) -> routellm_core::Result<routellm_core::Router> {
    OpenOptions::new().names(names.to_vec()).open(root().join("tests/conformance/sw-caller"))
}

#[test]
fn every_kind_of_router_uses_them_and_its_information_tells_both() {
    let own = [("strong", "gpt-5"), ("weak", "gpt-5-mini")];
    let default = OpenOptions::new().names(own).open_default().unwrap();
    let plain = OpenOptions::new().open_default().unwrap();
    assert_eq!((default.strong(), default.weak()), ("gpt-5", "gpt-5-mini"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    default.on_decision(move |event| sink.lock().unwrap().push(event.model.to_owned()));
    for (share, side, name) in [(1.0, Side::Strong, "gpt-5"), (0.0, Side::Weak, "gpt-5-mini")] {
        let decision = default.route("hello", &CallOptions::new().strong_share(share)).unwrap();
        assert_eq!((decision.side, &*decision.model), (Some(side), name));
    }
    assert_eq!(*seen.lock().unwrap(), ["gpt-5", "gpt-5-mini"]);
    assert_eq!(
        default.win_rate("hello", &CallOptions::new()).unwrap(),
        plain.win_rate("hello", &CallOptions::new()).unwrap()
    );
    let info = default.info();
    assert_eq!((&*info.strong, &*info.weak), ("gpt-5", "gpt-5-mini"));
    assert_eq!(info.names[plain.strong()], "gpt-5");
    assert_eq!(info.names[plain.weak()], "gpt-5-mini");
    assert!(plain.info().names.is_empty());

    // Of a bare export the caller names both.
    let export = OpenOptions::new().strong("a").weak("b").names([("a", "large")]);
    let router = export.open(tiny_model("bert-tiny")).unwrap();
    assert_eq!(router.models().collect::<Vec<_>>(), ["large", "b"]);
}

#[test]
fn candidates_go_on_being_chosen_by_the_routers_names() {
    let plain = votes(&[]).unwrap();
    let names: Vec<String> = plain.models().map(str::to_owned).collect();
    let router = votes(&[("strong", "best"), (&names[2], "middle"), (plain.weak(), "least")]).unwrap();
    let used: Vec<&str> = router.models().collect();
    assert_eq!(used[2], "middle");
    let why = router.explain(&[1.0, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0, 0.125], 3, &CallOptions::new()).unwrap();
    assert_eq!(why.ratings.iter().map(|rating| &*rating.model).collect::<Vec<_>>(), used);
    assert!(why.votes.iter().all(|vote| used.contains(&&*vote.model_a) && used.contains(&&*vote.model_b)));
    let pair = OpenOptions::new().strong(&names[0]).weak(&names[2]).names([("weak", "x")]);
    let pair = pair.open(root().join("tests/conformance/sw-caller")).unwrap();
    assert_eq!((pair.strong(), pair.weak()), (&*names[0], "x"));
    let error = OpenOptions::new().weak("x").names([("weak", "x")]).open_default().unwrap_err();
    assert!(error.message().contains("weak is \"x\""), "{error}");
}

#[test]
fn what_names_nobody_or_two_is_refused() {
    let plain = votes(&[]).unwrap();
    let strong = plain.strong().to_owned();
    let taken = plain.weak().to_owned();
    for (names, part) in [
        (vec![("gpt-9", "x")], "names has \"gpt-9\", expected strong, weak or one of: "),
        (vec![("strong", " ")], "names[\"strong\"] is empty"),
        (vec![("strong", "x"), (&*strong, "y")], "both"),
        (vec![("strong", "x"), ("weak", "x")], "with one name, \"x\""),
        (vec![("strong", &*taken)], "with one name"),
    ] {
        let error = votes(&names).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(part), "{names:?}: {error}");
    }
    let mut options = OpenOptions::new();
    options.set_json(br#"{"names": {"strong": "x", "weak": null}}"#).unwrap();
    assert_eq!(options.open_default().unwrap().strong(), "x");
    let error = options.set_json(br#"{"names": {"strong": 5}}"#).unwrap_err();
    assert!(error.message().contains("names[\"strong\"] is 5, expected a string"), "{error}");
}
