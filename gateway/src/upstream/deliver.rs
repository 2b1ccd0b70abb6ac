//! From a list of candidates to an answer: tries again within a budget, then goes on to the next candidate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;

use super::retries::{asked, wait};
use super::{Failure, Outgoing, Started, Upstream, is_trouble};
use crate::metrics::now_us;
use crate::refusal::Refusal;
use crate::request::Pieces;

/// Who may answer, with the body that it gets.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) body: Pieces,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Delivered {
    /// The place of the target that answered, or was tried last.
    pub(crate) target: usize,
    /// How many requests were sent or would have been.
    pub(crate) tries: u32,
    /// Why the tries before failed.
    pub(crate) failures: Vec<(usize, Failure)>,
    pub(crate) answer: Result<Started, Refusal>,
}

/// Gets an answer from the first target that gives one, by `until`.
pub(crate) async fn deliver(targets: &[Target], outgoing: &Outgoing, until: Instant, seed: u64) -> Delivered {
    let mut course = Course { target: 0, tries: 0, failures: Vec::new(), last: None, seed };
    let in_time = tokio::time::timeout_at(until.into(), course.run(targets, outgoing)).await;
    let answer = match in_time {
        Ok(Some(started)) => Ok(started),
        // What a provider said is worth more than what we could.
        Ok(None) => course.last.take().ok_or(()).map_err(|()| course.refusal(targets)),
        Err(_) => {
            course.failures.push((course.target, Failure::Timeout));
            Err(Refusal::upstream(
                StatusCode::GATEWAY_TIMEOUT,
                "deadline",
                "no answer began in time; raise limits.request_timeout_ms, or try again",
            ))
        }
    };
    Delivered { target: course.target, tries: course.tries, failures: course.failures, answer }
}

struct Course {
    target: usize,
    tries: u32,
    failures: Vec<(usize, Failure)>,
    /// The newest answer with a status that means trouble, and its target.
    last: Option<Started>,
    seed: u64,
}

impl Course {
    async fn run(&mut self, targets: &[Target], outgoing: &Outgoing) -> Option<Started> {
        for (place, target) in targets.iter().enumerate() {
            // An answer that could be passed on stays the answer while nobody gives a better one.
            if self.last.is_none() {
                self.target = place;
            }
            if let Some(started) = self.of_target(place, target, outgoing).await {
                self.target = place;
                return Some(started);
            }
        }
        None
    }

    async fn of_target(&mut self, place: usize, target: &Target, outgoing: &Outgoing) -> Option<Started> {
        let upstream = &target.upstream;
        upstream.retries.deposit();
        for retry in 0..=upstream.config.retries {
            self.tries += 1;
            let begun = now_us();
            let tried = upstream.once(outgoing, target.body.clone()).await;
            let (failure, asks) = match tried {
                Ok(started) if is_trouble(started.head.status) => {
                    let asks = asked(started.head.headers.get(RETRY_AFTER));
                    self.last = Some(started);
                    self.target = place;
                    (Failure::Status, asks)
                }
                Ok(started) => {
                    upstream.counters.first_byte.observe_us(now_us().saturating_sub(begun));
                    return Some(started);
                }
                Err(failure) => (failure, None),
            };
            self.failures.push((place, failure));
            upstream.counters.failed(failure.name());
            // What is known to fail again, or took its time, is left to the next candidate.
            if !matches!(failure, Failure::Connect | Failure::Broken | Failure::Status) {
                return None;
            }
            let most = Duration::from_millis(upstream.config.retry_wait_ms);
            let pause = wait(retry, asks, most, self.random())?;
            if retry == upstream.config.retries || !upstream.retries.withdraw() {
                return None;
            }
            upstream.counters.retries.add(1);
            // An answer that is not passed on gives its connection back.
            self.last = None;
            tokio::time::sleep(pause).await;
        }
        None
    }

    /// A number in [0, 1) that spreads out retries of many callers.
    fn random(&mut self) -> f64 {
        // SplitMix64.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / 2f64.powi(64)
    }

    fn refusal(&self, targets: &[Target]) -> Refusal {
        let Some(&(place, failure)) = self.failures.last() else {
            return Refusal::internal("no candidate was left to send the request to");
        };
        let name = &targets[place].upstream.name;
        let code = failure.name();
        match failure {
            Failure::Rate | Failure::Busy => {
                Refusal::too_many(format!("upstream {name:?} is at its limit of this gateway; try again"), 1)
            }
            Failure::Resting => Refusal::upstream(
                StatusCode::SERVICE_UNAVAILABLE,
                code,
                format!("upstream {name:?} failed again and again and is left alone for a while; try again"),
            ),
            Failure::Timeout => Refusal::upstream(
                StatusCode::GATEWAY_TIMEOUT,
                code,
                format!("upstream {name:?} gave no answer in time; try again"),
            ),
            Failure::Connect => Refusal::upstream(
                StatusCode::BAD_GATEWAY,
                code,
                format!("upstream {name:?} cannot be reached; look at its base_url and whether it runs"),
            ),
            Failure::Broken | Failure::Status => Refusal::upstream(
                StatusCode::BAD_GATEWAY,
                code,
                format!("upstream {name:?} broke off before its answer began; try again"),
            ),
        }
    }
}
