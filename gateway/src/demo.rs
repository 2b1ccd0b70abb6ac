//! Two models that echo, so that the gateway and its page can be tried without a key.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::{Instant, Sleep};

use crate::config::{Config, Fault};
use crate::gateway::Gateway;

/// The time between two words.
const WORD: Duration = Duration::from_millis(25);

/// Characters of the prompt in the echo.
const ECHOED: usize = 400;

/// A gateway in front of the two models.
pub(crate) async fn open(listen: SocketAddr) -> Result<Gateway, Fault> {
    let path = Path::new("demo");
    let fault = |text: String| Fault::new(path, vec![text]);
    let no_echo = |error: std::io::Error| fault(format!("no models to echo: {error}"));
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await.map_err(no_echo)?;
    let address = listener.local_addr().map_err(no_echo)?;
    tokio::spawn(echo(listener));
    let text = format!(
        r#"
        listen = "{listen}"
        [log]
        requests = false
        [upstreams.echo]
        base_url = "http://{address}/v1"
        [models.strong]
        upstream = "echo"
        price = {{ input = 2.5, output = 10.0 }}
        [models.weak]
        upstream = "echo"
        price = {{ input = 0.15, output = 0.6 }}
        [routers.demo]
        strong = "strong"
        weak = "weak"
        policy = {{ strong_share = 0.5 }}
        "#
    );
    let config = Config::parse(&text).map_err(|faults| Fault::new(path, faults))?;
    Gateway::with(config, path, true, None).await
}

async fn echo(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without it words only come later.
        let _ = stream.set_nodelay(true);
        tokio::spawn(http1::Builder::new().serve_connection(
            TokioIo::new(stream),
            service_fn(|request| async { Ok::<_, std::convert::Infallible>(answer(request).await) }),
        ));
    }
}

#[derive(Deserialize)]
struct Asked {
    model: String,
    #[serde(default)]
    stream: bool,
}

async fn answer(request: Request<hyper::body::Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let asked = body.ok().and_then(|body| Some((serde_json::from_slice::<Asked>(&body).ok()?, body)));
    let Some((asked, body)) = asked.filter(|_| path == "/v1/chat/completions") else {
        let error = json!({"error": {"message": "the models of the demo take /v1/chat/completions only",
            "type": "invalid_request_error", "param": null, "code": null}});
        return response(StatusCode::NOT_FOUND, "application/json", Body::from(error.to_string()));
    };
    let prompt = routellm_core::Read::LastUser.prompt(&body).unwrap_or_default();
    let shown: String = prompt.chars().take(ECHOED).collect();
    let text =
        format!("This is the {} model of the demo, which only echoes. You wrote: {shown}", asked.model);
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let usage = json!({
        "prompt_tokens": routellm_core::candidates::estimated_tokens(prompt.len()),
        "completion_tokens": words.len(),
    });
    if !asked.stream {
        let whole = json!({"id": "echo", "object": "chat.completion", "created": 0, "model": asked.model, "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        ], "usage": usage});
        return response(StatusCode::OK, "application/json", Body::from(whole.to_string()));
    }
    let chunk = |delta: serde_json::Value, reason: Option<&str>, usage: Option<&serde_json::Value>| {
        let chunk = json!({"id": "echo", "object": "chat.completion.chunk", "created": 0, "model": asked.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": usage});
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let mut parts: VecDeque<Bytes> =
        words.iter().map(|word| chunk(json!({"content": word}), None, None)).collect();
    parts.push_back(chunk(json!({}), Some("stop"), Some(&usage)));
    parts.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
    let pause = Box::pin(tokio::time::sleep(WORD));
    response(StatusCode::OK, "text/event-stream", Body::new(Words { parts, pause }))
}

fn response(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Words, one after the other.
struct Words {
    parts: VecDeque<Bytes>,
    pause: Pin<Box<Sleep>>,
}

impl http_body::Body for Words {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if this.pause.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        this.pause.as_mut().reset(Instant::now() + WORD);
        Poll::Ready(this.parts.pop_front().map(|part| Ok(Frame::data(part))))
    }
}
