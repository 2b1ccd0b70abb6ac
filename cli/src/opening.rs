//! The router of a command, and how it is opened.

use std::path::PathBuf;

use routellm_core::options::OptionValue;
use routellm_core::{OpenOptions, Result, Router};

/// Which router, and how it is opened.
#[derive(Debug, clap::Args)]
pub(crate) struct Opening {
    /// The folder of an artifact or of a model; the router that is compiled in without it.
    #[arg(short, long, value_name = "FOLDER")]
    router: Option<PathBuf>,
    /// An option of opening, repeatable: provider=cuda, sessions=2, strong=gpt-4.
    #[arg(short = 'O', long = "option", value_name = "NAME=VALUE", value_parser = named)]
    options: Vec<(String, OptionValue)>,
}

impl Opening {
    /// # Errors
    /// As opening a router.
    pub(crate) fn open(&self) -> Result<Router> {
        let mut options = OpenOptions::new();
        self.options.iter().try_for_each(|(name, value)| options.set(name, value))?;
        match &self.router {
            Some(path) => options.open(path),
            None => options.open_default(),
        }
    }
}

/// An option by name. A value that reads as a number, `true` or `false`, a list or an object of JSON is one; anything else
/// is a text.
fn named(text: &str) -> Result<(String, OptionValue), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    if name.is_empty() {
        return Err("expected NAME=VALUE".to_owned());
    }
    let value = match serde_json::from_str(value) {
        Ok(json) => of_json(json).ok_or("the value is null")?,
        Err(_) => OptionValue::Text(value.to_owned()),
    };
    Ok((name.to_owned(), value))
}

fn of_json(value: serde_json::Value) -> Option<OptionValue> {
    use serde_json::Value;
    Some(match value {
        Value::Null => return None,
        Value::Bool(on) => OptionValue::Flag(on),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => OptionValue::Whole(whole),
            None => OptionValue::Number(number.as_f64()?),
        },
        Value::String(text) => OptionValue::Text(text),
        Value::Array(values) => OptionValue::List(values.into_iter().map(of_json).collect::<Option<_>>()?),
        Value::Object(members) => {
            OptionValue::Object(members.into_iter().map(|(name, value)| (name, of_json(value))).collect())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_json_or_texts() {
        let value = |text: &str| named(text).map(|(_, value)| value);
        assert_eq!(value("sessions=2"), Ok(OptionValue::Whole(2)));
        assert_eq!(value("min_similarity=.5"), Ok(OptionValue::Text(".5".into())));
        assert_eq!(value("min_similarity=0.5"), Ok(OptionValue::Number(0.5)));
        assert_eq!(value("tf32=true"), Ok(OptionValue::Flag(true)));
        assert_eq!(value("strong=gpt-4"), Ok(OptionValue::Text("gpt-4".into())));
        assert_eq!(value("template=a=b"), Ok(OptionValue::Text("a=b".into())));
        assert!(matches!(value(r#"names={"strong": "gpt-5"}"#), Ok(OptionValue::Object(_))));
        assert!(value("sessions").is_err() && value("=2").is_err() && value("strong=null").is_err());
    }
}
