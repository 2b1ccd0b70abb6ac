//! Tables as JSON lines, in the one form that every reader of this library takes.

use serde_json::{Map, Value, json};

use super::{GoldTable, LogTable, VoteTable};

impl VoteTable {
    /// The votes as JSON lines, which [`from_jsonl`](Self::from_jsonl) reads as the same votes.
    pub fn to_jsonl(&self) -> String {
        let lines = self.votes.iter().map(|vote| {
            let mut row = json!({
                "id": vote.id, "prompt": vote.prompt, "model_a": vote.model_a, "model_b": vote.model_b,
                "winner": vote.winner.name(),
            });
            if let Some(p) = vote.p_model_a {
                row["p_model_a"] = json!(p);
            }
            format!("{row}\n")
        });
        lines.collect::<Vec<_>>().concat()
    }
}

impl GoldTable {
    /// The rows as JSON lines, which [`from_jsonl`](Self::from_jsonl) reads as the same rows.
    pub fn to_jsonl(&self) -> String {
        let lines = self.rows.iter().map(|row| {
            let mut members =
                Map::from_iter([("id".to_owned(), json!(row.id)), ("prompt".to_owned(), json!(row.prompt))]);
            let scores = self.models.names().iter().cloned().zip(row.scores.iter().map(|score| json!(score)));
            members.extend(scores);
            format!("{}\n", Value::Object(members))
        });
        lines.collect::<Vec<_>>().concat()
    }
}

impl LogTable {
    /// The outcomes as JSON lines, which [`from_jsonl`](Self::from_jsonl) reads as the same outcomes.
    pub fn to_jsonl(&self) -> String {
        let lines = self.rows.iter().map(|row| {
            let mut line =
                json!({ "id": row.id, "prompt": row.prompt, "model": row.model, "quality": row.quality });
            if let Some(propensity) = row.propensity {
                line["propensity"] = json!(propensity);
            }
            format!("{line}\n")
        });
        lines.collect::<Vec<_>>().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let votes = concat!(
            r#"{"id": "1", "prompt": "a\n\"b\" \u00e9", "model_a": "x", "model_b": "y", "winner": "tie (bothbad)"}"#,
            "\n",
            r#"{"prompt": "c", "model_a": "x", "model_b": "y", "winner": "model_b"}"#,
            "\n",
            r#"{"prompt": "d", "model_a": "x", "model_b": "y", "p_model_a": 0.75}"#,
        );
        let votes = VoteTable::from_jsonl(votes.as_bytes(), "v").unwrap();
        assert_eq!(VoteTable::from_jsonl(votes.to_jsonl().as_bytes(), "w").unwrap(), votes);
        let gold = r#"{"prompt": "c", "y": 0.1, "x": true, "id": 7}"#;
        let gold = GoldTable::from_jsonl(gold.as_bytes(), "g").unwrap();
        let again = GoldTable::from_jsonl(gold.to_jsonl().as_bytes(), "h").unwrap();
        let logs = concat!(
            r#"{"prompt": "c", "model": "m", "score": 0.5, "propensity": 0.25, "id": 7}"#,
            "\n",
            r#"{"prompt": "d", "model": "n", "quality": true}"#,
        );
        let logs = LogTable::from_jsonl(logs.as_bytes(), "l").unwrap();
        assert_eq!(LogTable::from_jsonl(logs.to_jsonl().as_bytes(), "m").unwrap(), logs);
        let sorted = |table: &GoldTable| {
            let mut scores: Vec<_> =
                table.models.names().iter().cloned().zip(table.rows[0].scores.clone()).collect();
            scores.sort_by(|a, b| a.0.cmp(&b.0));
            (table.rows[0].id.clone(), table.rows[0].prompt.clone(), scores)
        };
        assert_eq!(sorted(&again), sorted(&gold));
    }
}
