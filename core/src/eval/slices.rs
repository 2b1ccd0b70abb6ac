//! Parts of a table by what its prompts are like.

use std::collections::BTreeMap;

use super::Table;
use crate::{Error, Result};

/// The slices that need no column: `length`, `code` and `script`.
const BUILT_IN: [&str; 3] = ["length", "code", "script"];

/// Values that are sliced by whatever their rows; a column with more is a slice of its own accord only with
/// [`ROWS_PER_VALUE`] rows a value.
const FEW_VALUES: usize = 10;
/// Fewer rows say nothing.
const ROWS_PER_VALUE: usize = 5;
/// Values of a column that is sliced by, at most.
const MAX_SLICES: usize = 100;

/// Bounds of the bands of length, in characters.
const LENGTHS: [usize; 3] = [200, 1_000, 4_000];

/// Which band of length a prompt is in: `under 200`, `200 to 999`, `1000 to 3999` or `4000 and more` characters.
pub fn length_band(prompt: &str) -> &'static str {
    let [short, middle, long] = LENGTHS;
    match prompt.chars().count() {
        count if count < short => "under 200",
        count if count < middle => "200 to 999",
        count if count < long => "1000 to 3999",
        _ => "4000 and more",
    }
}

/// Marks of code, of which two different ones in a text, or a fence, make it code.
const MARKS: [&str; 16] = [
    "();",
    ");\n",
    ") {",
    "};",
    "def ",
    "    return ",
    "import ",
    "#include",
    "function(",
    "const ",
    "=> ",
    "SELECT ",
    " FROM ",
    "</",
    "print(",
    " == ",
];

/// Whether a prompt has code in it: a fence of Markdown, or two different marks that programs have and sentences have not.
pub fn has_code(prompt: &str) -> bool {
    prompt.contains("```") || MARKS.iter().filter(|mark| prompt.contains(**mark)).count() >= 2
}

/// Blocks of Unicode by script, first and last character.
const SCRIPTS: [(&str, u32, u32); 16] = [
    ("Latin", 0x41, 0x24f),
    ("Latin", 0x1e00, 0x1eff),
    ("Greek", 0x370, 0x3ff),
    ("Cyrillic", 0x400, 0x52f),
    ("Hebrew", 0x590, 0x5ff),
    ("Arabic", 0x600, 0x77f),
    ("Devanagari", 0x900, 0x97f),
    ("Bengali", 0x980, 0x9ff),
    ("Tamil", 0xb80, 0xbff),
    ("Thai", 0xe00, 0xe7f),
    ("Georgian", 0x10a0, 0x10ff),
    ("Kana", 0x3040, 0x30ff),
    ("Han", 0x3400, 0x4dbf),
    ("Han", 0x4e00, 0x9fff),
    ("Hangul", 0x1100, 0x11ff),
    ("Hangul", 0xac00, 0xd7a3),
];

/// The script that most letters of a prompt are of; text with kana is Japanese and so `Kana`, `other` is one that is not
/// looked for, `none` a text without letters. It says less than a language, and needs no model of any.
pub fn script(prompt: &str) -> &'static str {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for letter in prompt.chars().filter(|c| c.is_alphabetic()) {
        let code = u32::from(letter);
        let script = SCRIPTS.iter().find(|(_, first, last)| (*first..=*last).contains(&code));
        *counts.entry(script.map_or("other", |(name, _, _)| name)).or_default() += 1;
    }
    let kana = counts.get("Kana").copied().unwrap_or(0);
    if kana > 0 && kana * 10 >= counts.get("Han").copied().unwrap_or(0) {
        return "Kana";
    }
    // Of equally many the first by name.
    let most =
        counts.into_iter().fold(("none", 0), |best, (name, n)| if n > best.1 { (name, n) } else { best });
    most.0
}

/// Rows by the values of one column.
pub(super) struct Slices {
    pub(super) column: String,
    /// The values in their order, each with the numbers of its rows.
    pub(super) values: Vec<(String, Vec<usize>)>,
}

/// The columns that a table can be sliced by, with those that the caller computes.
fn known<'a>(table: &'a Table, labels: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    BUILT_IN.into_iter().chain(labels).chain(table.columns.keys().map(String::as_str)).collect()
}

/// Refuses names that a table has no column of, before anything is scored.
///
/// # Errors
/// `InvalidArgument`.
pub(super) fn check<'a>(
    table: &'a Table,
    named: &[String],
    labels: impl Iterator<Item = &'a str>,
) -> Result<()> {
    let known = known(table, labels);
    match named.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::invalid_argument(format!(
            "{}: no slice {name:?}; there are: {}",
            table.name,
            known.join(", ")
        ))),
    }
}

/// The slices of a table: those that are named, or all that say something. `labels` are columns that the caller computes.
///
/// # Errors
/// As [`check`]; `InvalidArgument` for a slice that has more than 100 values.
pub(super) fn slices(
    table: &Table,
    named: Option<&[String]>,
    labels: &[(String, Vec<String>)],
) -> Result<Vec<Slices>> {
    let names = || labels.iter().map(|(name, _)| name.as_str());
    check(table, named.unwrap_or_default(), names())?;
    let known = known(table, names());
    let mut found = Vec::new();
    for name in known.iter().copied().filter(|_| named.is_none()) {
        let slices = by(table, name, labels);
        let values = slices.values.len();
        let enough = values <= FEW_VALUES || values * ROWS_PER_VALUE <= table.prompts.len();
        // One value says nothing of its own.
        let known = found.iter().any(|slices: &Slices| slices.column == name);
        if (2..=MAX_SLICES).contains(&values) && enough && !known {
            found.push(slices);
        }
    }
    for name in named.unwrap_or_default() {
        let slices = by(table, name, labels);
        if slices.values.len() > MAX_SLICES {
            return Err(Error::invalid_argument(format!(
                "{}: the column {name:?} has {} different values, expected at most {MAX_SLICES}: name another one",
                table.name,
                slices.values.len()
            )));
        }
        found.push(slices);
    }
    Ok(found)
}

fn by(table: &Table, name: &str, labels: &[(String, Vec<String>)]) -> Slices {
    let given = labels.iter().find(|(known, _)| known == name).map(|(_, values)| values);
    // What is always a slice is one even without rows: an empty band says so.
    let mut values: Vec<(String, Vec<usize>)> = match name {
        "length" => ["under 200", "200 to 999", "1000 to 3999", "4000 and more"].map(str::to_owned).to_vec(),
        "code" => vec!["code".to_owned(), "no code".to_owned()],
        _ => Vec::new(),
    }
    .into_iter()
    .map(|value| (value, Vec::new()))
    .collect();
    let fixed = !values.is_empty();
    let mut places: BTreeMap<String, usize> =
        values.iter().enumerate().map(|(i, (value, _))| (value.clone(), i)).collect();
    for (row, prompt) in table.prompts.iter().enumerate() {
        let value = match (given.or_else(|| table.columns.get(name)), name) {
            (Some(values), _) => values[row].as_str(),
            (None, "length") => length_band(prompt),
            (None, "code") => {
                if has_code(prompt) {
                    "code"
                } else {
                    "no code"
                }
            }
            _ => script(prompt),
        };
        let next = values.len();
        let place = *places.entry(value.to_owned()).or_insert(next);
        if place == next {
            values.push((value.to_owned(), Vec::new()));
        }
        values[place].1.push(row);
    }
    if !fixed {
        values.sort_by(|a, b| a.0.cmp(&b.0));
    }
    Slices { column: name.to_owned(), values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::TableKind;

    #[test]
    fn prompts_are_told_apart() {
        assert_eq!((length_band("x"), length_band(&"é".repeat(200))), ("under 200", "200 to 999"));
        assert_eq!(
            (length_band(&"x".repeat(999)), length_band(&"x".repeat(4000))),
            ("200 to 999", "4000 and more")
        );
        assert!(has_code("def f(x):\n    return x") && has_code("```\nx\n```"));
        assert!(!has_code("Why does the class return to its village?") && !has_code("hi"));
        for (text, expected) in [
            ("What is it?", "Latin"),
            ("А что такое вообще матрица?", "Cyrillic"),
            ("日本の首都はどこですか", "Kana"),
            ("法国的首都是哪里", "Han"),
            ("프랑스의 수도는", "Hangul"),
            ("12 + 3", "none"),
        ] {
            assert_eq!(script(text), expected, "{text}");
        }
    }

    #[test]
    fn columns_are_slices_if_they_say_something() {
        let mut table = Table::empty("t", TableKind::Gold, vec!["a".into()]);
        table.prompts = (0..3).map(|i| format!("prompt {i}")).collect();
        table.columns.insert("task".into(), vec!["x".into(), String::new(), "x".into()]);
        table.columns.insert("same".into(), vec!["x".into(); 3]);
        let names = |slices: &[Slices]| slices.iter().map(|s| s.column.clone()).collect::<Vec<_>>();
        let language = [("language".to_owned(), vec!["en".to_owned(), "de".into(), "en".into()])];
        let found = slices(&table, None, &language).unwrap();
        assert_eq!(names(&found), ["length", "code", "language", "task"]);
        assert_eq!(found[0].values.iter().map(|(_, rows)| rows.len()).collect::<Vec<_>>(), [3, 0, 0, 0]);
        assert_eq!(found[3].values, [(String::new(), vec![1]), ("x".to_owned(), vec![0, 2])]);
        let found = slices(&table, Some(&["same".to_owned()]), &[]).unwrap();
        assert_eq!(found[0].values, [("x".to_owned(), vec![0, 1, 2])]);
        let error = slices(&table, Some(&["tasks".to_owned()]), &[]).map(|_| ()).unwrap_err();
        assert!(
            error.message().contains("no slice \"tasks\"; there are: length, code, script, same, task"),
            "{error}"
        );
    }
}
