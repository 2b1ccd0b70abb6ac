//go:build cgo && !routellm_purego

package capi

/*
#include "glue.h"
*/
import "C"

import "unsafe"

// The structs of Go lie in memory as those of C do, or this does not compile: an index other than 0 is out of range.
// What a newer library appends to a struct is found out by its size.
var zero [1]struct{}

const (
	decisionSize = unsafe.Sizeof(Decision{}) - C.sizeof_routellm_decision
	eventSize    = unsafe.Sizeof(DecisionEvent{}) - C.sizeof_routellm_decision_event
	progressSize = unsafe.Sizeof(Progress{}) - C.sizeof_routellm_progress
	inputSize    = unsafe.Sizeof(Input{}) - C.sizeof_routellm_input
	textSize     = unsafe.Sizeof(Text{}) - C.sizeof_routellm_text
	optionsSize  = unsafe.Offsetof(RouteOptions{}.JSON) - C.sizeof_go_route_options
)

var (
	_ = zero[decisionSize]
	_ = zero[eventSize]
	_ = zero[progressSize]
	_ = zero[inputSize]
	_ = zero[textSize]
	_ = zero[optionsSize]
)

var (
	goDecision Decision
	cDecision  C.routellm_decision
	goEvent    DecisionEvent
	cEvent     C.routellm_decision_event
	goProgress Progress
	cProgress  C.routellm_progress
	goInput    Input
	cInput     C.routellm_input
	goText     Text
	cText      C.routellm_text
	goOptions  RouteOptions
	cOptions   C.go_route_options
)

var (
	_ = zero[unsafe.Offsetof(goOptions.Threshold)-unsafe.Offsetof(cOptions.threshold)]
	_ = zero[unsafe.Offsetof(goOptions.StrongShare)-unsafe.Offsetof(cOptions.strong_share)]
	_ = zero[unsafe.Offsetof(goOptions.TimeoutMs)-unsafe.Offsetof(cOptions.timeout_ms)]
	_ = zero[unsafe.Offsetof(goOptions.HasThreshold)-unsafe.Offsetof(cOptions.has_threshold)]
	_ = zero[unsafe.Offsetof(goOptions.HasStrongShare)-unsafe.Offsetof(cOptions.has_strong_share)]
	_ = zero[unsafe.Offsetof(goOptions.HasTimeout)-unsafe.Offsetof(cOptions.has_timeout)]
	_ = zero[unsafe.Offsetof(goOptions.Read)-unsafe.Offsetof(cOptions.read)]
	_ = zero[unsafe.Offsetof(goOptions.HasRead)-unsafe.Offsetof(cOptions.has_read)]
	_ = zero[unsafe.Offsetof(goOptions.OnError)-unsafe.Offsetof(cOptions.on_error)]
	_ = zero[unsafe.Offsetof(goOptions.IsDefault)-unsafe.Offsetof(cOptions.is_default)]
	_ = zero[unsafe.Offsetof(goDecision.StructSize)-unsafe.Offsetof(cDecision.struct_size)]
	_ = zero[unsafe.Offsetof(goDecision.WinRate)-unsafe.Offsetof(cDecision.win_rate)]
	_ = zero[unsafe.Offsetof(goDecision.Threshold)-unsafe.Offsetof(cDecision.threshold)]
	_ = zero[unsafe.Offsetof(goDecision.Model)-unsafe.Offsetof(cDecision.model)]
	_ = zero[unsafe.Offsetof(goDecision.FallbackError)-unsafe.Offsetof(cDecision.fallback_error)]
	_ = zero[unsafe.Offsetof(goDecision.Side)-unsafe.Offsetof(cDecision.side)]
	_ = zero[unsafe.Offsetof(goDecision.Truncated)-unsafe.Offsetof(cDecision.truncated)]
	_ = zero[unsafe.Offsetof(goDecision.Fallback)-unsafe.Offsetof(cDecision.fallback)]
	_ = zero[unsafe.Offsetof(goDecision.FallbackStatus)-unsafe.Offsetof(cDecision.fallback_status)]
	_ = zero[unsafe.Offsetof(goDecision.Similarity)-unsafe.Offsetof(cDecision.similarity)]
	_ = zero[unsafe.Offsetof(goDecision.OutOfDistribution)-unsafe.Offsetof(cDecision.out_of_distribution)]
	_ = zero[unsafe.Offsetof(goDecision.NoScore)-unsafe.Offsetof(cDecision.no_score)]
	_ = zero[unsafe.Offsetof(goDecision.FallbackWarning)-unsafe.Offsetof(cDecision.fallback_warning)]
	// <faces:decision>
	_ = zero[unsafe.Offsetof(goDecision.Propensity)-unsafe.Offsetof(cDecision.propensity)]
	_ = zero[unsafe.Offsetof(goDecision.ID)-unsafe.Offsetof(cDecision.id)]
	_ = zero[unsafe.Offsetof(goDecision.Candidate)-unsafe.Offsetof(cDecision.candidate)]
	_ = zero[unsafe.Offsetof(goDecision.Quality)-unsafe.Offsetof(cDecision.quality)]
	_ = zero[unsafe.Offsetof(goDecision.ExpectedCost)-unsafe.Offsetof(cDecision.expected_cost)]
	// </faces:decision>
	_ = zero[unsafe.Offsetof(goEvent.StructSize)-unsafe.Offsetof(cEvent.struct_size)]
	_ = zero[unsafe.Offsetof(goEvent.ID)-unsafe.Offsetof(cEvent.id)]
	_ = zero[unsafe.Offsetof(goEvent.Model)-unsafe.Offsetof(cEvent.model)]
	_ = zero[unsafe.Offsetof(goEvent.WinRate)-unsafe.Offsetof(cEvent.win_rate)]
	_ = zero[unsafe.Offsetof(goEvent.Threshold)-unsafe.Offsetof(cEvent.threshold)]
	_ = zero[unsafe.Offsetof(goEvent.Propensity)-unsafe.Offsetof(cEvent.propensity)]
	_ = zero[unsafe.Offsetof(goEvent.QueueNs)-unsafe.Offsetof(cEvent.queue_ns)]
	_ = zero[unsafe.Offsetof(goEvent.ScoreNs)-unsafe.Offsetof(cEvent.score_ns)]
	_ = zero[unsafe.Offsetof(goEvent.TotalNs)-unsafe.Offsetof(cEvent.total_ns)]
	_ = zero[unsafe.Offsetof(goEvent.Index)-unsafe.Offsetof(cEvent.index)]
	_ = zero[unsafe.Offsetof(goEvent.BatchSize)-unsafe.Offsetof(cEvent.batch_size)]
	_ = zero[unsafe.Offsetof(goEvent.Side)-unsafe.Offsetof(cEvent.side)]
	_ = zero[unsafe.Offsetof(goEvent.FallbackStatus)-unsafe.Offsetof(cEvent.fallback_status)]
	_ = zero[unsafe.Offsetof(goEvent.Candidate)-unsafe.Offsetof(cEvent.candidate)]
	_ = zero[unsafe.Offsetof(goEvent.Quality)-unsafe.Offsetof(cEvent.quality)]
	_ = zero[unsafe.Offsetof(goEvent.ExpectedCost)-unsafe.Offsetof(cEvent.expected_cost)]
	_ = zero[unsafe.Offsetof(goProgress.StructSize)-unsafe.Offsetof(cProgress.struct_size)]
	_ = zero[unsafe.Offsetof(goProgress.Stage)-unsafe.Offsetof(cProgress.stage)]
	_ = zero[unsafe.Offsetof(goProgress.Done)-unsafe.Offsetof(cProgress.done)]
	_ = zero[unsafe.Offsetof(goProgress.Total)-unsafe.Offsetof(cProgress.total)]
	_ = zero[unsafe.Offsetof(goProgress.Loss)-unsafe.Offsetof(cProgress.loss)]
	_ = zero[unsafe.Offsetof(goProgress.Rate)-unsafe.Offsetof(cProgress.rate)]
	_ = zero[unsafe.Offsetof(goInput.Data)-unsafe.Offsetof(cInput.data)]
	_ = zero[unsafe.Offsetof(goInput.Len)-unsafe.Offsetof(cInput.len)]
	_ = zero[unsafe.Offsetof(goInput.Kind)-unsafe.Offsetof(cInput.kind)]
	_ = zero[unsafe.Offsetof(goText.Data)-unsafe.Offsetof(cText.data)]
	_ = zero[unsafe.Offsetof(goText.Len)-unsafe.Offsetof(cText.len)]
)
