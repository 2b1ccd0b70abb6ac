//! The text format of Prometheus.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::{BINS, BOUNDS_US, Histogram, Metrics};

/// What is written besides the numbers that grow.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// Drift of each router, with the shares that its bins should have.
    pub(crate) expected: Vec<(String, [f64; BINS])>,
    /// Whether each provider's breaker is open.
    pub(crate) resting: Vec<(String, bool)>,
    /// What each key has spent, in USD.
    pub(crate) spent: Vec<(String, f64)>,
    pub(crate) sessions: Vec<(String, u64)>,
}

impl Metrics {
    /// Everything as text.
    pub(crate) fn text(&self, gauges: &Gauges) -> String {
        let mut out = Text(String::with_capacity(8 << 10));
        out.head("requests_total", "counter", "Answers by path and status.");
        for ((path, status), count) in self.requests.all() {
            out.line(
                "requests_total",
                &[("path", path), ("status", &status.to_string())],
                count.get() as f64,
            );
        }
        out.head("answers_total", "counter", "Requests by the model that answered.");
        for (model, count) in self.answers.all() {
            out.line("answers_total", &[("model", &model)], count.get() as f64);
        }
        out.head("outcomes_total", "counter", "How answers of upstreams ended.");
        for (outcome, count) in self.outcomes.all() {
            out.line("outcomes_total", &[("outcome", outcome)], count.get() as f64);
        }
        for (name, kind, help, value) in [
            ("fallbacks_total", "counter", "Requests that another candidate answered.", self.fallbacks.get()),
            ("connections", "gauge", "Open connections of callers.", self.connections.get()),
            ("in_flight", "gauge", "Requests whose answer has not ended.", self.in_flight.get()),
            ("log_lines_dropped_total", "counter", "Log lines not written.", self.log_drops.get()),
            ("feedback_total", "counter", "Feedback that was kept.", self.feedback.get()),
            (
                "input_tokens_total",
                "counter",
                "Tokens of requests, as told by upstreams.",
                self.tokens_in.get(),
            ),
            ("output_tokens_total", "counter", "Tokens of answers, likewise.", self.tokens_out.get()),
        ] {
            out.head(name, kind, help);
            out.line(name, &[], value as f64);
        }
        out.head("reloads_total", "counter", "Reloads by result.");
        for (result, count) in self.reloads.all() {
            out.line("reloads_total", &[("result", result)], count.get() as f64);
        }
        self.routers(gauges, &mut out);
        self.upstreams(gauges, &mut out);
        out.head("spent_usd", "gauge", "What keys have spent of their budgets.");
        for (key, usd) in &gauges.spent {
            out.line("spent_usd", &[("key", key)], *usd);
        }
        out.head("stage_seconds", "histogram", "Latency by stage.");
        for (stage, histogram) in [("read", &self.read), ("begin", &self.begin), ("whole", &self.whole)] {
            out.histogram("stage_seconds", "stage", stage, histogram);
        }
        for (router, counters) in self.routers.all() {
            out.histogram("stage_seconds", "stage", &format!("decide:{router}"), &counters.decide);
        }
        for (upstream, counters) in self.upstreams.all() {
            out.histogram("stage_seconds", "stage", &format!("first_byte:{upstream}"), &counters.first_byte);
        }
        out.0
    }

    fn routers(&self, gauges: &Gauges, out: &mut Text) {
        let routers = self.routers.all();
        out.head("decisions_total", "counter", "Decisions by router and model.");
        for (router, counters) in &routers {
            for (model, count) in counters.decisions.all() {
                out.line("decisions_total", &[("router", router), ("model", &model)], count.get() as f64);
            }
        }
        for (name, help) in [
            ("strong_decisions_total", "Decisions for the strong model."),
            ("unscored_total", "Decisions without a score."),
            ("sticky_total", "Requests that stayed with their conversation's model."),
            ("shadowed_total", "Requests that were sent elsewhere than decided."),
        ] {
            out.head(name, "counter", help);
            for (router, counters) in &routers {
                let value = match name {
                    "strong_decisions_total" => &counters.strong,
                    "unscored_total" => &counters.unscored,
                    "sticky_total" => &counters.kept,
                    _ => &counters.shadowed,
                };
                out.line(name, &[("router", router)], value.get() as f64);
            }
        }
        out.head("strong_share", "gauge", "The share of decisions for the strong model.");
        for (router, counters) in routers.iter().filter(|(_, counters)| counters.all.get() > 0) {
            let share = counters.strong.get() as f64 / counters.all.get() as f64;
            out.line("strong_share", &[("router", router)], share);
        }
        out.head("cost_usd_total", "counter", "What requests cost.");
        for (router, counters) in &routers {
            out.line("cost_usd_total", &[("router", router)], counters.cost.usd());
        }
        out.head("strong_cost_usd_total", "counter", "What they would have cost at the strong model.");
        for (router, counters) in &routers {
            out.line("strong_cost_usd_total", &[("router", router)], counters.strong_cost.usd());
        }
        out.head(
            "drift_psi",
            "gauge",
            "Population stability index of win rates; above 0.25 much has changed.",
        );
        for (router, expected) in &gauges.expected {
            if let Some(psi) = self.router(router).stability(expected) {
                out.line("drift_psi", &[("router", router)], psi);
            }
        }
        out.head("sessions", "gauge", "Conversations that are remembered.");
        for (router, count) in &gauges.sessions {
            out.line("sessions", &[("router", router)], *count as f64);
        }
    }

    fn upstreams(&self, gauges: &Gauges, out: &mut Text) {
        let upstreams = self.upstreams.all();
        out.head("upstream_errors_total", "counter", "Failed tries by upstream and kind.");
        for (upstream, counters) in &upstreams {
            for (kind, count) in counters.failures.all() {
                out.line(
                    "upstream_errors_total",
                    &[("upstream", upstream), ("kind", kind)],
                    count.get() as f64,
                );
            }
        }
        out.head("upstream_retries_total", "counter", "Retries by upstream.");
        for (upstream, counters) in &upstreams {
            out.line("upstream_retries_total", &[("upstream", upstream)], counters.retries.get() as f64);
        }
        out.head("upstream_breaker_open", "gauge", "Whether an upstream is left alone.");
        for (upstream, open) in &gauges.resting {
            out.line("upstream_breaker_open", &[("upstream", upstream)], f64::from(u8::from(*open)));
        }
    }
}

/// Text that grows.
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP routellm_{name} {help}\n# TYPE routellm_{name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let _ = write!(self.0, "routellm_{name}");
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if i == 0 { '{' } else { ',' });
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }

    fn histogram(&mut self, name: &str, label: &str, text: &str, histogram: &Histogram) {
        let mut count = 0;
        let bucket = format!("{name}_bucket");
        for (i, in_bucket) in histogram.buckets.iter().enumerate() {
            count += in_bucket.load(Ordering::Relaxed);
            let end = BOUNDS_US.get(i).map_or("+Inf".to_owned(), |us| (*us as f64 / 1e6).to_string());
            self.line(&bucket, &[(label, text), ("le", &end)], count as f64);
        }
        let sum = histogram.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        self.line(&format!("{name}_sum"), &[(label, text)], sum);
        self.line(&format!("{name}_count"), &[(label, text)], count as f64);
    }
}
