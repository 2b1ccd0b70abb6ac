"""A fake provider that speaks as OpenAI and as Anthropic do, and misbehaves where a prompt says so."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Upstream:
    """Listens on a port of its own; `bodies` are the requests as they came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        #: Lets a gated stream go on.
        self.gate = threading.Semaphore(0)
        #: Set when the reader of a gated stream has gone away.
        self.left = threading.Event()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                upstream.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def last(self) -> Any:
        return json.loads(self.bodies[-1])

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["content-length"]))
        self.bodies.append(body)
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        asked = json.loads(body)
        path = handler.path.split("?")[0]
        if "BREAK" in str(asked):
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
        elif "TROUBLE" in str(asked):
            whole(handler, 400, {"error": {"message": "no such thing", "type": "invalid_request_error", "code": "x"}})
        elif asked.get("stream"):
            self.stream(handler, path, asked)
        else:
            whole(handler, 200, ANSWERS[path](asked))

    def stream(self, handler: BaseHTTPRequestHandler, path: str, asked: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        try:
            for i, event in enumerate(STREAMS[path](asked)):
                if i > 0 and "GATED" in str(asked):
                    # Whoever reads no more has closed the connection, which then can be read to its end.
                    while not self.gate.acquire(timeout=0.05):
                        handler.connection.setblocking(False)
                        try:
                            if handler.connection.recv(1, socket.MSG_PEEK) == b"":
                                raise ConnectionResetError
                        except BlockingIOError:
                            pass
                        finally:
                            handler.connection.setblocking(True)
                data = event.encode()
                handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                if i == 1 and "CUT" in str(asked):
                    handler.connection.shutdown(socket.SHUT_RDWR)
                    handler.close_connection = True
                    return
            handler.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.left.set()
            handler.close_connection = True


def whole(handler: BaseHTTPRequestHandler, status: int, value: Any) -> None:
    data = json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def chat(asked: Any) -> Any:
    message: dict[str, Any] = {"role": "assistant", "content": "four"}
    if "tools" in asked:
        call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    elif "response_format" in asked:
        message["content"] = '{"value": 4}'
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }


def chat_stream(asked: Any) -> list[str]:
    def chunk(delta: Any, reason: str | None = None) -> str:
        choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
        head = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
        return f"data: {json.dumps({**head, 'choices': choices})}\n\n"

    words = [chunk({"role": "assistant", "content": ""}), chunk({"content": "fo"}), chunk({"content": "ur"})]
    return [*words, chunk({}, "stop"), "data: [DONE]\n\n"]


def completion(asked: Any) -> Any:
    choices = [{"index": 0, "text": "four", "finish_reason": "stop", "logprobs": None}]
    return {"id": "x", "object": "text_completion", "created": 1, "model": asked["model"], "choices": choices}


def response(asked: Any) -> Any:
    text = {"type": "output_text", "text": "four", "annotations": []}
    output = [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}]
    return {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": asked["model"],
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def embeddings(asked: Any) -> Any:
    data = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "model": asked["model"], "data": data, "usage": usage}


def message(asked: Any) -> Any:
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [{"type": "text", "text": "four"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }


def message_stream(asked: Any) -> list[str]:
    start = {**message(asked), "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "fo"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ur"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]


ANSWERS = {
    "/v1/chat/completions": chat,
    "/v1/completions": completion,
    "/v1/responses": response,
    "/v1/embeddings": embeddings,
    "/v1/messages": message,
    "/v1/messages/count_tokens": lambda _: {"input_tokens": 3},
}
STREAMS = {"/v1/chat/completions": chat_stream, "/v1/messages": message_stream}
