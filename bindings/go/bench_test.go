package routellm

import (
	"context"
	"strings"
	"testing"
)

var hundredWords = strings.Repeat("Explain to me in plain words how compilers optimise loops. ", 11)

// What one Route costs, beside the crossing of its own.
func BenchmarkRoute(b *testing.B) {
	router := openDefault(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := router.Route(background, hundredWords); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRouteWithOptions(b *testing.B) {
	router := openDefault(b)
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := router.Route(ctx, hundredWords, WithThreshold(0.5)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRouteParallel(b *testing.B) {
	router := openDefault(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := router.Route(background, hundredWords); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// A call that does almost nothing: the crossing, the lock and the checks of the context.
func BenchmarkCrossing(b *testing.B) {
	router, err := Open(callerMF(b))
	if err != nil {
		b.Fatal(err)
	}
	defer router.Close()
	embedding := make([]float32, callerDimension)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := router.RouteEmbedding(background, embedding, WithThreshold(0.5)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWinRateFromEmbedding(b *testing.B) {
	router, err := Open(callerMF(b))
	if err != nil {
		b.Fatal(err)
	}
	defer router.Close()
	embedding := make([]float32, callerDimension)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := router.WinRateFromEmbedding(embedding); err != nil {
			b.Fatal(err)
		}
	}
}
