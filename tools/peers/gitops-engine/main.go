// Applies the objects of a file with Argo CD's own engine, and prints how long that took.
//
//	gitops-engine KUBECONFIG FILE SERVER-SIDE
//
// SERVER-SIDE is true for server-side apply, false for what Argo CD does by default.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/engine"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
)

const mark = "bench.example.org/managed"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gitops-engine:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("usage: gitops-engine KUBECONFIG FILE SERVER-SIDE")
	}
	serverSide, err := strconv.ParseBool(arguments[2])
	if err != nil {
		return err
	}
	gitops, stop, err := connect(arguments[0])
	if err != nil {
		return err
	}
	defer stop()
	start := time.Now()
	objects, err := read(arguments[1])
	if err != nil || len(objects) == 0 {
		return fmt.Errorf("no objects: %v", err)
	}
	namespace := objects[0].GetNamespace()
	isManaged := func(resource *cache.Resource) bool {
		return resource.Info != nil && resource.Ref.Namespace == namespace
	}
	results, err := gitops.Sync(context.Background(), objects, isManaged, "1", "default",
		sync.WithServerSideApply(serverSide), sync.WithServerSideApplyManager("gitops-engine"), sync.WithLogr(logr.Discard()))
	if err != nil {
		return err
	}
	synced, err := synced(results)
	if err != nil {
		return err
	}
	fmt.Printf("{\"objects\": %d, \"seconds\": %f}\n", synced, time.Since(start).Seconds())
	return nil
}

// An object may come up more than once; each must have been applied in the end.
func synced(results []common.ResourceSyncResult) (int, error) {
	objects := map[kube.ResourceKey]bool{}
	for _, result := range results {
		if result.Status != common.ResultCodeSynced {
			return 0, fmt.Errorf("%v: %s: %s", result.ResourceKey, result.Status, result.Message)
		}
		objects[result.ResourceKey] = true
	}
	return len(objects), nil
}

// The limits of requests are those that Argo CD sets for its own controller.
func connect(kubeconfig string) (engine.GitOpsEngine, engine.StopFunc, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, err
	}
	config.QPS, config.Burst = 50, 100
	isMarked := func(object *unstructured.Unstructured, _ bool) (any, bool) {
		if object.GetAnnotations()[mark] == "" {
			return nil, false
		}
		return mark, true
	}
	live := cache.NewClusterCache(config, cache.SetLogr(logr.Discard()), cache.SetPopulateResourceInfoHandler(isMarked))
	gitops := engine.NewEngine(config, live, engine.WithLogr(logr.Discard()))
	stop, err := gitops.Run()
	return gitops, stop, err
}

func read(file string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	objects, err := kube.SplitYAML(text)
	for _, object := range objects {
		object.SetAnnotations(map[string]string{mark: "true"})
	}
	return objects, err
}
