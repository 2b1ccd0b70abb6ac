//! From chats to prompts: the cases of every language (`tests/conformance/messages.json`), and the scanner against a
//! slow reading of parsed JSON.

use proptest::prelude::*;
use routellm_core::{CallOptions, Error, ErrorKind, Input, OnError, Read, Result, prompt_from_messages};
use serde_json::{Value, json};

use crate::support::{default_router, root};

fn json_of(case: &Value) -> Vec<u8> {
    if let Some(text) = case["json"].as_str() {
        return text.as_bytes().to_vec();
    }
    let hex = case["json_hex"].as_str().unwrap();
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn options(case: &Value, on_error: OnError) -> CallOptions {
    let read: Read = case["read"].as_str().unwrap().parse().unwrap();
    CallOptions::new().threshold(0.5).read(read).on_error(on_error)
}

#[test]
fn every_case() {
    let path = root().join("tests/conformance/messages.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 100);
    let router = default_router();
    for case in cases {
        let (id, json) = (&case["id"], json_of(case));
        let options = options(case, OnError::Strong);
        let raise = options.clone().on_error(OnError::Raise);
        let alone = |options| router.route(Input::Messages(&json), options);
        let in_batch = |options| {
            let inputs = [Input::Text("fine"), Input::Messages(&json)];
            router.route_batch(&inputs, options).map(|mut decisions| decisions.remove(1))
        };
        // Where a case does not say, it is the same in both.
        let places = case["in_batch"].as_bool().map_or(vec![false, true], |place| vec![place]);
        for place in places {
            let route = |options| if place { in_batch(options) } else { alone(options) };
            if let Some(prompt) = case["prompt"].as_str() {
                assert_eq!(router.read(&options).prompt(&json).unwrap(), prompt, "{id}");
                assert_eq!(route(&raise).unwrap(), router.route(prompt, &raise).unwrap(), "{id}");
                continue;
            }
            let error: Error = route(&raise).unwrap_err();
            assert_eq!(error.kind().name(), case["error"], "{id}: {error}");
            assert_eq!(error.message().starts_with("prompt 1: "), place, "{id}: {error}");
            let fallback = route(&options).map(|decision| decision.fallback.is_some());
            assert_eq!(fallback.is_ok_and(|fallback| fallback), case["covered"], "{id}");
        }
    }
}

#[test]
fn one_bad_input_does_not_fail_a_batch() {
    let router = default_router();
    let inputs = || {
        let unreadable = Error::new(ErrorKind::InvalidArgument, "the host found no text");
        [
            Input::Text("one"),
            Input::Messages(br#"[{"role":"user","content":[]}]"#),
            Input::Utf8(b"\xff"),
            Input::Unreadable(unreadable),
            Input::Messages(br#"{"messages":[{"role":"user","content":"five"}]}"#),
        ]
    };
    let weak = CallOptions::new().on_error(OnError::Weak);
    let decisions = router.route_batch(inputs(), &weak).unwrap();
    let fallbacks: Vec<bool> = decisions.iter().map(|decision| decision.fallback.is_some()).collect();
    assert_eq!(fallbacks, [false, true, true, true, false]);
    assert_eq!(decisions[4], router.route("five", &weak).unwrap());
    assert_eq!(&*decisions[3].fallback.as_ref().unwrap().reason, "the host found no text");
    assert_eq!(router.fallbacks(), 3);
    let by_kind: Vec<_> = router.fallbacks_by_kind().filter(|(_, count)| *count > 0).collect();
    assert_eq!(by_kind, [(ErrorKind::InvalidArgument, 3)]);
    // The first of a kind warns.
    let warned: Vec<bool> =
        decisions.iter().flat_map(|d| &d.fallback).map(|fallback| fallback.warning.is_some()).collect();
    assert_eq!(warned, [true, false, false]);
    let error = router.route_batch(inputs(), &CallOptions::new()).unwrap_err();
    assert!(error.message().starts_with("prompt 1: messages: "), "{error}");
}

#[test]
fn what_is_wrong_is_named() {
    for (json, words) in [
        (r#"[{"role":"assistant","content":"x"}]"#, "no message that counts has text"),
        (r#"[{"role":"user","content":"\ud83c"}]"#, "UTF-8"),
        (r#"[{"role":"user" "content"}]"#, "not JSON in UTF-8: expected `,` or `}` at byte 16"),
        (r#"["a"]"#, "a list of texts is a batch"),
        ("3", "expected a list of {role, content}"),
    ] {
        let error = prompt_from_messages(json).unwrap_err();
        assert!(error.message().starts_with("messages: ") && error.message().contains(words), "{error}");
    }
    let bare = [Input::Messages(br#"{"role":"user","content":"x"}"#)];
    let error = default_router().route_batch(&bare, &CallOptions::new()).unwrap_err();
    assert!(
        error.message().contains("route(messages)") && error.message().contains("list of chats"),
        "{error}"
    );
    let options = CallOptions::new().read(Read::AllUser);
    let error = default_router().route(&[0.0], &options).unwrap_err();
    assert!(error.message().contains("read has no effect"), "{error}");
    assert!("last".parse::<Read>().unwrap_err().message().contains("\"all_user\""));
}

/// The slow reading: everything parsed, then the same rules.
mod slow {
    use super::{Read, Value};

    pub(super) fn prompt(value: &Value, read: Read) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            _ => texts(value, read, true).filter(|texts| !texts.is_empty()).map(|texts| texts.join("\n")),
        }
    }

    fn texts(value: &Value, read: Read, top: bool) -> Option<Vec<String>> {
        let messages: Vec<&Value> = match value {
            Value::Array(list) => list.iter().collect(),
            Value::String(_) => vec![value],
            Value::Object(object) => {
                for key in ["messages", "input", "contents", "prompt"] {
                    match object.get(key) {
                        Some(chat @ (Value::Array(_) | Value::String(_))) => return texts(chat, read, false),
                        Some(chat @ Value::Object(_)) if top => return texts(chat, read, false),
                        Some(chat @ Value::Object(_)) => return Some(of_messages(&[chat], read)),
                        _ => {}
                    }
                }
                vec![value]
            }
            _ => return None,
        };
        let texts = of_messages(&messages, read);
        let is_message = |one: &&Value| one.is_object() || pair(one).is_some();
        let is_list = value.is_array() && top;
        (!is_list || messages.is_empty() || messages.iter().any(is_message)).then_some(texts)
    }

    fn pair(value: &Value) -> Option<(&str, &Value)> {
        let [role, content] = value.as_array()?.as_slice() else { return None };
        Some((role.as_str()?, content))
    }

    fn of_messages(messages: &[&Value], read: Read) -> Vec<String> {
        let all: Vec<String> = messages
            .iter()
            .filter_map(|message| {
                let (role, text) = of_message(message)?;
                (role == "user" || read == Read::Conversation).then_some(text)
            })
            .collect();
        if read == Read::LastUser { all.last().cloned().into_iter().collect() } else { all }
    }

    fn of_message(message: &Value) -> Option<(&'static str, String)> {
        if message.is_string() {
            return Some(("user", content(message)?));
        }
        if let Some((role, text)) = pair(message) {
            return Some((role_of(role), content(text)?));
        }
        let object = message.as_object()?;
        let nothing = Value::Null;
        // A later key wins, which a map keeps of neither; the generator gives one of them.
        let inner = ["data", "kwargs"].iter().filter_map(|key| object.get(*key)).find(|v| v.is_object());
        let inner = inner.unwrap_or(&nothing);
        let text = [message, inner]
            .iter()
            .flat_map(|fields| ["content", "parts", "blocks"].map(|key| content(&fields[key])))
            .flatten()
            .next();
        let by_role = |fields: &Value| fields["role"].as_str().map(role_of);
        let by_type = |fields: &Value| match fields["type"].as_str()? {
            "user" | "human" | "HumanMessage" => Some("user"),
            "ai" | "assistant" | "system" | "tool" => Some("other"),
            _ => None,
        };
        let gemini = matches!(message["parts"], Value::Array(_) | Value::Object(_) | Value::String(_));
        let role = by_role(message)
            .or_else(|| by_role(inner))
            .or_else(|| by_type(message))
            .or_else(|| by_type(inner))
            .or(gemini.then_some("user"))?;
        Some((role, text?))
    }

    fn role_of(name: &str) -> &'static str {
        if name == "user" || name == "human" { "user" } else { "other" }
    }

    fn content(value: &Value) -> Option<String> {
        let one = std::slice::from_ref(value);
        let parts = value.as_array().map_or(one, Vec::as_slice);
        let texts: Vec<&str> = parts.iter().filter_map(part).collect();
        let says_something = texts.iter().any(|text| text.chars().any(|c| !c.is_whitespace()));
        says_something.then(|| texts.join("\n"))
    }

    fn part(part: &Value) -> Option<&str> {
        let kind = if part["type"].is_null() { &part["block_type"] } else { &part["type"] };
        let counts = kind.is_null() || kind.as_str().is_some_and(|kind| kind.ends_with("text"));
        part.as_str().or_else(|| part["text"].as_str().filter(|_| counts))
    }
}

fn word() -> impl Strategy<Value = Value> {
    let words = ["hi", "what\n\"is\" \\ 2?", " ", "", "\u{a0}", "é😀", "user", "x/\u{1}"];
    prop::sample::select(words.to_vec()).prop_map(Value::from)
}

fn oddity() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(1.5e3)),
        Just(json!(true)),
        Just(json!([[], {"a": "]}"}])),
        word()
    ]
}

fn part() -> impl Strategy<Value = Value> {
    let kinds = ["text", "input_text", "output_text", "image_url", "tool_result", "reasoning"];
    let kind = prop_oneof![4 => prop::sample::select(kinds.to_vec()).prop_map(Value::from), 1 => oddity()];
    let key = prop::sample::select(vec!["type", "block_type", "kind"]);
    let made = (key, kind, "[a-z]", oddity(), prop_oneof![4 => word(), 1 => oddity()])
        .prop_map(|(key, kind, other, odd, text)| json!({key: kind, other: odd, "text": text}));
    prop_oneof![2 => made, 1 => word(), 1 => oddity()]
}

fn content() -> impl Strategy<Value = Value> {
    prop_oneof![2 => word(), 3 => prop::collection::vec(part(), 0..4).prop_map(Value::from), 1 => part()]
}

fn message() -> impl Strategy<Value = Value> {
    let roles = ["user", "human", "assistant", "system", "tool", "model"];
    let role = prop_oneof![5 => prop::sample::select(roles.to_vec()).prop_map(Value::from), 1 => oddity()];
    let role_key = prop::sample::select(vec!["role", "role", "role", "type", "name"]);
    let key = prop::sample::select(vec!["content", "content", "content", "parts", "blocks"]);
    let plain = (role_key, role.clone(), key, content(), oddity(), prop::option::of(content()))
        .prop_map(|(role_key, role, key, content, odd, more)| match more {
            None => json!({"id": "m", role_key: role, "meta": odd, key: content}),
            Some(more) => json!({key: content, "parts": more, role_key: role}),
        })
        .boxed();
    let deeper = (prop::sample::select(vec!["data", "kwargs"]), plain.clone(), role.clone())
        .prop_map(|(key, inner, role)| json!({"type": role, key: inner}));
    let pair = (role, content()).prop_map(|(role, content)| json!([role, content]));
    prop_oneof![8 => plain, 1 => deeper, 1 => pair, 1 => oddity()]
}

fn chat() -> impl Strategy<Value = Value> {
    let list = prop::collection::vec(message(), 0..5).prop_map(Value::from).boxed();
    let key = prop::sample::select(vec!["messages", "input", "contents", "prompt", "chat"]);
    let slot = prop_oneof![4 => list.clone(), 1 => word(), 1 => message(), 1 => oddity()];
    let body = (key.clone(), slot.clone(), key, slot, oddity())
        .prop_map(|(a, one, b, two, odd)| json!({"model": "m", a: one, "stop": odd, b: two}))
        .boxed();
    let nested = body.clone().prop_map(|body| json!({"input": body}));
    prop_oneof![4 => list, 2 => body, 1 => nested, 1 => message(), 1 => word()]
}

/// The same JSON in other clothes: blanks, and escapes where none are needed.
fn dressed(value: &Value, escapes: bool) -> String {
    let text = serde_json::to_string_pretty(value).unwrap();
    if !escapes {
        return text;
    }
    // Letters only: no escape of `to_string` holds one of these outside of a string.
    text.replace('é', "\\u00e9")
        .replace('😀', "\\ud83d\\ude00")
        .replace("ex", "\\u0065x")
        .replace("ser", "s\\u0065r")
}

fn outcome(result: Result<std::borrow::Cow<'_, str>>) -> Option<String> {
    result.map(std::borrow::Cow::into_owned).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_scanner_reads_what_a_parser_reads(chat in chat(), escapes: bool) {
        for read in Read::ALL {
            let expected = slow::prompt(&chat, read);
            for text in [chat.to_string(), dressed(&chat, escapes)] {
                prop_assert_eq!(&outcome(read.prompt(text.as_bytes())), &expected, "{}", text);
            }
        }
    }

    /// Cut anywhere, it is an error and never a panic: no prompt comes out of half a chat.
    #[test]
    fn half_a_chat_is_refused(chat in chat(), at: prop::sample::Index) {
        let text = chat.to_string();
        let cut = &text.as_bytes()[..at.index(text.len())];
        prop_assert!(Read::LastUser.prompt(cut).is_err());
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(prop::sample::select(br#"[]{}",:\u0dtextrol19"#.to_vec()), 0..60)) {
        for read in Read::ALL {
            let _ = read.prompt(&bytes);
        }
    }
}
