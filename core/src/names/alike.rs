//! Names of models that mean the same: sources write an organisation before one, or another case.

/// A name as it is without organisation and case.
pub(crate) fn plain(name: &str) -> String {
    name.trim().rsplit('/').next().unwrap_or_default().to_lowercase()
}

/// Those of the names that differ from another one only by an organisation before it or by case, by group.
pub(crate) fn alike<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<Vec<String>> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for name in names {
        let plain = plain(name);
        match groups.iter_mut().find(|(known, _)| *known == plain) {
            Some((_, names)) if names.iter().any(|known| known == name) => {}
            Some((_, names)) => names.push(name.to_owned()),
            None => groups.push((plain, vec![name.to_owned()])),
        }
    }
    groups.retain(|(_, names)| names.len() > 1);
    groups.into_iter().map(|(_, names)| names).collect()
}

/// ` (did you mean "x"?)` where one of the known names is `name` but for an organisation or case, or nothing.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let plain_name = plain(name);
    let meant: Vec<String> = known
        .into_iter()
        .filter(|known| plain(known) == plain_name)
        .map(|known| format!("{known:?}"))
        .collect();
    if meant.is_empty() { String::new() } else { format!(" (did you mean {}?)", meant.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisation_and_case_make_no_other_model() {
        let names = ["mistralai/Mixtral-8x7B", "gpt-4", "mixtral-8x7b", "GPT-4", "gpt-4", "gpt-4-1106"];
        assert_eq!(alike(names), [["mistralai/Mixtral-8x7B", "mixtral-8x7b"], ["gpt-4", "GPT-4"]]);
        assert_eq!(suggestion("openai/gpt-4-1106", names), " (did you mean \"gpt-4-1106\"?)");
        assert_eq!(suggestion("gpt-5", names), "");
    }
}
