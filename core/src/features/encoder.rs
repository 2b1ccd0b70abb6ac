//! What every encoder is to a router.

use std::any::Any;
use std::sync::Arc;

use super::TextCap;
use crate::jobs::{self, Pool, RowResults, Slot, Unit};
use crate::onnx::RuntimeUse;
use crate::{CancelToken, Result};

/// The vector of a text, and whether the text was cut.
pub type Embedding = (Vec<f32>, bool);

/// Hears what a call comes to, once, on any thread. It should return soon, for it may hold up other calls.
pub type EmbedDone<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// What turns a text into a dense vector. A text has the same bits alone and beside any others.
pub trait TextEncoder: Any + std::fmt::Debug + Send + Sync {
    /// Its name, for example `all-MiniLM-L6-v2/int8-weights`.
    fn id(&self) -> &str;

    /// Length of its vectors.
    fn dimension(&self) -> usize;

    /// Cap on the bytes of a text.
    fn cap(&self) -> TextCap;

    /// Tokens of a text that are read; `None` if it has no tokenizer.
    fn max_tokens(&self) -> Option<usize>;

    /// What its calls run on.
    fn slots(&self) -> &Pool;

    /// The runtime that it uses, if it uses one.
    fn runtime(&self) -> Option<RuntimeUse> {
        None
    }

    /// How many texts it reads side by side.
    fn parallelism(&self) -> usize {
        self.slots().size()
    }

    /// The vector of `text`, and whether the text was cut, computed in `slot`, one of its own.
    ///
    /// # Errors
    /// `Tokenize`, `Inference`, `Cancelled`, `ResourceExhausted` at a deadline.
    fn embed_in(&self, slot: &mut Slot, text: &str, stop: Option<&CancelToken>) -> Result<Embedding>;

    /// As [`embed_in`](Self::embed_in), in an idle slot; it waits for none.
    ///
    /// # Errors
    /// As [`embed_in`](Self::embed_in); `ResourceExhausted` if every slot is in use.
    fn embed(&self, text: &str, stop: Option<&CancelToken>) -> Result<Embedding> {
        self.embed_in(self.slots().lease()?.slot(), text, stop)
    }

    /// The vectors of many texts, in one idle slot.
    ///
    /// # Errors
    /// As [`embed`](Self::embed), for the first text that fails.
    fn embed_many(&self, texts: &[&str], stop: Option<&CancelToken>) -> Result<Vec<Embedding>> {
        let mut lease = self.slots().lease()?;
        texts.iter().map(|text| self.embed_in(lease.slot(), text, stop)).collect()
    }

    /// As [`embed`](Self::embed), without waiting: the text has its turn when a slot is idle, and `done` hears what it
    /// comes to, exactly once, on another thread or, if it is known at once, on this one. An encoder whose answer comes
    /// by a callback gives `done` to that instead, and occupies no thread meanwhile.
    fn embed_async(self: Arc<Self>, text: String, stop: Option<CancelToken>, done: EmbedDone<Embedding>) {
        let encoder = Arc::clone(&self);
        match self.slots().queue() {
            Ok(queue) => {
                let token = stop.clone();
                let work = move |slot: &mut Slot| encoder.embed_in(slot, &text, token.as_ref());
                jobs::start(queue, stop, work, done);
            }
            Err(error) => done(Err(error)),
        }
    }

    /// As [`embed_async`](Self::embed_async), for many texts, on as many slots as are idle. `done` hears the vectors in
    /// the order of the texts, or the first error. An encoder with an [`embed_async`](Self::embed_async) of its own has one of
    /// this, too.
    fn embed_many_async(
        self: Arc<Self>,
        texts: Vec<String>,
        stop: Option<CancelToken>,
        done: EmbedDone<Vec<Embedding>>,
    ) {
        let encoder = Arc::clone(&self);
        match self.slots().queue() {
            Ok(queue) => {
                let results = texts.iter().map(|_| None).collect();
                let token = stop.clone();
                let plan = move |_: &mut Slot| Ok(units(&encoder, texts, token.as_ref()));
                jobs::start_rows(queue, stop, results, true, plan, move |results| done(in_order(results)));
            }
            Err(error) => done(Err(error)),
        }
    }
}

impl dyn TextEncoder {
    /// This encoder, if it is a `T`.
    pub fn downcast_ref<T: TextEncoder>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }
}

/// A unit for each text.
fn units<E: TextEncoder + ?Sized>(
    encoder: &Arc<E>,
    texts: Vec<String>,
    stop: Option<&CancelToken>,
) -> Vec<Unit<Embedding>> {
    let unit = |(row, text): (usize, String)| {
        let (encoder, stop) = (Arc::clone(encoder), stop.cloned());
        let work = move |slot: &mut Slot| vec![encoder.embed_in(slot, &text, stop.as_ref())];
        Unit { rows: vec![row], work: Box::new(work) }
    };
    texts.into_iter().enumerate().map(unit).collect()
}

/// The results of all rows, or the first error. After an error some rows have not run.
fn in_order(results: RowResults<Embedding>) -> Result<Vec<Embedding>> {
    results.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use super::*;
    use crate::features::CapSide;
    use crate::{Error, ErrorKind};

    /// Gives the length of a text; `bad` is an error, `broken` a panic, and `slow` goes on until it is stopped.
    #[derive(Debug)]
    struct Lengths(Pool);

    impl Lengths {
        fn new() -> Arc<Self> {
            let slots = || vec![Slot::default(), Slot::default()];
            Arc::new(Self(Pool::new(slots(), None, move || Ok(slots()))))
        }
    }

    fn length(text: &str, stop: Option<&CancelToken>) -> Result<Embedding> {
        match text {
            "bad" => Err(Error::new(ErrorKind::Inference, "a bad text")),
            "broken" => panic!("a broken encoder"),
            "slow" => loop {
                stop.map_or(Ok(()), CancelToken::check)?;
                thread::sleep(Duration::from_millis(1));
            },
            _ => Ok((vec![text.len() as f32], false)),
        }
    }

    impl TextEncoder for Lengths {
        fn id(&self) -> &'static str {
            "lengths"
        }
        fn dimension(&self) -> usize {
            1
        }
        fn cap(&self) -> TextCap {
            TextCap { max_bytes: 100, side: CapSide::Head }
        }
        fn max_tokens(&self) -> Option<usize> {
            None
        }
        fn slots(&self) -> &Pool {
            &self.0
        }
        fn embed_in(&self, _: &mut Slot, text: &str, stop: Option<&CancelToken>) -> Result<Embedding> {
            length(text, stop)
        }
    }

    /// The same by an answer that comes later, on a thread that is none of ours.
    #[derive(Debug)]
    struct Remote(Arc<Lengths>);

    impl TextEncoder for Remote {
        fn id(&self) -> &'static str {
            "remote"
        }
        fn dimension(&self) -> usize {
            1
        }
        fn cap(&self) -> TextCap {
            self.0.cap()
        }
        fn max_tokens(&self) -> Option<usize> {
            None
        }
        fn slots(&self) -> &Pool {
            self.0.slots()
        }
        fn embed_in(&self, slot: &mut Slot, text: &str, stop: Option<&CancelToken>) -> Result<Embedding> {
            self.0.embed_in(slot, text, stop)
        }
        fn embed_async(self: Arc<Self>, text: String, stop: Option<CancelToken>, done: EmbedDone<Embedding>) {
            let answer = move || done(length(&text, stop.as_ref()));
            thread::Builder::new().name("remote".to_owned()).spawn(answer).map(drop).unwrap();
        }
    }

    type Heard<T> = Receiver<(Result<T>, ThreadId, Option<String>)>;

    /// What tells the receiver what it hears, and where.
    fn hear<T: Send + 'static>() -> (EmbedDone<T>, Heard<T>) {
        let (sender, receiver) = sync_channel(2);
        let done = move |outcome| {
            let here = thread::current();
            sender.send((outcome, here.id(), here.name().map(str::to_owned))).unwrap();
        };
        (Box::new(done), receiver)
    }

    fn one(encoder: Arc<dyn TextEncoder>, text: &str, stop: Option<CancelToken>) -> Heard<Embedding> {
        let (done, heard) = hear();
        encoder.embed_async(text.to_owned(), stop, done);
        heard
    }

    #[test]
    fn a_vector_comes_later_on_another_thread() {
        let encoders: [(Arc<dyn TextEncoder>, &str); 2] =
            [(Lengths::new(), "routellm-runner"), (Arc::new(Remote(Lengths::new())), "remote")];
        for (encoder, name) in encoders {
            let (outcome, thread, named) = one(encoder, "four", None).recv().unwrap();
            assert_eq!(outcome.unwrap(), (vec![4.0], false));
            assert_ne!(thread, thread::current().id());
            assert_eq!(named.as_deref(), Some(name));
        }
    }

    #[test]
    fn many_vectors_come_in_the_order_of_their_texts() {
        for encoder in [Lengths::new() as Arc<dyn TextEncoder>, Arc::new(Remote(Lengths::new()))] {
            for n in [0, 1, 50] {
                let (done, heard) = hear();
                Arc::clone(&encoder).embed_many_async((0..n).map(|i| "x".repeat(i)).collect(), None, done);
                let want: Vec<Embedding> = (0..n).map(|i| (vec![i as f32], false)).collect();
                assert_eq!(heard.recv().unwrap().0.unwrap(), want);
                assert!(heard.recv().is_err(), "it is told once");
            }
        }
    }

    #[test]
    fn errors_and_panics_are_heard() {
        let encoder = Lengths::new();
        for (text, kind) in [("bad", ErrorKind::Inference), ("broken", ErrorKind::Internal)] {
            let heard = one(encoder.clone(), text, None);
            assert_eq!(heard.recv().unwrap().0.unwrap_err().kind(), kind);
            let (done, heard) = hear();
            encoder.clone().embed_many_async(vec!["a".to_owned(), text.to_owned()], None, done);
            assert_eq!(heard.recv().unwrap().0.unwrap_err().kind(), kind);
        }
        let remote = one(Arc::new(Remote(encoder.clone())), "bad", None);
        assert_eq!(remote.recv().unwrap().0.unwrap_err().kind(), ErrorKind::Inference);
        encoder.0.close();
        let closed = one(encoder, "four", None).recv().unwrap();
        assert_eq!(closed.0.unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(closed.1, thread::current().id());
    }

    #[test]
    fn what_waits_and_what_runs_can_be_cancelled() {
        let encoder = Lengths::new();
        let kind = |heard: Heard<Embedding>| heard.recv().unwrap().0.unwrap_err().kind();
        let tokens: Vec<CancelToken> = (0..3).map(|_| CancelToken::new()).collect();
        // Two run, the third waits.
        let mut heard = tokens.iter().map(|token| one(encoder.clone(), "slow", Some(token.clone())));
        let (first, second, waiting) = (heard.next().unwrap(), heard.next().unwrap(), heard.next().unwrap());
        tokens[2].cancel();
        assert_eq!(kind(waiting), ErrorKind::Cancelled);
        let timed = CancelToken::new().with_timeout(Duration::from_millis(5));
        assert_eq!(kind(one(encoder.clone(), "slow", Some(timed))), ErrorKind::ResourceExhausted);
        let remote = one(Arc::new(Remote(encoder)), "slow", Some(tokens[0].clone()));
        tokens[0].cancel();
        tokens[1].cancel();
        for heard in [first, second, remote] {
            assert_eq!(kind(heard), ErrorKind::Cancelled);
        }
    }
}
