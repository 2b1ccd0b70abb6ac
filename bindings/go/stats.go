package routellm

import (
	"encoding/json"

	"routellm.dev/go/routellm/internal/capi"
)

// Stats is how busy a router is, and what it has done since it was opened.
type Stats struct {
	// <faces:record-router_stats>
	// Sessions is the number of ONNX sessions, each of which runs one call at a time; 0 for a router without any.
	Sessions int `json:"sessions"`
	// Busy is how many of them are in use.
	Busy int `json:"busy"`
	// Waiting is how many calls wait for a session; a batch counts once.
	Waiting int `json:"waiting"`
	// Decisions is how many decisions were made, fallbacks included.
	Decisions uint64 `json:"decisions"`
	// Fallbacks is how many of them were fallbacks, by the kind of error; kinds that did not occur are left out.
	Fallbacks map[Kind]uint64 `json:"-"`
	// Notices is what was noticed about calls, each once: thresholds above or below every win rate of the calibration
	// sample.
	Notices []string `json:"notices"`
	// </faces:record-router_stats>
}

// Stats tells how busy the router is, and how many decisions it made. A snapshot: calls go on meanwhile.
func (r *Router) Stats() (Stats, error) {
	handle, err := r.use()
	if err != nil {
		return Stats{}, err
	}
	defer r.release()
	var text *capi.String
	var cerr *capi.Error
	if status := capi.RouterStats(handle, &text, &cerr); status != capi.OK {
		return Stats{}, r.failure(nil, status, cerr)
	}
	var stats struct {
		Stats
		Named map[string]uint64 `json:"fallbacks"`
	}
	if err := json.Unmarshal([]byte(capi.TakeString(text)), &stats); err != nil {
		return Stats{}, &Error{Kind: Internal, Message: "stats: " + err.Error(), cause: err}
	}
	stats.Fallbacks = make(map[Kind]uint64, len(stats.Named))
	for kind, name := range kindNames {
		if count, ok := stats.Named[name]; ok {
			stats.Fallbacks[kind] = count
		}
	}
	stats.Waiting += int(r.waiting.Load())
	return stats.Stats, nil
}
