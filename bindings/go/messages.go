package routellm

/*
#cgo noescape go_route_messages
#cgo nocallback go_route_messages
#cgo noescape routellm_read_messages
#cgo nocallback routellm_read_messages
#include "glue.h"
*/
import "C"

import (
	"context"
	"unsafe"
)

// PromptFromMessages is the prompt of a chat: the text of its newest user message that has text (blanks are none).
//
// messages is JSON: the list of messages, a whole request body around it ("messages", "input", "contents" or "prompt"),
// or a single message. A message has a role (or LangChain's type) and content, parts or blocks: a text, or a list of
// texts and parts. A part counts if it has a string "text" and its type is absent or ends in "text"; the others are
// passed over, and texts of one message are joined by newlines. Only what is read is checked.
func PromptFromMessages(messages []byte) (string, error) {
	return ReadMessages(messages, LastUser)
}

// ReadMessages is as [PromptFromMessages], with what of the chat is read.
func ReadMessages(messages []byte, read Read) (string, error) {
	var out *C.routellm_string
	var cerr *C.routellm_error
	status := C.routellm_read_messages((*C.char)(unsafe.Pointer(unsafe.SliceData(messages))),
		C.size_t(len(messages)), C.int32_t(read), &out, &cerr)
	if status != C.ROUTELLM_OK {
		return "", failure(nil, status, cerr)
	}
	return takeString(out), nil
}

// RouteMessages decides for a chat in JSON, as [PromptFromMessages] takes it. What of it is read the artifact says, or
// [WithRead]. [WithOnError] covers a chat without text, text that is not Unicode and malformed JSON, and does not cover
// JSON that is no chat (a number, a list of texts).
func (r *Router) RouteMessages(ctx context.Context, messages []byte, options ...RouteOption) (Decision, error) {
	wanted, err := cRouteOptions(options)
	if err != nil {
		return Decision{}, err
	}
	handle, err := r.use()
	if err != nil {
		return Decision{}, err
	}
	defer r.release()
	if err := begin(ctx); err != nil {
		return Decision{}, err
	}
	json := chars(messages)
	if r.sessions == 0 && !r.heard {
		var out C.routellm_decision
		var cerr *C.routellm_error
		status := C.go_route_messages(handle, json, C.size_t(len(messages)), &wanted, &out, &cerr)
		if status == C.ROUTELLM_OK {
			return r.decision(&out), nil
		}
		if status != C.GO_NOT_QUICK {
			return Decision{}, r.failure(ctx, status, cerr)
		}
	}
	decisions, err := r.await(ctx, wanted, func(user C.uintptr_t, wanted *C.go_route_options,
		token *C.routellm_cancel_token, cerr **C.routellm_error) C.routellm_status {
		return C.go_route_async(handle, 1, json, C.size_t(len(messages)), wanted, token, user, cerr)
	})
	if err != nil {
		return Decision{}, err
	}
	return decisions[0], nil
}

// RouteBatchMessages decides for many chats, with the same bits as one by one. Each is JSON of its own: a list of
// messages, a request body, or a string, which is a text. A message by itself is refused, because the batch is one chat
// then. The error is that of the first chat that fails, and names its index.
func (r *Router) RouteBatchMessages(ctx context.Context, chats [][]byte, options ...RouteOption) ([]Decision, error) {
	joined, lengths := join(chats)
	return r.routeBatch(ctx, 1, joined, lengths, options)
}

// A FallbackWarning is what a handler hears of fallbacks: see [WithFallbackHandler].
type FallbackWarning struct {
	// Kind of the errors behind them.
	Kind Kind
	// Count is how many of this kind there were since the last warning of it.
	Count uint64
	// Message is both as a text, with advice. It never holds a prompt.
	Message string
}

// warn tells the handler, if it is time for it.
func (r *Router) warn(status C.routellm_status, count C.uint64_t) {
	if count == 0 || r.onFallback == nil {
		return
	}
	warning := FallbackWarning{Kind: Kind(status), Count: uint64(count)}
	var message *C.routellm_string
	if C.routellm_fallback_message(status, count, &message, nil) == C.ROUTELLM_OK {
		warning.Message = takeString(message)
	}
	// It may call the router, also to close it.
	go r.onFallback(warning)
}
