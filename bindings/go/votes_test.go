package routellm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
)

type votesFile struct {
	Format  int
	Routers map[string]struct {
		Artifact string
		Options  votesOptions
	}
	Cases      []votesCase
	OpenErrors []struct {
		Artifact string
		Options  votesOptions
		Error    string
	} `json:"open_errors"`
}

type votesOptions struct {
	Strong, Weak, Mode *string
	OutOfDistribution  *string  `json:"out_of_distribution"`
	MinSimilarity      *float64 `json:"min_similarity"`
	OpenClusters       any      `json:"open_clusters"`
	ErrorTarget        *float64 `json:"error_target"`
}

type votesCase struct {
	ID, Router string
	Text       *string
	Values     []float32
	Threshold  float64
	K          int
	Expect     struct {
		WinRateBits       string `json:"win_rate_bits"`
		Side              string
		SimilarityBits    string `json:"similarity_bits"`
		OutOfDistribution bool   `json:"out_of_distribution"`
		Explanation       json.RawMessage
		Error             string
	}
}

func (o *votesOptions) open() []OpenOption {
	var out []OpenOption
	if o.Strong != nil {
		out = append(out, WithStrong(*o.Strong))
	}
	if o.Weak != nil {
		out = append(out, WithWeak(*o.Weak))
	}
	if o.Mode != nil {
		out = append(out, WithMode(map[string]Mode{"exact": Exact, "reference": Reference}[*o.Mode]))
	}
	if o.OutOfDistribution != nil {
		decision, ok := map[string]OutOfDistribution{
			"ignore": Ignore, "strong": AbstainToStrong, "weak": AbstainToWeak,
		}[*o.OutOfDistribution]
		if !ok {
			// Another word is another number here.
			decision = 9
		}
		out = append(out, WithOutOfDistribution(decision))
	}
	if o.MinSimilarity != nil {
		out = append(out, WithMinSimilarity(*o.MinSimilarity))
	}
	switch clusters := o.OpenClusters.(type) {
	case string:
		out = append(out, WithOpenClusters(AllClusters))
	case float64:
		out = append(out, WithOpenClusters(int(clusters)))
	}
	if o.ErrorTarget != nil {
		out = append(out, WithErrorTarget(*o.ErrorTarget))
	}
	return out
}

func fromBits(t *testing.T, bits string) float64 {
	t.Helper()
	value, err := strconv.ParseUint(bits, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return math.Float64frombits(value)
}

// run is a case by every function that answers it.
func (c *votesCase) run(router *Router) (Decision, float64, *Explanation, error) {
	var errs [3]error
	var decision Decision
	var similarity float64
	var explanation *Explanation
	if c.Text != nil {
		decision, errs[0] = router.Route(background, *c.Text, WithThreshold(c.Threshold))
		similarity, errs[1] = router.Similarity(*c.Text)
		explanation, errs[2] = router.Explain(*c.Text, c.K)
	} else {
		decision, errs[0] = router.RouteEmbedding(background, c.Values, WithThreshold(c.Threshold))
		similarity, errs[1] = router.SimilarityFromEmbedding(c.Values)
		explanation, errs[2] = router.ExplainEmbedding(c.Values, c.K)
	}
	if fmt.Sprint(errs[1]) != fmt.Sprint(errs[0]) || fmt.Sprint(errs[2]) != fmt.Sprint(errs[0]) {
		return decision, similarity, explanation, fmt.Errorf("the functions do not agree: %v", errs)
	}
	return decision, similarity, explanation, errs[0]
}

func readVotes(t *testing.T) *votesFile {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(), "tests", "conformance", "sw_ranking.json"))
	if err != nil {
		t.Fatal(err)
	}
	file := new(votesFile)
	if err := json.Unmarshal(data, file); err != nil {
		t.Fatal(err)
	}
	if file.Format != 1 || len(file.Routers) < 5 || len(file.Cases) < 40 || len(file.OpenErrors) < 5 {
		t.Fatal(file.Format, len(file.Routers), len(file.Cases), len(file.OpenErrors))
	}
	return file
}

func TestConformanceOfVotes(t *testing.T) {
	file := readVotes(t)
	routers := map[string]*Router{}
	for name, one := range file.Routers {
		router, err := Open(filepath.Join(root(), one.Artifact), one.Options.open()...)
		if err != nil {
			t.Fatal(name, err)
		}
		defer router.Close()
		routers[name] = router
	}
	for _, one := range file.Cases {
		t.Run(one.ID, func(t *testing.T) {
			decision, similarity, explanation, err := one.run(routers[one.Router])
			if one.Expect.Error != "" {
				var e *Error
				if !errors.As(err, &e) || e.Kind.String() != one.Expect.Error {
					t.Fatalf("expected %s, got %v", one.Expect.Error, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if decision.WinRate != fromBits(t, one.Expect.WinRateBits) || decision.Side.String() != one.Expect.Side ||
				decision.Similarity != fromBits(t, one.Expect.SimilarityBits) || similarity != explanation.Similarity ||
				decision.OutOfDistribution != one.Expect.OutOfDistribution {
				t.Errorf("expected %+v, got %+v, %v", one.Expect, decision, similarity)
			}
			// As a struct, in which no member may be missing.
			expected := new(Explanation)
			decoder := json.NewDecoder(bytes.NewReader(one.Expect.Explanation))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(expected); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(expected, explanation) {
				t.Errorf("expected %+v, got %+v", expected, explanation)
			}
			// As JSON, in which null is not zero.
			text, err := json.Marshal(explanation)
			if err != nil {
				t.Fatal(err)
			}
			var want, got any
			if err := errors.Join(json.Unmarshal(one.Expect.Explanation, &want), json.Unmarshal(text, &got)); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(want, got) {
				t.Errorf("expected %v, got %v", want, got)
			}
		})
	}
	for i, one := range file.OpenErrors {
		_, err := Open(filepath.Join(root(), one.Artifact), one.Options.open()...)
		var e *Error
		if !errors.As(err, &e) || e.Kind.String() != one.Error {
			t.Errorf("open_errors[%d]: expected %s, got %v", i, one.Error, err)
		}
	}
}

func TestVotes(t *testing.T) {
	folder := filepath.Join(root(), "tests", "conformance")
	hashed, err := Open(filepath.Join(folder, "sw-hashed"))
	if err != nil {
		t.Fatal(err)
	}
	defer hashed.Close()
	// Hashed features of this kind are dense: given, and not taken.
	embedding, err := hashed.Embed("What is 2+2?")
	if err != nil || len(embedding) != 8 || hashed.EmbeddingDimension() != 0 {
		t.Error(embedding, err, hashed.EmbeddingDimension())
	}
	info, err := hashed.Info()
	if err != nil {
		t.Fatal(err)
	}
	if info.Kind != "sw_ranking" || info.Votes == nil || info.Votes.Clusters != nil || info.Votes.Count != 80 ||
		info.Votes.Store == "" || info.Votes.Tiers < 2 || info.Votes.WeightExponent <= 0 {
		t.Errorf("%+v", info.Votes)
	}
	explanation, err := hashed.Explain("What is 2+2?", 1000)
	if err != nil || len(explanation.Votes) != info.Votes.Count || explanation.Votes[0].Text == nil {
		t.Errorf("%+v, %v", explanation, err)
	}
	scores, err := hashed.CandidateScores("What is 2+2?")
	if err != nil || len(scores) != len(hashed.Models()) || *explanation.Ratings[0].Rating != scores[0] {
		t.Error(scores, err)
	}
	batch, err := hashed.RouteBatch(background, []string{"What is 2+2?", "a"})
	if err != nil {
		t.Fatal(err)
	}
	for i, prompt := range []string{"What is 2+2?", "a"} {
		one, err := hashed.Route(background, prompt)
		if err != nil || math.IsNaN(one.Similarity) || !same(one, batch[i]) {
			t.Errorf("%+v, %+v, %v", one, batch[i], err)
		}
	}
	_, err = hashed.Explain("\xff", 1)
	refused(t, err, InvalidArgument, "UTF-8")
	fallback, err := hashed.Route(background, "\xff", WithOnError(FallBackToWeak))
	if err != nil || !math.IsNaN(fallback.Similarity) || fallback.OutOfDistribution {
		t.Errorf("%+v, %v", fallback, err)
	}

	clustered, err := Open(filepath.Join(folder, "sw-clustered"), WithOpenClusters(AllClusters))
	if err != nil {
		t.Fatal(err)
	}
	info, err = clustered.Info()
	if err != nil || info.Votes == nil || info.Votes.Clusters == nil || *info.Votes.Clusters < 2 {
		t.Fatalf("%+v, %v", info, err)
	}
	values := make([]float32, clustered.EmbeddingDimension())
	values[0] = 1
	all, err := clustered.ExplainEmbedding(values, 0)
	if err != nil || all.Reach == nil || all.Reach.OpenedClusters != *info.Votes.Clusters ||
		all.Reach.OpenedVotes != info.Votes.Count || len(all.Votes) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	values[0] = 0
	_, err = clustered.SimilarityFromEmbedding(values)
	refused(t, err, InvalidArgument, "zero")
	if err := clustered.Close(); err != nil {
		t.Error(err)
	}
	if _, err := clustered.ExplainEmbedding(values, 1); !errors.Is(err, &Error{Kind: InvalidArgument}) {
		t.Error(err)
	}
}
