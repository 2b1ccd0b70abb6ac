//go:build routellm_purego

package capi

import (
	"unsafe"

	"github.com/ebitengine/purego"
)

type p = unsafe.Pointer

// call calls a function of C. What is passed as a uintptr is converted from a pointer within the call itself: then it
// stays where it is, and alive, until that returns.
//
//go:uintptrescapes
func call(function uintptr, arguments ...uintptr) uintptr {
	result, _, _ := purego.SyscallN(function, arguments...)
	return result
}

// attempt is call for a function that gives a status.
//
//go:uintptrescapes
func attempt(function uintptr, arguments ...uintptr) Status {
	result, _, _ := purego.SyscallN(function, arguments...)
	return Status(int32(result))
}

// pointer is a pointer that C gave.
func pointer[T any](result uintptr) *T { return *(**T)(p(&result)) }

// cString is text for C, which ends at a NUL.
func cString(text string) *byte { return unsafe.SliceData(append([]byte(text), 0)) }

func flag(on bool) uintptr {
	if on {
		return 1
	}
	return 0
}

// Functions that take numbers with a point beside others go another, slower way.
var (
	setThreshold   func(options *cRouteOptions, value float64, err **Error) Status
	setStrongShare func(options *cRouteOptions, value float64, err **Error) Status
	setTimeoutMs   func(options *cRouteOptions, value float64, err **Error) Status
	tellShare      func(router *Router, strongShare float64, threshold, share *float64, err **Error) Status
)

// The functions of Go that C calls. Such a function lasts as long as the process, so that there is one of each.
var onDone, onEvent, onFree, onNotice, onProgress uintptr

// prepare makes what calls need beside the functions themselves.
func prepare() {
	purego.RegisterFunc(&setThreshold, route_options_set_threshold)
	purego.RegisterFunc(&setStrongShare, route_options_set_strong_share)
	purego.RegisterFunc(&setTimeoutMs, route_options_set_timeout_ms)
	purego.RegisterFunc(&tellShare, share)
	onDone = purego.NewCallback(done)
	onEvent = purego.NewCallback(hear)
	onFree = purego.NewCallback(letGo)
	onNotice = purego.NewCallback(notice)
	onProgress = purego.NewCallback(progress)
}

type cRouteOptions struct{ _ byte }

// options are the options of C; nil for the default ones.
func (wanted *RouteOptions) options(cancel *CancelToken, err **Error) (*cRouteOptions, Status) {
	if wanted.IsDefault != 0 && cancel == nil {
		return nil, OK
	}
	options := pointer[cRouteOptions](call(route_options_new))
	status := OK
	if wanted.HasThreshold != 0 {
		status = setThreshold(options, wanted.Threshold, err)
	}
	if status == OK && wanted.HasStrongShare != 0 {
		status = setStrongShare(options, wanted.StrongShare, err)
	}
	if status == OK && len(wanted.JSON) > 0 {
		status = attempt(route_options_set_json, uintptr(p(options)), uintptr(p(unsafe.SliceData(wanted.JSON))),
			uintptr(len(wanted.JSON)), uintptr(p(err)))
	}
	if status == OK && wanted.OnError > 0 {
		status = attempt(route_options_set_on_error, uintptr(p(options)), uintptr(wanted.OnError), uintptr(p(err)))
	}
	if status == OK && wanted.OnError != 0 {
		status = attempt(route_options_set_keep_fallback_errors, uintptr(p(options)), 1, uintptr(p(err)))
	}
	if status == OK && wanted.HasTimeout != 0 {
		status = setTimeoutMs(options, wanted.TimeoutMs, err)
	}
	if status == OK && wanted.HasRead != 0 {
		status = attempt(route_options_set_read, uintptr(p(options)), uintptr(wanted.Read), uintptr(p(err)))
	}
	if status == OK && cancel != nil {
		status = attempt(route_options_set_cancel, uintptr(p(options)), uintptr(p(cancel)), uintptr(p(err)))
	}
	if status != OK {
		free(options)
		return nil, status
	}
	return options, OK
}

func free(options *cRouteOptions) {
	if options != nil {
		call(route_options_free, uintptr(p(options)))
	}
}

// Texts are those that were joined.
func texts(joined []byte, lengths []uintptr) []Text {
	out := make([]Text, len(lengths))
	for i, length := range lengths {
		out[i] = Text{unsafe.SliceData(joined), length}
		joined = joined[length:]
	}
	return out
}

// Version is the version of the library; empty if it cannot be loaded.
func Version() string {
	if Load() != nil {
		return ""
	}
	return GoString(pointer[byte](call(version)))
}

func OpenOptionsNew() *OpenOptions { return pointer[OpenOptions](call(open_options_new)) }

func OpenOptionsFree(o *OpenOptions) { call(open_options_free, uintptr(p(o))) }

func OpenOptionsSetJSON(o *OpenOptions, json []byte, err **Error) Status {
	return attempt(open_options_set_json, uintptr(p(o)), uintptr(p(unsafe.SliceData(json))), uintptr(len(json)),
		uintptr(p(err)))
}

// RouterOpen takes a folder without a NUL in it.
func RouterOpen(folder string, o *OpenOptions, out **Router, err **Error) Status {
	return attempt(router_open, uintptr(p(cString(folder))), uintptr(p(o)), uintptr(p(out)), uintptr(p(err)))
}

func RouterOpenDefault(o *OpenOptions, out **Router, err **Error) Status {
	return attempt(router_open_default, uintptr(p(o)), uintptr(p(out)), uintptr(p(err)))
}

func RouterFree(r *Router) { call(router_free, uintptr(p(r))) }

// RouterClose calls back, here, for each call that waits.
func RouterClose(r *Router) { call(router_close, uintptr(p(r))) }

func RouterStrong(r *Router) string {
	return GoString(pointer[byte](call(router_strong, uintptr(p(r)))))
}

func RouterWeak(r *Router) string {
	return GoString(pointer[byte](call(router_weak, uintptr(p(r)))))
}

func RouterModelCount(r *Router) int {
	return int(call(router_model_count, uintptr(p(r))))
}

func RouterModel(r *Router, index int) string {
	return GoString(pointer[byte](call(router_model, uintptr(p(r)), uintptr(index))))
}

func RouterEmbeddingDimension(r *Router) int {
	return int(call(router_embedding_dimension, uintptr(p(r))))
}

func RouterEmbedDimension(r *Router) int {
	return int(call(router_embed_dimension, uintptr(p(r))))
}

func RouterFallbacks(r *Router) uint64 {
	return uint64(call(router_fallbacks, uintptr(p(r))))
}

func RouterInfo(r *Router, out **String, err **Error) Status {
	return attempt(router_info_json, uintptr(p(r)), uintptr(p(out)), uintptr(p(err)))
}

func RouterStats(r *Router, out **String, err **Error) Status {
	return attempt(router_stats_json, uintptr(p(r)), uintptr(p(out)), uintptr(p(err)))
}

// RouterOnDecision lets hear hear of the decisions of a router until that is freed.
func RouterOnDecision(r *Router, hear Hear, err **Error) Status {
	user := hold(hear)
	status := attempt(router_on_decision, uintptr(p(r)), onEvent, user, onFree, uintptr(p(err)))
	if status != OK {
		letGo(user)
	}
	return status
}

// RouterOnNotice lets hear hear what a router notices until that is freed.
func RouterOnNotice(r *Router, hear Notice, err **Error) Status {
	user := hold(hear)
	status := attempt(router_on_notice, uintptr(p(r)), onNotice, user, onFree, uintptr(p(err)))
	if status != OK {
		letGo(user)
	}
	return status
}

// TakeString copies a string object and frees it.
func TakeString(text *String) string {
	data, length := pointer[byte](call(string_data, uintptr(p(text)))), call(string_len, uintptr(p(text)))
	out := string(unsafe.Slice(data, length))
	call(string_free, uintptr(p(text)))
	return out
}

func ErrorFree(err *Error) { call(error_free, uintptr(p(err))) }

func ErrorMessage(err *Error) string {
	return GoString(pointer[byte](call(error_message, uintptr(p(err)))))
}

// ErrorOSCode is the number of the operating system's error; 0 without one.
func ErrorOSCode(err *Error) int {
	return int(int32(call(error_os_code, uintptr(p(err)))))
}

func FallbackMessage(status Status, count uint64, out **String) Status {
	return attempt(fallback_message, uintptr(status), uintptr(count), uintptr(p(out)), 0)
}

func CancelTokenNew() *CancelToken { return pointer[CancelToken](call(cancel_token_new)) }

func CancelTokenFree(t *CancelToken) { call(cancel_token_free, uintptr(p(t))) }

// CancelTokenCancel may call back on this thread.
func CancelTokenCancel(t *CancelToken) { call(cancel_token_cancel, uintptr(p(t))) }

func isQuick(r *Router, bytes int) bool {
	return int32(call(router_is_quick, uintptr(p(r)), uintptr(bytes))) != 0
}

func Route(r *Router, prompt string, wanted *RouteOptions, out *Decision, err **Error) Status {
	return routeText(route, r, unsafe.Slice(unsafe.StringData(prompt), len(prompt)), wanted, out, err)
}

func RouteMessages(r *Router, json []byte, wanted *RouteOptions, out *Decision, err **Error) Status {
	return routeText(route_messages, r, json, wanted, out, err)
}

func routeText(function uintptr, r *Router, prompt []byte, wanted *RouteOptions, out *Decision, err **Error) Status {
	if !isQuick(r, len(prompt)) {
		return NotQuick
	}
	options, status := wanted.options(nil, err)
	if status != OK {
		return status
	}
	defer free(options)
	out.StructSize = unsafe.Sizeof(*out)
	return attempt(function, uintptr(p(r)), uintptr(p(unsafe.SliceData(prompt))), uintptr(len(prompt)),
		uintptr(p(options)), uintptr(p(out)), uintptr(p(err)))
}

func RouteEmbedding(r *Router, numbers []float32, wanted *RouteOptions, out *Decision, err **Error) Status {
	options, status := wanted.options(nil, err)
	if status != OK {
		return status
	}
	defer free(options)
	out.StructSize = unsafe.Sizeof(*out)
	return attempt(route_embedding, uintptr(p(r)), uintptr(p(unsafe.SliceData(numbers))), uintptr(len(numbers)),
		uintptr(p(options)), uintptr(p(out)), uintptr(p(err)))
}

// RouteEmbeddingHeard is for routers with a hook.
func RouteEmbeddingHeard(r *Router, numbers []float32, wanted *RouteOptions, out *Decision, err **Error) Status {
	return RouteEmbedding(r, numbers, wanted, out, err)
}

// RouteBatch is for few short prompts, or chats, which were joined. bytes is the length of them all, with something for
// each.
func RouteBatch(r *Router, messages bool, joined []byte, lengths []uintptr, bytes int, wanted *RouteOptions,
	out []Decision, err **Error) Status {
	if !isQuick(r, bytes) {
		return NotQuick
	}
	options, status := wanted.options(nil, err)
	if status != OK {
		return status
	}
	defer free(options)
	if len(out) > 0 {
		out[0].StructSize = unsafe.Sizeof(out[0])
	}
	function := route_batch
	if messages {
		function = route_batch_messages
	}
	prompts := texts(joined, lengths)
	return attempt(function, uintptr(p(r)), uintptr(p(unsafe.SliceData(prompts))), uintptr(len(prompts)),
		uintptr(p(options)), uintptr(p(unsafe.SliceData(out))), uintptr(p(err)))
}

// RouteAsync begins a call. After [OK], and only then, done is called, perhaps before this returns.
func RouteAsync(r *Router, messages bool, prompt []byte, wanted *RouteOptions, cancel *CancelToken, done Done,
	err **Error) Status {
	function := route_async
	if messages {
		function = route_messages_async
	}
	options, status := wanted.options(cancel, err)
	if status != OK {
		return status
	}
	defer free(options)
	user := hold(done)
	status = attempt(function, uintptr(p(r)), uintptr(p(unsafe.SliceData(prompt))), uintptr(len(prompt)),
		uintptr(p(options)), onDone, user, uintptr(p(err)))
	if status != OK {
		letGo(user)
	}
	return status
}

// RouteBatchAsync is as RouteAsync.
func RouteBatchAsync(r *Router, messages bool, joined []byte, lengths []uintptr, wanted *RouteOptions,
	cancel *CancelToken, done Done, err **Error) Status {
	function := route_batch_async
	if messages {
		function = route_batch_messages_async
	}
	options, status := wanted.options(cancel, err)
	if status != OK {
		return status
	}
	defer free(options)
	user := hold(done)
	prompts := texts(joined, lengths)
	status = attempt(function, uintptr(p(r)), uintptr(p(unsafe.SliceData(prompts))), uintptr(len(prompts)),
		uintptr(p(options)), onDone, user, uintptr(p(err)))
	if status != OK {
		letGo(user)
	}
	return status
}

func Threshold(r *Router, wanted *RouteOptions, out *float64, err **Error) Status {
	options, status := wanted.options(nil, err)
	if status != OK {
		return status
	}
	defer free(options)
	return attempt(threshold, uintptr(p(r)), uintptr(p(options)), uintptr(p(out)), uintptr(p(err)))
}

func Share(r *Router, strongShare float64, threshold, share *float64, err **Error) Status {
	return tellShare(r, strongShare, threshold, share, err)
}

func WinRate(r *Router, prompt string, out *float64, err **Error) Status {
	if !isQuick(r, len(prompt)) {
		return NotQuick
	}
	return attempt(win_rate, uintptr(p(r)), uintptr(p(unsafe.StringData(prompt))), uintptr(len(prompt)),
		uintptr(p(out)), uintptr(p(err)))
}

func WinRates(r *Router, joined []byte, lengths []uintptr, cancel *CancelToken, out []float64, err **Error) Status {
	prompts := texts(joined, lengths)
	return attempt(win_rates, uintptr(p(r)), uintptr(p(unsafe.SliceData(prompts))), uintptr(len(prompts)),
		uintptr(p(cancel)), uintptr(p(unsafe.SliceData(out))), uintptr(p(err)))
}

func WinRateFromEmbedding(r *Router, numbers []float32, out *float64, err **Error) Status {
	return attempt(win_rate_from_embedding, uintptr(p(r)), uintptr(p(unsafe.SliceData(numbers))),
		uintptr(len(numbers)), uintptr(p(out)), uintptr(p(err)))
}

func WinRatesFromEmbeddings(r *Router, numbers []float32, dimension int, out []float64, err **Error) Status {
	return attempt(win_rates_from_embeddings, uintptr(p(r)), uintptr(p(unsafe.SliceData(numbers))), uintptr(len(out)),
		uintptr(dimension), uintptr(p(unsafe.SliceData(out))),
		uintptr(p(err)))
}

func WinRatesOf(r *Router, inputs []Input, wanted *RouteOptions, cancel *CancelToken, out []float64,
	err **Error) Status {
	options, status := wanted.options(cancel, err)
	if status != OK {
		return status
	}
	defer free(options)
	return attempt(win_rates_of, uintptr(p(r)), uintptr(p(unsafe.SliceData(inputs))), uintptr(len(inputs)),
		uintptr(p(options)), uintptr(p(unsafe.SliceData(out))), uintptr(p(err)))
}

// QualitiesOf gives models numbers for each input.
func QualitiesOf(r *Router, inputs []Input, wanted *RouteOptions, cancel *CancelToken, out []float64, models int,
	err **Error) Status {
	options, status := wanted.options(cancel, err)
	if status != OK {
		return status
	}
	defer free(options)
	return attempt(qualities_of, uintptr(p(r)), uintptr(p(unsafe.SliceData(inputs))), uintptr(len(inputs)),
		uintptr(p(options)), uintptr(p(unsafe.SliceData(out))), uintptr(models), uintptr(p(err)))
}

func CandidateScoresOf(r *Router, input Input, wanted *RouteOptions, cancel *CancelToken, out []float64,
	err **Error) Status {
	options, status := wanted.options(cancel, err)
	if status != OK {
		return status
	}
	defer free(options)
	return attempt(candidate_scores_of, uintptr(p(r)), uintptr(p(&input)), uintptr(p(options)),
		uintptr(p(unsafe.SliceData(out))), uintptr(len(out)), uintptr(p(err)))
}

func SimilarityOf(r *Router, input Input, wanted *RouteOptions, cancel *CancelToken, out *float64, err **Error) Status {
	options, status := wanted.options(cancel, err)
	if status != OK {
		return status
	}
	defer free(options)
	return attempt(similarity_of, uintptr(p(r)), uintptr(p(&input)), uintptr(p(options)), uintptr(p(out)),
		uintptr(p(err)))
}

func EmbedOf(r *Router, input Input, wanted *RouteOptions, cancel *CancelToken, out []float32, err **Error) Status {
	options, status := wanted.options(cancel, err)
	if status != OK {
		return status
	}
	defer free(options)
	return attempt(embed_of, uintptr(p(r)), uintptr(p(&input)), uintptr(p(options)), uintptr(p(unsafe.SliceData(out))),
		uintptr(len(out)), uintptr(p(err)))
}

func ExplainOf(r *Router, input Input, k int, wanted *RouteOptions, cancel *CancelToken, out **String,
	err **Error) Status {
	options, status := wanted.options(cancel, err)
	if status != OK {
		return status
	}
	defer free(options)
	return attempt(explain_of, uintptr(p(r)), uintptr(p(&input)), uintptr(k), uintptr(p(options)), uintptr(p(out)),
		uintptr(p(err)))
}

func ReadMessages(json []byte, read int32, out **String, err **Error) Status {
	return attempt(read_messages, uintptr(p(unsafe.SliceData(json))), uintptr(len(json)), uintptr(read),
		uintptr(p(out)), uintptr(p(err)))
}

// Train trains; listen may be nil.
func Train(spec []byte, listen Listen, cancel *CancelToken, report **String, err **Error) Status {
	var callback, user uintptr
	if listen != nil {
		callback, user = onProgress, hold(listen)
		defer letGo(user)
	}
	return attempt(train, uintptr(p(unsafe.SliceData(spec))), uintptr(len(spec)), callback, user, uintptr(p(cancel)),
		uintptr(p(report)), uintptr(p(err)))
}

// Evaluate evaluates; listen may be nil.
func Evaluate(spec []byte, listen Listen, cancel *CancelToken, report **String, err **Error) Status {
	var callback, user uintptr
	if listen != nil {
		callback, user = onProgress, hold(listen)
		defer letGo(user)
	}
	return attempt(evaluate, uintptr(p(unsafe.SliceData(spec))), uintptr(len(spec)), callback, user, uintptr(p(cancel)),
		uintptr(p(report)), uintptr(p(err)))
}

// RouterCalibrate calibrates; listen may be nil.
func RouterCalibrate(r *Router, spec []byte, listen Listen, cancel *CancelToken, out **Router, err **Error) Status {
	var callback, user uintptr
	if listen != nil {
		callback, user = onProgress, hold(listen)
		defer letGo(user)
	}
	return attempt(router_calibrate, uintptr(p(r)), uintptr(p(unsafe.SliceData(spec))), uintptr(len(spec)), callback, user,
		uintptr(p(cancel)), uintptr(p(out)), 0, uintptr(p(err)))
}

func RouterCalibrationReport(r *Router, out **String, err **Error) Status {
	return attempt(router_calibration_report, uintptr(p(r)), uintptr(p(out)), uintptr(p(err)))
}

// RouterSaveCalibration takes a path without a NUL in it.
func RouterSaveCalibration(r *Router, path string, err **Error) Status {
	return attempt(router_save_calibration, uintptr(p(r)), uintptr(p(cString(path))), uintptr(p(err)))
}

// Doctor takes a folder without a NUL in it; an empty one is the router that is compiled in.
func Doctor(folder string, out **String, err **Error) Status {
	if folder == "" {
		return attempt(doctor, uintptr(p(out)), uintptr(p(err)))
	}
	return attempt(doctor_of, uintptr(p(cString(folder))), uintptr(p(out)), uintptr(p(err)))
}

// UpgradeArtifact takes a folder without a NUL in it.
func UpgradeArtifact(folder string, upgraded *int32, err **Error) Status {
	return attempt(upgrade_artifact, uintptr(p(cString(folder))), uintptr(p(upgraded)), uintptr(p(err)))
}
