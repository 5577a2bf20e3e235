package provider

import (
	"context"
	"strings"
	"time"

	"weir/provision/machine"
	"weir/provision/runlog"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// accounted has each request of the engine open an account: only here, above
// infer, is it known which resource of which stack a request is about.
func accounted(provider p.Provider, runs *Runs) p.Provider {
	read, create, update, remove := provider.Read, provider.Create, provider.Update, provider.Delete
	provider.Read = func(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
		ctx, _ = runs.open(ctx, req.Urn, false)
		res, err := read(ctx, req)
		res.Inputs, res.Properties = keepSecret(res.Inputs), keepSecret(res.Properties)
		return res, err
	}
	provider.Create = func(ctx context.Context, req p.CreateRequest) (res p.CreateResponse, err error) {
		runs.work(ctx, req.Urn, machine.Create, req.DryRun, func(ctx context.Context) (*p.InitializationFailed, error) {
			res, err = create(ctx, req)
			res.Properties = keepSecret(res.Properties)
			return res.PartialState, err
		})
		return res, err
	}
	provider.Update = func(ctx context.Context, req p.UpdateRequest) (res p.UpdateResponse, err error) {
		runs.work(ctx, req.Urn, machine.Change, req.DryRun, func(ctx context.Context) (*p.InitializationFailed, error) {
			res, err = update(ctx, req)
			res.Properties = keepSecret(res.Properties)
			return res.PartialState, err
		})
		return res, err
	}
	provider.Delete = func(ctx context.Context, req p.DeleteRequest) (err error) {
		runs.work(ctx, req.Urn, machine.Remove, false, func(ctx context.Context) (*p.InitializationFailed, error) {
			err = remove(ctx, req)
			return nil, err
		})
		return err
	}
	return provider
}

// work tells the beginning and the end of what the engine has the provider do.
func (r *Runs) work(ctx context.Context, urn resource.URN, action machine.Action, preview bool, do func(context.Context) (*p.InitializationFailed, error)) {
	ctx, a := r.open(ctx, urn, !preview)
	began := time.Now()
	a.write(runlog.Entry{Work: &runlog.Work{Action: action}})
	partial, err := do(ctx)
	ended := runlog.Work{Action: action, Ended: true, Seconds: runlog.Seconds(time.Since(began))}
	switch {
	case err != nil:
		ended.Error = err.Error()
	case partial != nil:
		ended.Error = strings.Join(partial.Reasons, "; ")
	}
	a.write(runlog.Entry{Work: &ended})
}
