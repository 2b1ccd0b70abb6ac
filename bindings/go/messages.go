package routellm

import (
	"context"

	"routellm.dev/go/routellm/internal/capi"
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
	if err := load(); err != nil {
		return "", err
	}
	var out *capi.String
	var cerr *capi.Error
	if status := capi.ReadMessages(messages, int32(read), &out, &cerr); status != capi.OK {
		return "", failure(nil, status, cerr)
	}
	return capi.TakeString(out), nil
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
	if r.sessions == 0 && !r.heard {
		var out capi.Decision
		var cerr *capi.Error
		status := capi.RouteMessages(handle, messages, &wanted, &out, &cerr)
		if status == capi.OK {
			return r.decision(&out), nil
		}
		if status != capi.NotQuick {
			return Decision{}, r.failure(ctx, status, cerr)
		}
	}
	return r.awaitOne(ctx, true, messages, wanted)
}

// RouteBatchMessages decides for many chats, with the same bits as one by one. Each is JSON of its own: a list of
// messages, a request body, or a string, which is a text. A message by itself is refused, because the batch is one chat
// then. The error is that of the first chat that fails, and names its index.
func (r *Router) RouteBatchMessages(ctx context.Context, chats [][]byte, options ...RouteOption) ([]Decision, error) {
	joined, lengths := join(chats)
	return r.routeBatch(ctx, true, joined, lengths, options)
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
func (r *Router) warn(status capi.Status, count uint64) {
	if count == 0 || r.onFallback == nil {
		return
	}
	warning := FallbackWarning{Kind: Kind(status), Count: count}
	var message *capi.String
	if capi.FallbackMessage(status, count, &message) == capi.OK {
		warning.Message = capi.TakeString(message)
	}
	// It may call the router, also to close it.
	go r.onFallback(warning)
}
