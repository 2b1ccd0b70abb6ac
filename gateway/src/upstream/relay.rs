//! The body of an answer, passed on part by part as it arrives.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use super::usage::{Tap, Usage};
use super::{Started, headers};

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was passed on.
    Complete,
    /// The provider broke off.
    Broken,
    /// The provider sent nothing for too long.
    Stalled,
    /// The caller went away.
    Abandoned,
}

impl Outcome {
    /// Its name in metrics and logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Broken => "broken",
            Self::Stalled => "stalled",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What is known when an answer has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    pub(crate) usage: Option<Usage>,
}

type Finish = Box<dyn FnOnce(End) + Send>;

struct Relay {
    first: Option<Bytes>,
    body: Incoming,
    idle: Duration,
    /// When the provider has been silent for too long.
    silence: Pin<Box<Sleep>>,
    tap: Option<Tap>,
    finish: Option<Finish>,
    #[expect(dead_code, reason = "it is given back at the end")]
    permit: Option<OwnedSemaphorePermit>,
}

/// Why an answer broke off in the middle. The caller sees its connection end.
#[derive(Debug)]
struct Cut(Outcome);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer of the upstream is {}", self.0.name())
    }
}

impl std::error::Error for Cut {}

/// The answer for the caller; `finish` is told how it ended, exactly once.
pub(crate) fn relay(started: Started, finish: impl FnOnce(End) + Send + 'static) -> Response<Body> {
    let Started { head, first, body, idle, permit } = started;
    let silence = Box::pin(tokio::time::sleep(idle));
    let tap = Tap::of(&head.headers);
    let finish: Option<Finish> = Some(Box::new(finish));
    let mut response = Response::new(Body::new(Relay { first, body, idle, silence, tap, finish, permit }));
    *response.status_mut() = head.status;
    *response.headers_mut() = headers::response(&head.headers);
    response
}

impl Relay {
    fn end(&mut self, outcome: Outcome) {
        if let Some(finish) = self.finish.take() {
            finish(End { outcome, usage: self.tap.as_ref().and_then(Tap::usage) });
        }
    }

    /// Nobody asks for the end of a body whose length is known.
    fn end_if_last(&mut self) {
        if self.body.is_end_stream() {
            self.end(Outcome::Complete);
        }
    }

    fn passed(&mut self, data: &Bytes) {
        if let Some(tap) = &mut self.tap {
            tap.write(data);
        }
    }
}

impl http_body::Body for Relay {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            this.passed(&first);
            this.end_if_last();
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    let data = data.clone();
                    this.passed(&data);
                }
                this.silence.as_mut().reset(Instant::now() + this.idle);
                this.end_if_last();
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => {
                this.end(Outcome::Broken);
                Poll::Ready(Some(Err(axum::Error::new(Cut(Outcome::Broken)))))
            }
            Poll::Ready(None) => {
                this.end(Outcome::Complete);
                Poll::Ready(None)
            }
            Poll::Pending => {
                if this.silence.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                this.end(Outcome::Stalled);
                Poll::Ready(Some(Err(axum::Error::new(Cut(Outcome::Stalled)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        let mut hint = self.body.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + first);
        }
        hint.set_lower(hint.lower() + first);
        hint
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // A body without a byte may not even be asked for its first part.
        let outcome = if self.is_end_stream() { Outcome::Complete } else { Outcome::Abandoned };
        self.end(outcome);
    }
}
