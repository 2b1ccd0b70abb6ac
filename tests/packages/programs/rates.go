// Prints the bits of the win rate of a prompt by each of the routers that are named.
package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"

	"routellm.dev/go/routellm"
)

func main() {
	for _, folder := range os.Args[2:] {
		router, err := routellm.Open(folder)
		if err != nil {
			log.Fatal(err)
		}
		rate, err := router.WinRate(context.Background(), os.Args[1])
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%016x\n", math.Float64bits(rate))
	}
}
