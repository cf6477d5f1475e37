// Reads the objects of a file as kubectl does, and prints how long that took.
//
//	kubectl-read FILE ROUNDS
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"k8s.io/cli-runtime/pkg/resource"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kubectl-read:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("usage: kubectl-read FILE ROUNDS")
	}
	rounds, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	best, objects := time.Duration(1<<62), 0
	for range rounds {
		start := time.Now()
		if objects, err = read(arguments[0]); err != nil {
			return err
		}
		best = min(best, time.Since(start))
	}
	fmt.Printf("{\"objects\": %d, \"seconds\": %f}\n", objects, best.Seconds())
	return nil
}

// The builder of `kubectl apply --dry-run=client`, without a cluster.
func read(file string) (int, error) {
	infos, err := resource.NewLocalBuilder().
		Unstructured().
		FilenameParam(false, &resource.FilenameOptions{Filenames: []string{file}}).
		Flatten().
		Do().
		Infos()
	return len(infos), err
}
