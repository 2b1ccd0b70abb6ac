//! Values that hold for one model, or for all others.

use routellm_core::Result;

use super::invalid;

/// The values of an option: `MODEL=VALUE`, or a value alone.
pub(super) struct PerModel<'a> {
    /// That of all models without one of their own.
    pub(super) general: Option<&'a str>,
    own: Vec<(&'a str, &'a str)>,
}

impl<'a> PerModel<'a> {
    /// Reads the values of an option.
    ///
    /// # Errors
    /// `InvalidArgument` for two values that hold for the same, and for a model that is not asked.
    pub(super) fn of(option: &str, values: &'a [String], models: &[&str]) -> Result<Self> {
        let mut read = Self { general: None, own: Vec::new() };
        for value in values {
            let before = match parted(value) {
                None => read.general.replace(value),
                Some((model, value)) => {
                    if !models.contains(&model) {
                        return Err(invalid(format!(
                            "{option} {model}={value}: no such model is asked now; those asked are {}",
                            models.join(", ")
                        )));
                    }
                    let before = read.own(model);
                    read.own.push((model, value));
                    before
                }
            };
            if let Some(before) = before {
                return Err(invalid(format!("{option} has {before} and {value} for the same; keep one")));
            }
        }
        Ok(read)
    }

    /// That of this model alone.
    pub(super) fn own(&self, model: &str) -> Option<&'a str> {
        self.own.iter().find(|(name, _)| *name == model).map(|(_, value)| *value)
    }
}

/// The model and its value; an address has a sign of its own in its query.
fn parted(value: &str) -> Option<(&str, &str)> {
    if value.starts_with("http://") || value.starts_with("https://") {
        return None;
    }
    let at = value.find("=http://").or_else(|| value.find("=https://")).or_else(|| value.rfind('='))?;
    (at > 0).then(|| (&value[..at], &value[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_a_model_or_of_all() {
        let values = ["https://a/v1?x=1", "m=http://b/v1?y=2", "n:8b=https://c"].map(str::to_owned);
        let read = PerModel::of("--endpoint", &values, &["m", "n:8b", "o"]).unwrap();
        assert_eq!(read.general, Some("https://a/v1?x=1"));
        assert_eq!(
            (read.own("m"), read.own("n:8b"), read.own("o")),
            (Some("http://b/v1?y=2"), Some("https://c"), None)
        );
        let keys = ["a=b=KEY".to_owned()];
        assert_eq!(PerModel::of("--key-env", &keys, &["a=b"]).unwrap().own("a=b"), Some("KEY"));
        for wrong in [["http://a", "http://b"], ["m=http://a", "m=http://b"], ["x=http://a", "http://b"]] {
            assert!(PerModel::of("--endpoint", &wrong.map(str::to_owned), &["m"]).is_err(), "{wrong:?}");
        }
    }
}
