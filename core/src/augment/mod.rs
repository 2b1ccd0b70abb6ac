//! Labels for people who have none: gold rows from known answers, and votes of an LLM that judges.
//!
//! The paper's gains come from such rows: `D_gold`, questions with known answers, and `D_judge`, pairs that GPT-4 has judged
//! (arXiv 2406.18665, section 4.1). [`gold`] makes the first kind of the answers of two or more models; [`JudgeOptions`] says what
//! a judge is asked, reads its verdicts strictly, and [`JudgeReport`] says how far to trust them.
//!
//! Requests cost money. [`Requests`] says when which one is sent, within a budget that holds at any moment: each is reserved at
//! the most that it can cost before it goes out. It is a state machine: requests come out, replies go in, and time is an
//! argument. What drives it opens the sockets and keeps the journal, a file of lines that is the cache too, so that nothing is
//! paid twice and a run that was killed goes on where it was.
//!
//! ```
//! use routellm_core::augment::{ChatRequest, Endpoint, Reply, RequestOptions, Requests, Step};
//! use routellm_core::candidates::Price;
//!
//! let endpoint = Endpoint::new("https://api.example.com/v1/chat/completions", Price::new(2.5, 10.0));
//! let options = RequestOptions::new().budget("0.01".parse()?);
//! let mut requests = Requests::new(options, vec![endpoint], "job", b"")?;
//! let number = requests.add(ChatRequest::new("gpt-4o", "Hello!", 16))?;
//! let mut journal = Vec::new();
//! while let Step::Send(out) = requests.next(0)? {
//!     journal.extend_from_slice(out.journal.as_bytes()); // and on the disk, before it is sent
//!     let body = r#"{"choices": [{"message": {"content": "Hi."}}], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}"#;
//!     let reply = Reply::http(200, None, body);
//!     journal.extend(requests.receive(out.attempt, &reply, 0)?.journal.unwrap_or_default().into_bytes());
//! }
//! assert_eq!(requests.bill().spent_usd.to_string(), "0.0000425");
//! # Ok::<(), routellm_core::Error>(())
//! ```

mod answers;
mod batch;
mod bill;
mod disk;
mod endpoint;
mod extract;
mod gold;
mod job;
mod journal;
mod judge;
mod ledger;
mod pick;
mod reply;
mod report;
mod request;
mod requests;
mod step;
mod usd;
mod verdict;

pub use answers::Answers;
pub use batch::{Batch, batch_file, batch_replies};
pub use bill::{Bill, Estimate};
pub use disk::Journal;
pub use endpoint::Endpoint;
pub use extract::{Extraction, Extractor};
pub use gold::{Accuracy, GoldReport, Question, Unparsed, gold, gold_with};
pub use job::{EndpointSpec, GoldTask, Job, JobKind, JobRun, JobSpec, JudgeTask, Task, read_prompts};
pub use judge::{JudgeOptions, Judgement, Pair, combined};
pub use pick::pick;
pub use reply::{Completion, Reply};
pub use report::{Agreement, JudgeReport};
pub use request::ChatRequest;
pub use requests::Requests;
pub use step::{Outcome, Outgoing, Received, RequestOptions, Step};
pub use usd::Usd;
pub use verdict::{JudgeMode, pair_verdict, score_verdict};
