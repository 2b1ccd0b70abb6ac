//! `POST /v1/feedback`: what callers say of answers, kept in a file and told to what learns from it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::{Request, Response};
use routellm_core::{DecisionId, Side};
use serde::Deserialize;
use serde_json::json as value;

use super::{admit, body_of, count, dialect_of, json, post};
use crate::learner::{Feedback, Outcome};
use crate::refusal::Refusal;
use crate::state::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    id: String,
    quality: Option<f64>,
    preferred: Option<Preferred>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Preferred {
    Strong,
    Weak,
    Tie,
}

impl Given {
    fn outcome(&self) -> Result<Outcome, Refusal> {
        match (self.quality, self.preferred) {
            (Some(quality), None) if (0.0..=1.0).contains(&quality) => Ok(Outcome::Quality(quality)),
            (Some(_), None) => Err(Refusal::invalid("quality has to be a number in [0, 1]")),
            (None, Some(Preferred::Strong)) => Ok(Outcome::Preferred(Some(Side::Strong))),
            (None, Some(Preferred::Weak)) => Ok(Outcome::Preferred(Some(Side::Weak))),
            (None, Some(Preferred::Tie)) => Ok(Outcome::Preferred(None)),
            _ => Err(Refusal::invalid(EXPECTED)),
        }
    }
}

const EXPECTED: &str = "expected {\"id\": ..., \"quality\": a number in [0, 1]} or {\"id\": ..., \"preferred\": \
                        \"strong\", \"weak\" or \"tie\"}, where id is the header x-routellm-id of an answer";

/// Keeps feedback.
pub(super) async fn feedback(Shared(state): Shared<Arc<State>>, request: Request<Body>) -> Response<Body> {
    let dialect = dialect_of(request.headers());
    let answer = keep(&state, request).await;
    count(&state, "/v1/feedback", answer, dialect)
}

async fn keep(state: &Arc<State>, request: Request<Body>) -> super::Answer {
    let (head, body) = request.into_parts();
    post(&head.method)?;
    let snapshot = state.now();
    let caller = admit(&snapshot, &head.headers)?.cloned();
    if !state.takes_feedback() {
        return Err(Refusal::invalid("this gateway keeps no feedback: set feedback.file").code("no_feedback"));
    }
    let body = body_of(&snapshot, &head.headers, body).await?;
    let given: Given = serde_json::from_slice(&body).map_err(|_| Refusal::invalid(EXPECTED))?;
    let outcome = given.outcome()?;
    let id: DecisionId = given.id.parse().map_err(|_| Refusal::invalid(EXPECTED))?;
    let caller = caller.map(|caller| caller.name.clone());
    let made = state.recent.get(id.to_u128()).filter(|made| made.caller == caller).ok_or_else(|| {
        let status = axum::http::StatusCode::NOT_FOUND;
        Refusal::invalid_as(status, "no decision that is remembered has this id; raise feedback.decisions")
    })?;
    let told = match outcome {
        Outcome::Quality(quality) => value!({"quality": quality}),
        Outcome::Preferred(side) => value!({"preferred": side.map_or("tie", Side::name)}),
    };
    let mut line = value!({
        "time": super::record::time(),
        "id": id.to_string(),
        "router": made.router,
        "decided": made.decided,
        "model": made.model,
        "win_rate": made.win_rate,
        "propensity": made.propensity,
        "key": made.caller,
    });
    if let (Some(line), Some(told)) = (line.as_object_mut(), told.as_object()) {
        line.extend(told.clone());
    }
    let state = Arc::clone(state);
    let kept = tokio::task::spawn_blocking(move || {
        state.logs.feedback(&line)?;
        state.metrics.feedback.add(1);
        if let Some(learner) = &state.learner {
            let feedback = Feedback::new(id, &made.router, &made.model, made.propensity, outcome);
            if let Err(error) = learner.observe(&feedback) {
                state.logs.line(&value!({"event": "learner_failed", "id": id.to_string(), "error": error}));
            }
        }
        Ok::<_, std::io::Error>(())
    });
    match kept.await {
        Ok(Ok(())) => json(&value!({"id": given.id, "kept": true})),
        Ok(Err(error)) => {
            Err(Refusal::internal(format!("the feedback was not kept ({error}): look at feedback.file")))
        }
        Err(_) => Err(Refusal::internal("the feedback was not kept; send it again")),
    }
}
