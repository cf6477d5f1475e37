// A runner of Gitea Actions for tests: it registers at a Gitea and runs its jobs on this machine, one after the other, with the
// engine that Gitea's own runner is made of. It ends when its standard input does.
//
//	act-runner URL TOKEN FOLDER LABEL
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"code.gitea.io/actions-proto-go/runner/v1/runnerv1connect"
	"connectrpc.com/connect"
	"github.com/nektos/act/pkg/common"
	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/runner"
	"github.com/sirupsen/logrus"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// How often the forge is asked for a job, and whether the one that runs was cancelled.
const every = 200 * time.Millisecond

// What carries out one job after the other.
type worker struct {
	client runnerv1connect.RunnerServiceClient
	url    string
	folder string
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: act-runner URL TOKEN FOLDER LABEL")
		os.Exit(64)
	}
	ctx, end := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	if err := run(ctx, os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, token, folder, label string) error {
	var uuid, secret string
	identify := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			request.Header().Set("x-runner-uuid", uuid)
			request.Header().Set("x-runner-token", secret)
			return next(ctx, request)
		}
	})
	client := runnerv1connect.NewRunnerServiceClient(http.DefaultClient, url+"/api/actions", connect.WithInterceptors(identify))
	registration := &runnerv1.RegisterRequest{Name: "test", Token: token, Version: "test", Labels: []string{label}}
	registered, err := client.Register(ctx, connect.NewRequest(registration))
	if err != nil {
		return err
	}
	uuid, secret = registered.Msg.Runner.Uuid, registered.Msg.Runner.Token
	declared := &runnerv1.DeclareRequest{Version: "test", Labels: []string{label}}
	if _, err := client.Declare(ctx, connect.NewRequest(declared)); err != nil {
		return err
	}
	w := worker{client: client, url: url, folder: folder}
	for ctx.Err() == nil {
		fetched, err := client.FetchTask(ctx, connect.NewRequest(&runnerv1.FetchTaskRequest{}))
		if err != nil {
			return err
		}
		if task := fetched.Msg.Task; task != nil {
			if err := w.work(ctx, task); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
	return nil
}

// Runs a job, and tells the forge how it ended.
func (w worker) work(ctx context.Context, task *runnerv1.Task) error {
	job, cancel := context.WithCancel(ctx)
	defer cancel()
	begun, done, seen := timestamppb.Now(), make(chan error, 1), &skips{}
	go func() { done <- w.execute(common.WithLoggerHook(job, seen), task) }()
	for {
		select {
		case err := <-done:
			result := runnerv1.Result_RESULT_SUCCESS
			if seen.any {
				result = runnerv1.Result_RESULT_SKIPPED
			}
			if err != nil {
				result = runnerv1.Result_RESULT_FAILURE
				fmt.Printf("job %d: %v\n", task.Id, err)
			}
			if job.Err() != nil {
				result = runnerv1.Result_RESULT_CANCELLED
			}
			_, err = w.tell(ctx, &runnerv1.TaskState{Id: task.Id, Result: result, StartedAt: begun, StoppedAt: timestamppb.Now()})
			return err
		case <-time.After(every):
			state, err := w.tell(ctx, &runnerv1.TaskState{Id: task.Id, StartedAt: begun})
			if err != nil {
				return err
			}
			if state.GetResult() == runnerv1.Result_RESULT_CANCELLED {
				cancel()
			}
		}
	}
}

// Sees whether a job was skipped, which the engine tells in its log only.
type skips struct{ any bool }

func (*skips) Levels() []logrus.Level { return logrus.AllLevels }

func (s *skips) Fire(entry *logrus.Entry) error {
	s.any = s.any || entry.Data["jobResult"] == "skipped"
	return nil
}

func (w worker) tell(ctx context.Context, state *runnerv1.TaskState) (*runnerv1.TaskState, error) {
	told, err := w.client.UpdateTask(ctx, connect.NewRequest(&runnerv1.UpdateTaskRequest{State: state}))
	if err != nil {
		return nil, err
	}
	return told.Msg.State, nil
}

func (w worker) execute(ctx context.Context, task *runnerv1.Task) error {
	workflow, err := model.ReadWorkflow(bytes.NewReader(task.WorkflowPayload))
	if err != nil {
		return err
	}
	jobs := workflow.GetJobIDs()
	if len(jobs) != 1 {
		return fmt.Errorf("there are %d jobs in a task", len(jobs))
	}
	plan, err := model.CombineWorkflowPlanner(workflow).PlanJob(jobs[0])
	if err != nil {
		return err
	}
	told := task.Context.Fields
	text := func(name string) string { return told[name].GetStringValue() }
	preset := &model.GithubContext{
		Event:           told["event"].GetStructValue().AsMap(),
		RunID:           text("run_id"),
		RunNumber:       text("run_number"),
		Actor:           text("actor"),
		Repository:      text("repository"),
		EventName:       text("event_name"),
		Sha:             text("sha"),
		Ref:             text("ref"),
		RefName:         text("ref_name"),
		RefType:         text("ref_type"),
		HeadRef:         text("head_ref"),
		BaseRef:         text("base_ref"),
		Token:           text("token"),
		RepositoryOwner: text("repository_owner"),
	}
	event, err := json.Marshal(preset.Event)
	if err != nil {
		return err
	}
	config := &runner.Config{
		Workdir:               filepath.Join(w.folder, preset.Repository),
		ActionCacheDir:        filepath.Join(w.folder, "cache"),
		LogOutput:             true,
		Env:                   map[string]string{"GITEA_ACTIONS": "true"},
		Secrets:               task.Secrets,
		Vars:                  task.Vars,
		GitHubInstance:        strings.TrimSuffix(w.url, "/"),
		AutoRemove:            true,
		NoSkipCheckout:        true,
		PresetGitHubContext:   preset,
		EventJSON:             string(event),
		DefaultActionInstance: text("gitea_default_actions_url"),
		PlatformPicker:        func([]string) string { return "-self-hosted" },
		ContainerMaxLifetime:  time.Hour,
	}
	runs, err := runner.New(config)
	if err != nil {
		return err
	}
	return runs.NewPlanExecutor(plan)(ctx)
}
