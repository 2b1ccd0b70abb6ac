//go:build cgo && !routellm_purego

package capi

/*
#cgo noescape go_route
#cgo nocallback go_route
#cgo noescape go_route_messages
#cgo nocallback go_route_messages
#cgo noescape go_route_embedding
#cgo nocallback go_route_embedding
#cgo noescape go_route_batch
#cgo nocallback go_route_batch
#cgo noescape go_threshold
#cgo nocallback go_threshold
#cgo noescape routellm_share
#cgo nocallback routellm_share
#cgo noescape go_win_rate
#cgo nocallback go_win_rate
#cgo noescape go_win_rates
#cgo nocallback go_win_rates
#cgo noescape routellm_win_rate_from_embedding
#cgo nocallback routellm_win_rate_from_embedding
#cgo noescape routellm_win_rates_from_embeddings
#cgo nocallback routellm_win_rates_from_embeddings
#cgo noescape routellm_read_messages
#cgo nocallback routellm_read_messages
#include "glue.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Load makes the library ready to be called. The linker has done that.
func Load() error { return nil }

// Version is the version of the library.
func Version() string { return C.GoString(C.routellm_version()) }

// What C takes for what Go has.

func router(r *Router) *C.routellm_router { return (*C.routellm_router)(unsafe.Pointer(r)) }

func token(t *CancelToken) *C.routellm_cancel_token {
	return (*C.routellm_cancel_token)(unsafe.Pointer(t))
}

func options(o *RouteOptions) *C.go_route_options { return (*C.go_route_options)(unsafe.Pointer(o)) }

func decision(d *Decision) *C.routellm_decision { return (*C.routellm_decision)(unsafe.Pointer(d)) }

func failure(err **Error) **C.routellm_error { return (**C.routellm_error)(unsafe.Pointer(err)) }

func object(text **String) **C.routellm_string { return (**C.routellm_string)(unsafe.Pointer(text)) }

func text(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }

func chars(bytes []byte) *C.char { return (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes))) }

func floats(values []float32) *C.float { return (*C.float)(unsafe.Pointer(unsafe.SliceData(values))) }

func doubles(values []float64) *C.double {
	return (*C.double)(unsafe.Pointer(unsafe.SliceData(values)))
}

func sizes(values []uintptr) *C.size_t { return (*C.size_t)(unsafe.Pointer(unsafe.SliceData(values))) }

func flag(on bool) C.int32_t {
	if on {
		return 1
	}
	return 0
}

func OpenOptionsNew() *OpenOptions {
	return (*OpenOptions)(unsafe.Pointer(C.routellm_open_options_new()))
}

func OpenOptionsFree(o *OpenOptions) {
	C.routellm_open_options_free((*C.routellm_open_options)(unsafe.Pointer(o)))
}

func OpenOptionsSetJSON(o *OpenOptions, json []byte, err **Error) Status {
	return Status(C.routellm_open_options_set_json((*C.routellm_open_options)(unsafe.Pointer(o)), chars(json),
		C.size_t(len(json)), failure(err)))
}

// RouterOpen takes a folder without a NUL in it.
func RouterOpen(folder string, o *OpenOptions, out **Router, err **Error) Status {
	path := C.CString(folder)
	defer C.free(unsafe.Pointer(path))
	return Status(C.routellm_router_open(path, (*C.routellm_open_options)(unsafe.Pointer(o)),
		(**C.routellm_router)(unsafe.Pointer(out)), failure(err)))
}

func RouterOpenDefault(o *OpenOptions, out **Router, err **Error) Status {
	return Status(C.routellm_router_open_default((*C.routellm_open_options)(unsafe.Pointer(o)),
		(**C.routellm_router)(unsafe.Pointer(out)), failure(err)))
}

func RouterFree(r *Router) { C.routellm_router_free(router(r)) }

// RouterClose calls back, here, for each call that waits.
func RouterClose(r *Router) { C.routellm_router_close(router(r)) }

func RouterStrong(r *Router) string { return C.GoString(C.routellm_router_strong(router(r))) }

func RouterWeak(r *Router) string { return C.GoString(C.routellm_router_weak(router(r))) }

func RouterModelCount(r *Router) int { return int(C.routellm_router_model_count(router(r))) }

func RouterModel(r *Router, index int) string {
	return C.GoString(C.routellm_router_model(router(r), C.size_t(index)))
}

func RouterEmbeddingDimension(r *Router) int {
	return int(C.routellm_router_embedding_dimension(router(r)))
}

func RouterEmbedDimension(r *Router) int { return int(C.routellm_router_embed_dimension(router(r))) }

func RouterFallbacks(r *Router) uint64 { return uint64(C.routellm_router_fallbacks(router(r))) }

func RouterInfo(r *Router, out **String, err **Error) Status {
	return Status(C.routellm_router_info_json(router(r), object(out), failure(err)))
}

func RouterStats(r *Router, out **String, err **Error) Status {
	return Status(C.routellm_router_stats_json(router(r), object(out), failure(err)))
}

// RouterOnDecision lets hear hear of the decisions of a router until that is freed.
func RouterOnDecision(r *Router, hear Hear, err **Error) Status {
	user := hold(hear)
	status := Status(C.go_on_decision(router(r), C.uintptr_t(user), failure(err)))
	if status != OK {
		letGo(user)
	}
	return status
}

// RouterOnNotice lets hear hear what a router notices until that is freed.
func RouterOnNotice(r *Router, hear Notice, err **Error) Status {
	user := hold(hear)
	status := Status(C.go_on_notice(router(r), C.uintptr_t(user), failure(err)))
	if status != OK {
		letGo(user)
	}
	return status
}

// TakeString copies a string object and frees it.
func TakeString(text *String) string {
	object := (*C.routellm_string)(unsafe.Pointer(text))
	defer C.routellm_string_free(object)
	return C.GoStringN(C.routellm_string_data(object), C.int(C.routellm_string_len(object)))
}

func ErrorFree(err *Error) { C.routellm_error_free((*C.routellm_error)(unsafe.Pointer(err))) }

func ErrorMessage(err *Error) string {
	return C.GoString(C.routellm_error_message((*C.routellm_error)(unsafe.Pointer(err))))
}

// ErrorOSCode is the number of the operating system's error; 0 without one.
func ErrorOSCode(err *Error) int {
	return int(C.routellm_error_os_code((*C.routellm_error)(unsafe.Pointer(err))))
}

func FallbackMessage(status Status, count uint64, out **String) Status {
	return Status(C.routellm_fallback_message(C.routellm_status(status), C.uint64_t(count), object(out), nil))
}

func CancelTokenNew() *CancelToken {
	return (*CancelToken)(unsafe.Pointer(C.routellm_cancel_token_new()))
}

func CancelTokenFree(t *CancelToken) { C.routellm_cancel_token_free(token(t)) }

// CancelTokenCancel may call back on this thread.
func CancelTokenCancel(t *CancelToken) { C.routellm_cancel_token_cancel(token(t)) }

func Route(r *Router, prompt string, wanted *RouteOptions, out *Decision, err **Error) Status {
	return Status(C.go_route(router(r), text(prompt), C.size_t(len(prompt)), options(wanted), chars(wanted.JSON),
		C.size_t(len(wanted.JSON)), decision(out), failure(err)))
}

func RouteMessages(r *Router, json []byte, wanted *RouteOptions, out *Decision, err **Error) Status {
	return Status(C.go_route_messages(router(r), chars(json), C.size_t(len(json)), options(wanted), chars(wanted.JSON),
		C.size_t(len(wanted.JSON)), decision(out),
		failure(err)))
}

func RouteEmbedding(r *Router, numbers []float32, wanted *RouteOptions, out *Decision, err **Error) Status {
	return Status(C.go_route_embedding(router(r), floats(numbers), C.size_t(len(numbers)), options(wanted),
		chars(wanted.JSON), C.size_t(len(wanted.JSON)),
		decision(out), failure(err)))
}

// RouteEmbeddingHeard is for routers with a hook: Go does not let the one above call back.
func RouteEmbeddingHeard(r *Router, numbers []float32, wanted *RouteOptions, out *Decision, err **Error) Status {
	return Status(C.go_route_embedding_heard(router(r), floats(numbers), C.size_t(len(numbers)), options(wanted),
		chars(wanted.JSON), C.size_t(len(wanted.JSON)),
		decision(out), failure(err)))
}

// RouteBatch is for few short prompts, or chats, which were joined. bytes is the length of them all, with something for
// each.
func RouteBatch(r *Router, messages bool, joined []byte, lengths []uintptr, bytes int, wanted *RouteOptions,
	out []Decision, err **Error) Status {
	return Status(C.go_route_batch(router(r), flag(messages), chars(joined), sizes(lengths), C.size_t(len(lengths)),
		C.size_t(bytes), options(wanted), chars(wanted.JSON), C.size_t(len(wanted.JSON)),
		decision(unsafe.SliceData(out)), failure(err)))
}

// RouteAsync begins a call. After [OK], and only then, done is called, perhaps before this returns.
func RouteAsync(r *Router, messages bool, prompt []byte, wanted *RouteOptions, cancel *CancelToken, done Done,
	err **Error) Status {
	user := hold(done)
	status := Status(C.go_route_async(router(r), flag(messages), chars(prompt), C.size_t(len(prompt)), options(wanted),
		chars(wanted.JSON), C.size_t(len(wanted.JSON)),
		token(cancel), C.uintptr_t(user), failure(err)))
	if status != OK {
		letGo(user)
	}
	return status
}

// RouteBatchAsync is as RouteAsync.
func RouteBatchAsync(r *Router, messages bool, joined []byte, lengths []uintptr, wanted *RouteOptions,
	cancel *CancelToken, done Done, err **Error) Status {
	user := hold(done)
	status := Status(C.go_route_batch_async(router(r), flag(messages), chars(joined), sizes(lengths),
		C.size_t(len(lengths)), options(wanted), chars(wanted.JSON), C.size_t(len(wanted.JSON)), token(cancel),
		C.uintptr_t(user), failure(err)))
	if status != OK {
		letGo(user)
	}
	return status
}

func Threshold(r *Router, wanted *RouteOptions, out *float64, err **Error) Status {
	return Status(C.go_threshold(router(r), options(wanted), chars(wanted.JSON), C.size_t(len(wanted.JSON)),
		(*C.double)(unsafe.Pointer(out)), failure(err)))
}

func Share(r *Router, strongShare float64, threshold, share *float64, err **Error) Status {
	return Status(C.routellm_share(router(r), C.double(strongShare), (*C.double)(unsafe.Pointer(threshold)),
		(*C.double)(unsafe.Pointer(share)), failure(err)))
}

func WinRate(r *Router, prompt string, out *float64, err **Error) Status {
	return Status(C.go_win_rate(router(r), text(prompt), C.size_t(len(prompt)), (*C.double)(unsafe.Pointer(out)),
		failure(err)))
}

func WinRates(r *Router, joined []byte, lengths []uintptr, cancel *CancelToken, out []float64, err **Error) Status {
	return Status(C.go_win_rates(router(r), chars(joined), sizes(lengths), C.size_t(len(lengths)), token(cancel),
		doubles(out), failure(err)))
}

func WinRateFromEmbedding(r *Router, numbers []float32, out *float64, err **Error) Status {
	return Status(C.routellm_win_rate_from_embedding(router(r), floats(numbers), C.size_t(len(numbers)),
		(*C.double)(unsafe.Pointer(out)), failure(err)))
}

func WinRatesFromEmbeddings(r *Router, numbers []float32, dimension int, out []float64, err **Error) Status {
	return Status(C.routellm_win_rates_from_embeddings(router(r), floats(numbers), C.size_t(len(out)),
		C.size_t(dimension), doubles(out), failure(err)))
}

// pin lets C read the data of inputs, which are memory of Go in memory of Go.
func pin(pinner *runtime.Pinner, inputs []Input) {
	for _, input := range inputs {
		if input.Data != nil {
			pinner.Pin(input.Data)
		}
	}
}

func WinRatesOf(r *Router, inputs []Input, wanted *RouteOptions, cancel *CancelToken, out []float64,
	err **Error) Status {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	pin(&pinner, inputs)
	return Status(C.go_win_rates_of(router(r), (*C.routellm_input)(unsafe.Pointer(unsafe.SliceData(inputs))),
		C.size_t(len(inputs)), options(wanted), chars(wanted.JSON), C.size_t(len(wanted.JSON)), token(cancel),
		doubles(out), failure(err)))
}

// QualitiesOf gives models numbers for each input.
func QualitiesOf(r *Router, inputs []Input, wanted *RouteOptions, cancel *CancelToken, out []float64, models int,
	err **Error) Status {
	var pinner runtime.Pinner
	defer pinner.Unpin()
	pin(&pinner, inputs)
	return Status(C.go_qualities_of(router(r), (*C.routellm_input)(unsafe.Pointer(unsafe.SliceData(inputs))),
		C.size_t(len(inputs)), options(wanted), chars(wanted.JSON), C.size_t(len(wanted.JSON)), token(cancel),
		doubles(out), C.size_t(models), failure(err)))
}

func CandidateScoresOf(r *Router, input Input, wanted *RouteOptions, cancel *CancelToken, out []float64,
	err **Error) Status {
	return Status(C.go_candidate_scores_of(router(r), input.Data, C.size_t(input.Len), C.int32_t(input.Kind),
		options(wanted), chars(wanted.JSON), C.size_t(len(wanted.JSON)), token(cancel), doubles(out),
		C.size_t(len(out)), failure(err)))
}

func SimilarityOf(r *Router, input Input, wanted *RouteOptions, cancel *CancelToken, out *float64, err **Error) Status {
	return Status(C.go_similarity_of(router(r), input.Data, C.size_t(input.Len), C.int32_t(input.Kind),
		options(wanted), chars(wanted.JSON), C.size_t(len(wanted.JSON)),
		token(cancel), (*C.double)(unsafe.Pointer(out)), failure(err)))
}

func EmbedOf(r *Router, input Input, wanted *RouteOptions, cancel *CancelToken, out []float32, err **Error) Status {
	return Status(C.go_embed_of(router(r), input.Data, C.size_t(input.Len), C.int32_t(input.Kind), options(wanted),
		chars(wanted.JSON), C.size_t(len(wanted.JSON)),
		token(cancel), floats(out), C.size_t(len(out)), failure(err)))
}

func ExplainOf(r *Router, input Input, k int, wanted *RouteOptions, cancel *CancelToken, out **String,
	err **Error) Status {
	return Status(C.go_explain_of(router(r), input.Data, C.size_t(input.Len), C.int32_t(input.Kind), options(wanted),
		chars(wanted.JSON), C.size_t(len(wanted.JSON)),
		token(cancel), C.size_t(k), object(out), failure(err)))
}

func ReadMessages(json []byte, read int32, out **String, err **Error) Status {
	return Status(C.routellm_read_messages(chars(json), C.size_t(len(json)), C.int32_t(read), object(out),
		failure(err)))
}

// Train trains; listen may be nil.
func Train(spec []byte, listen Listen, cancel *CancelToken, report **String, err **Error) Status {
	var user uintptr
	if listen != nil {
		user = hold(listen)
		defer letGo(user)
	}
	return Status(C.go_train(chars(spec), C.size_t(len(spec)), C.uintptr_t(user), token(cancel), object(report),
		failure(err)))
}

// Evaluate evaluates; listen may be nil.
func Evaluate(spec []byte, listen Listen, cancel *CancelToken, report **String, err **Error) Status {
	var user uintptr
	if listen != nil {
		user = hold(listen)
		defer letGo(user)
	}
	return Status(C.go_evaluate(chars(spec), C.size_t(len(spec)), C.uintptr_t(user), token(cancel), object(report),
		failure(err)))
}

// RouterCalibrate calibrates; listen may be nil.
func RouterCalibrate(r *Router, spec []byte, listen Listen, cancel *CancelToken, out **Router, err **Error) Status {
	var user uintptr
	if listen != nil {
		user = hold(listen)
		defer letGo(user)
	}
	return Status(C.go_calibrate(router(r), chars(spec), C.size_t(len(spec)), C.uintptr_t(user), token(cancel),
		(**C.routellm_router)(unsafe.Pointer(out)), failure(err)))
}

func RouterCalibrationReport(r *Router, out **String, err **Error) Status {
	return Status(C.routellm_router_calibration_report(router(r), object(out), failure(err)))
}

// RouterSaveCalibration takes a path without a NUL in it.
func RouterSaveCalibration(r *Router, path string, err **Error) Status {
	place := C.CString(path)
	defer C.free(unsafe.Pointer(place))
	return Status(C.routellm_router_save_calibration(router(r), place, failure(err)))
}

// Doctor takes a folder without a NUL in it; an empty one is the router that is compiled in.
func Doctor(folder string, out **String, err **Error) Status {
	if folder == "" {
		return Status(C.routellm_doctor(object(out), failure(err)))
	}
	path := C.CString(folder)
	defer C.free(unsafe.Pointer(path))
	return Status(C.routellm_doctor_of(path, object(out), failure(err)))
}

// UpgradeArtifact takes a folder without a NUL in it.
func UpgradeArtifact(folder string, upgraded *int32, err **Error) Status {
	path := C.CString(folder)
	defer C.free(unsafe.Pointer(path))
	return Status(C.routellm_upgrade_artifact(path, (*C.int32_t)(unsafe.Pointer(upgraded)), failure(err)))
}

//export routellmGoDone
func routellmGoDone(user C.uintptr_t, status C.routellm_status, decisions *C.routellm_decision, count C.size_t,
	err *C.routellm_error) {
	done(uintptr(user), Status(status), (*Decision)(unsafe.Pointer(decisions)), uintptr(count),
		(*Error)(unsafe.Pointer(err)))
}

//export routellmGoHear
func routellmGoHear(user C.uintptr_t, event *C.routellm_decision_event) {
	hear(uintptr(user), (*DecisionEvent)(unsafe.Pointer(event)))
}

//export routellmGoNotice
func routellmGoNotice(user C.uintptr_t, message *C.char) {
	notice(uintptr(user), (*byte)(unsafe.Pointer(message)))
}

//export routellmGoForget
func routellmGoForget(user C.uintptr_t) { letGo(uintptr(user)) }

//export routellmGoProgress
func routellmGoProgress(user C.uintptr_t, step *C.routellm_progress) C.int32_t {
	return C.int32_t(progress(uintptr(user), (*Progress)(unsafe.Pointer(step))))
}
