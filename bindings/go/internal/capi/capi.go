// Package capi is the C interface as Go sees it, and the only package that calls C: by cgo (cgo.go, glue.h), or without,
// with the build tag routellm_purego (purego.go). Both have the same functions, which copy and convert nothing that need
// not be.
//
// A *T of an opaque type is memory of C. Functions that give a [Status] set the error behind err, which the caller
// frees, if that is neither [OK] nor below 0. Nothing here may be called before [Load] has succeeded.
package capi

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// Opaque types of C.
type (
	Router      struct{ _ byte }
	OpenOptions struct{ _ byte }
	CancelToken struct{ _ byte }
	String      struct{ _ byte }
	Error       struct{ _ byte }
)

// Status is what a call came to: 0, a kind of error, or one of those below 0, which are ours.
type Status int32

const (
	OK Status = 0
	// OutOfMemory: there is no memory, and no error either.
	OutOfMemory Status = -1
	// NotQuick: the call takes too long for the caller's thread, and nothing was done.
	NotQuick Status = -2
)

// RouteOptions is what a call asks for: go_route_options, and what C does not see of it. Absent numbers stand beside a 0.
type RouteOptions struct {
	Threshold      float64
	StrongShare    float64
	TimeoutMs      float64
	HasThreshold   int32
	HasStrongShare int32
	HasTimeout     int32
	Read           int32
	HasRead        int32
	OnError        int32
	IsDefault      int32
	// Other options, as an object; C takes it beside the struct, because memory of Go may not point to memory of Go.
	JSON []byte
}

// OnErrorByName stands for a candidate that the JSON names.
const OnErrorByName int32 = -1

// Decision is routellm_decision. The error in it is the caller's.
type Decision struct {
	StructSize        uintptr
	WinRate           float64
	Threshold         float64
	Model             *byte
	FallbackError     *Error
	Side              int32
	Truncated         int32
	Fallback          int32
	FallbackStatus    Status
	Similarity        float64
	OutOfDistribution int32
	NoScore           int32
	FallbackWarning   uint64
	// <faces:decision>
	Propensity   float64
	ID           [40]byte
	Candidate    uintptr
	Quality      float64
	ExpectedCost float64
	// </faces:decision>
}

// DecisionEvent is routellm_decision_event.
type DecisionEvent struct {
	StructSize     uintptr
	ID             *byte
	Model          *byte
	WinRate        float64
	Threshold      float64
	Propensity     float64
	QueueNs        uint64
	ScoreNs        uint64
	TotalNs        uint64
	Index          uintptr
	BatchSize      uintptr
	Side           int32
	FallbackStatus Status
	Candidate      uintptr
	Quality        float64
	ExpectedCost   float64
}

// Progress is routellm_progress.
type Progress struct {
	StructSize uintptr
	Stage      *byte
	Done       uintptr
	Total      uintptr
	Loss       float64
	Rate       float64
}

// Input is routellm_input. Its data are memory of Go.
type Input struct {
	Data unsafe.Pointer
	Len  uintptr
	Kind int32
}

// Values of Input.Kind.
const (
	InputText int32 = iota + 1
	InputMessages
	InputEmbedding
)

// Text is routellm_text.
type Text struct {
	Data *byte
	Len  uintptr
}

// Done takes what a call without waiting came to. The decisions and the error are C's, and valid until it returns.
type Done func(status Status, decisions []Decision, err *Error)

// Hear takes a decision. The event is C's, and valid until it returns.
type Hear func(event *DecisionEvent)

// Notice takes what a router noticed. The text is C's, and valid until it returns.
type Notice func(message *byte)

// Listen takes how far a training is, and says whether it goes on. The progress is C's, and valid until it returns.
type Listen func(progress *Progress) bool

// Functions of Go that C holds, by numbers of which 0 is none: C may keep no pointer of Go, and runtime/cgo, which has
// such handles, is not to be had without cgo.
var (
	held   sync.Map
	handle atomic.Uintptr
)

func hold(function any) uintptr {
	user := handle.Add(1)
	held.Store(user, function)
	return user
}

func letGo(user uintptr) { held.Delete(user) }

func heldAt[T any](user uintptr) T {
	function, _ := held.Load(user)
	return function.(T)
}

// What C calls, whichever way it does.

func done(user uintptr, status Status, decisions *Decision, count uintptr, err *Error) {
	function := heldAt[Done](user)
	letGo(user)
	function(status, unsafe.Slice(decisions, count), err)
}

func hear(user uintptr, event *DecisionEvent) { heldAt[Hear](user)(event) }

func notice(user uintptr, message *byte) { heldAt[Notice](user)(message) }

func progress(user uintptr, progress *Progress) int32 {
	if heldAt[Listen](user)(progress) {
		return 0
	}
	return 1
}

// GoString copies a C string; nil is empty.
func GoString(text *byte) string {
	if text == nil {
		return ""
	}
	length := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(text), length)) != 0 {
		length++
	}
	return string(unsafe.Slice(text, length))
}
