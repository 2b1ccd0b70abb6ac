package routellm_test

import (
	"context"
	"fmt"

	"routellm.dev/go/routellm"
)

func Example() {
	router, err := routellm.Default()
	if err != nil {
		panic(err)
	}
	defer router.Close()
	decision, err := router.Route(context.Background(), "Prove that the square root of two is irrational.",
		routellm.WithThreshold(0))
	if err != nil {
		panic(err)
	}
	fmt.Println(decision.Side, decision.Model == router.Strong())
	// Output: strong true
}
