// Applies the objects of a file with Flux's own library, and prints how long that took.
//
//	flux-ssa KUBECONFIG FILE WORKERS QPS
//
// With WORKERS 4 and QPS 50 it is set up as Flux's kustomize-controller is by default; QPS -1 is no limit.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "flux-ssa:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 4 {
		return fmt.Errorf("usage: flux-ssa KUBECONFIG FILE WORKERS QPS")
	}
	workers, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	manager, err := connect(arguments[0], arguments[3])
	if err != nil {
		return err
	}
	manager.SetConcurrency(workers)
	file, err := os.Open(arguments[1])
	if err != nil {
		return err
	}
	defer file.Close()
	start := time.Now()
	objects, err := utils.ReadObjects(file)
	if err != nil {
		return err
	}
	manager.SetOwnerLabels(objects, "bench", "default")
	changes, err := manager.ApplyAllStaged(context.Background(), objects, ssa.DefaultApplyOptions())
	if err != nil {
		return err
	}
	fmt.Printf("{\"objects\": %d, \"seconds\": %f}\n", len(changes.Entries), time.Since(start).Seconds())
	return nil
}

func connect(kubeconfig, qps string) (*ssa.ResourceManager, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	limit, err := strconv.ParseFloat(qps, 32)
	if err != nil {
		return nil, err
	}
	config.QPS = float32(limit)
	config.Burst = 300
	cluster, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	return ssa.NewResourceManager(cluster, nil, ssa.Owner{Field: "flux-ssa", Group: "bench.example.org"}), nil
}
