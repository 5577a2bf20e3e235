package drive

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Stack is one stack of the project.
type Stack struct {
	Project Project
	Name    string
	// DeleteData says that somebody confirmed that data may go, where deleteData
	// was applied; else it stays whatever was applied.
	DeleteData bool

	program pulumi.RunFunc
	say     func(string)
	cli     *cli
}

// New prepares to drive a stack; nothing is touched yet. say is told, in a line
// each, what a person should know and what is no event of the engine.
func New(p Project, name string, program pulumi.RunFunc, say func(string)) (*Stack, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	cli, err := p.findCLI()
	if err != nil {
		return nil, err
	}
	return &Stack{Project: p, Name: name, program: program, say: say, cli: cli}, nil
}

// Exists says whether the stack has a state, sound or not.
func (s *Stack) Exists() bool {
	_, err := os.Stat(s.Project.stateFile(s.Name))
	return err == nil
}

// open makes the stack ready for an operation: its state exists, nobody else
// works on it, and nothing half done of an earlier run is in the way.
func (s *Stack) open(ctx context.Context) (*auto.Stack, error) {
	if err := s.Project.Prepare(); err != nil {
		return nil, err
	}
	if err := s.Project.unlock(ctx, s.Name, s.say); err != nil {
		return nil, err
	}
	local, err := auto.NewLocalWorkspace(ctx,
		auto.WorkDir(s.Project.Root), auto.Program(s.program), auto.Pulumi(s.cli))
	if err != nil {
		return nil, fmt.Errorf("open the project: %w", err)
	}
	stack, err := auto.UpsertStack(ctx, s.Name, &workspace{Workspace: local, stack: s})
	if err != nil {
		return nil, fmt.Errorf("open stack %s: %w", s.Name, err)
	}
	return &stack, s.forgetPending(ctx, &stack)
}

// workspace answers from the files what the Automation API would ask the CLI
// for at 0.4 s a question.
type workspace struct {
	auto.Workspace
	stack *Stack
}

// SelectStack does not select, for that is shared with a person at a terminal:
// every command names its stack. One that is new is made here, as the CLI would
// make it, which takes half a second for that and is asked where it fails.
func (w *workspace) SelectStack(ctx context.Context, name string) error {
	if w.stack.Exists() || w.stack.Project.begin(name) == nil {
		return nil
	}
	return w.CreateStack(ctx, name)
}

// StackOutputs answers nothing: what is needed of them is read when it is needed.
func (w *workspace) StackOutputs(context.Context, string) (auto.OutputMap, error) {
	return nil, nil
}

// forgetPending removes creations that a killed engine left behind as pending.
// The provider's creations adopt what they find, so doing them again is right;
// the engine, which cannot know that, would warn at every run from now on.
func (s *Stack) forgetPending(ctx context.Context, stack *auto.Stack) error {
	state, err := s.Project.readState(s.Name)
	if err != nil || len(state.Checkpoint.Latest.Pending) == 0 {
		return nil // a state that cannot be read is the engine's to report
	}
	s.say(fmt.Sprintf("an earlier run was killed during %d operations; they are done again", len(state.Checkpoint.Latest.Pending)))
	deployment, err := stack.Export(ctx)
	if err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	if deployment.Deployment, err = withoutPending(deployment.Deployment); err != nil {
		return err
	}
	return stack.Import(ctx, deployment)
}

// ErrNoStack says that the stack was never brought up, or was taken down.
var ErrNoStack = errors.New("the stack does not exist")
