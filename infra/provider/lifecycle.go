package provider

import (
	"context"
	"errors"

	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/runlog"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// lifecycle is what Host, ZooKeeper, Kafka and Job have in common: A are a
// component's arguments, S its state.
type lifecycle[A any, C interface {
	*A
	component
}, S any] struct {
	env *Env
	// state is what is stored of arguments and of what was seen, args the arguments
	// of what is stored.
	state func(A, Seen) S
	args  func(*S) *A
	// guard knows the conditions of a change; nil where machines do not need
	// each other. It is given the arguments of before, nil where there are none,
	// and those of their machines that leave.
	guard func(ctx context.Context, env *Env, now, was *A, leaving map[string]fleet.Leaver) (fleet.Guard, error)
	// hint is what to warn of at each change; it may be nil, and say nothing.
	hint func(*A) string
}

// Check validates the arguments and renders what the machines should be.
func (l lifecycle[A, C, S]) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[A], error) {
	return check[A, C](ctx, l.env, req)
}

// Create installs the component, or adopts what a killed run left. Once a
// machine was changed, a failure keeps the resource: the next run goes on with
// it, and a destroy takes off what is there.
func (l lifecycle[A, C, S]) Create(ctx context.Context, req infer.CreateRequest[A]) (infer.CreateResponse[S], error) {
	res := infer.CreateResponse[S]{ID: req.Name, Output: l.state(req.Inputs, Seen{})}
	if req.DryRun {
		return res, l.preview(ctx, &req.Inputs, nil, expected{})
	}
	err := l.apply(ctx, &req.Inputs, nil)
	if err != nil && !untouched(err) {
		err = infer.ResourceInitFailedError{Reasons: []string{err.Error()}}
	}
	return res, err
}

// untouched says that an error came before any change.
func untouched(err error) bool {
	var refused *machine.Refusal
	var unreachable *remote.ConnectError
	var locked *machine.LockedError
	return errors.As(err, &refused) || errors.As(err, &unreachable) || errors.As(err, &locked)
}

// Update makes the machines what they should be. A preview shows what it would
// do to all of them, even where one cannot be reached.
func (l lifecycle[A, C, S]) Update(ctx context.Context, req infer.UpdateRequest[A, S]) (infer.UpdateResponse[S], error) {
	res := infer.UpdateResponse[S]{Output: l.state(req.Inputs, Seen{})}
	was := l.args(&req.State)
	if req.DryRun {
		return res, l.preview(ctx, &req.Inputs, was, expected{anyMayBeMissing: true, known: *C(was).shown()})
	}
	return res, l.apply(ctx, &req.Inputs, was)
}

func (l lifecycle[A, C, S]) preview(ctx context.Context, a, was *A, x expected) error {
	if undecided(C(a)) {
		accountOf(ctx).plan(runlog.Plan{Unknown: "what its machines should be is known only once other resources are there"})
		return nil
	}
	var err error
	if x.leaving, err = leaving[A, C](l.env, C(a), C(was)); err != nil {
		return err
	}
	if l.guard != nil {
		x.guard = func(ctx context.Context) (fleet.Guard, error) { return l.guard(ctx, l.env, a, was, x.leaving) }
	}
	return l.env.preview(ctx, C(a), x)
}

func (l lifecycle[A, C, S]) apply(ctx context.Context, a, was *A) error {
	leaving, err := leaving[A, C](l.env, C(a), C(was))
	if err != nil {
		return err
	}
	change := fleet.Change{Leaving: leaving}
	if l.hint != nil && l.hint(a) != "" {
		warn(ctx, l.hint(a))
	}
	if l.guard != nil {
		g, err := l.guard(ctx, l.env, a, was, leaving)
		if err != nil {
			return err
		}
		change.Guard = g
	}
	return l.env.apply(ctx, C(a), change)
}

// Read looks at the machines.
func (l lifecycle[A, C, S]) Read(ctx context.Context, req infer.ReadRequest[A, S]) (infer.ReadResponse[A, S], error) {
	a := req.Inputs
	seen, err := l.env.read(ctx, C(&a))
	return infer.ReadResponse[A, S]{ID: req.ID, Inputs: a, State: l.state(a, seen)}, err
}

// Delete stops what runs and removes its files; data stays unless the arguments
// said deleteData.
func (l lifecycle[A, C, S]) Delete(ctx context.Context, req infer.DeleteRequest[S]) (infer.DeleteResponse, error) {
	a := C(l.args(&req.State))
	return infer.DeleteResponse{}, l.env.remove(ctx, a)
}
