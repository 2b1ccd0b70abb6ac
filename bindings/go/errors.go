package routellm

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"routellm.dev/go/routellm/internal/capi"
)

// ErrClosed is what [errors.Is] finds in the errors of calls to a router after its [Router.Close], and of those that
// waited for a session at that time. The former are [InvalidArgument], the latter [Cancelled].
var ErrClosed = errors.New("routellm: the router is closed")

// Kind says what went wrong. The numbers are those of every language and are never reused.
type Kind int32

// The kinds of errors.
const (
	// <faces:errors>
	// InvalidArgument: an argument, option, prompt or embedding is not acceptable.
	InvalidArgument Kind = 1
	// NotFound: a file, artifact or bundled router does not exist.
	NotFound Kind = 2
	// InvalidModel: an artifact, checkpoint or tokenizer is malformed, incomplete or altered.
	InvalidModel Kind = 3
	// Unsupported: the request is understood but this router cannot do it.
	Unsupported Kind = 4
	// RuntimeUnavailable: ONNX Runtime is needed and could not be loaded; the message names every place that was
	// looked at.
	RuntimeUnavailable Kind = 5
	// Inference: ONNX Runtime failed while computing.
	Inference Kind = 6
	// Tokenize: the tokenizer failed on a text.
	Tokenize Kind = 7
	// Cancelled: the caller cancelled the call.
	Cancelled Kind = 8
	// ResourceExhausted: a limit of memory, size or time was hit.
	ResourceExhausted Kind = 9
	// Internal: a defect of this library: a caught panic.
	Internal Kind = 10
	// IO: the operating system refused to read or write.
	IO Kind = 11
	// Remote: an endpoint that the caller configured failed.
	Remote Kind = 12
	// </faces:errors>
)

// <faces:kind-names>
var kindNames = map[Kind]string{
	InvalidArgument:    "InvalidArgument",
	NotFound:           "NotFound",
	InvalidModel:       "InvalidModel",
	Unsupported:        "Unsupported",
	RuntimeUnavailable: "RuntimeUnavailable",
	Inference:          "Inference",
	Tokenize:           "Tokenize",
	Cancelled:          "Cancelled",
	ResourceExhausted:  "ResourceExhausted",
	Internal:           "Internal",
	IO:                 "Io",
	Remote:             "Remote",
}

// </faces:kind-names>

// String is the name of the kind, as in "InvalidArgument".
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "Unknown"
}

// Error is what every function of this package returns when it fails.
type Error struct {
	// Kind says what went wrong.
	Kind Kind
	// Message says what was expected, what came and what to do.
	Message string

	// cause is the error of the context that ended the call, or of the operating system.
	cause error
}

// Error is the kind and the message.
func (e *Error) Error() string {
	return fmt.Sprintf("routellm: %v: %s", e.Kind, e.Message)
}

// Unwrap gives the error of the context that ended the call, [ErrClosed], or the [syscall.Errno] that the operating system
// gave, so that errors.Is(err, fs.ErrPermission) does what one expects; or nil.
func (e *Error) Unwrap() error {
	return e.cause
}

// Is makes two errors of the same kind alike for [errors.Is]; target's message counts if it has one.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Kind == e.Kind && (other.Message == "" || other.Message == e.Message)
}

func invalid(format string, args ...any) *Error {
	return &Error{Kind: InvalidArgument, Message: fmt.Sprintf(format, args...)}
}

// cancelled is the error of a call whose context ended.
func cancelled(ctx context.Context) *Error {
	cause := context.Cause(ctx)
	if err := ctx.Err(); err != nil && cause != err {
		cause = fmt.Errorf("%w: %w", err, cause)
	}
	message := "the call was cancelled"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		message += ": the deadline of its context has passed"
		if deadline, ok := ctx.Deadline(); ok {
			message += deadline.Format(" (2006-01-02T15:04:05.000Z07:00)")
		}
	}
	return &Error{Kind: Cancelled, Message: message, cause: cause}
}

// closed is the error of a call to a router that is closed.
func closed() *Error {
	return &Error{Kind: InvalidArgument, Message: "the router is closed: open another one", cause: ErrClosed}
}

// load finds the library where it is not linked; [capi.Load] says what went wrong.
func load() error {
	if err := capi.Load(); err != nil {
		return &Error{Kind: NotFound, Message: err.Error()}
	}
	return nil
}

// failure is as the function of this name, for a call that Close may have met.
func (r *Router) failure(ctx context.Context, status capi.Status, cerr *capi.Error) error {
	return r.met(failure(ctx, status, cerr))
}

// met says of a call that Close has met that it did.
func (r *Router) met(err error) error {
	e, ok := err.(*Error)
	if !ok || e.cause != nil || !r.closed.Load() {
		return err
	}
	switch e.Kind {
	case Cancelled:
		return &Error{Kind: Cancelled, Message: e.Message, cause: ErrClosed}
	case InvalidArgument:
		return closed()
	}
	return err
}

// failure turns a status and its error into a Go error, and frees the latter. It must not be called for success.
func failure(ctx context.Context, status capi.Status, cerr *capi.Error) error {
	defer capi.ErrorFree(cerr)
	if status < 0 || cerr == nil {
		return &Error{Kind: ResourceExhausted, Message: "out of memory"}
	}
	if Kind(status) == Cancelled && ctx != nil && ctx.Err() != nil {
		return cancelled(ctx)
	}
	err := &Error{Kind: Kind(status), Message: capi.ErrorMessage(cerr)}
	if code := capi.ErrorOSCode(cerr); code != 0 {
		err.cause = syscall.Errno(code)
	}
	return err
}
