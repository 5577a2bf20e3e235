package provider

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/runlog"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Runs is where the provider tells what it does: to the log of the run that ops
// began, or to one of its own where a typed pulumi changes something; and to
// whoever asked for the plans of a preview.
type Runs struct {
	// Log and Plans are the files that ops named; either may be empty.
	Log, Plans string
	// Scripts says that plans are to have the scripts, too.
	Scripts bool
	// Root is the project of a typed pulumi; empty where it keeps no logs.
	Root string

	mu         sync.Mutex
	log, plans *runlog.Log
}

// runsHere is what the environment asks for. A project that ops has prepared
// has a directory .weir; others are left as they are. WEIR_ROOT names the project
// where it is not above the provider's program, as with a bin that is a link.
func runsHere() *Runs {
	r := &Runs{
		Log: os.Getenv(runlog.Variable), Plans: os.Getenv(runlog.PlansVariable), Scripts: os.Getenv(runlog.ScriptsVariable) != "",
	}
	dir, err := os.Getenv("WEIR_ROOT"), error(nil)
	if dir == "" {
		dir, err = os.Getwd()
	}
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "Pulumi.yaml")); missing == nil {
			if info, missing := os.Stat(filepath.Join(dir, ".weir")); missing == nil && info.IsDir() {
				r.Root = dir
			}
			break
		}
	}
	return r
}

// logOf is the log for changes of a stack; nil where there is none.
func (r *Runs) logOf(stack string) (*runlog.Log, error) {
	if r == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	switch {
	case r.log != nil:
	case r.Log != "":
		r.log, err = runlog.Open(r.Log)
	case r.Root != "" && !strings.HasPrefix(stack, "."):
		r.log, err = runlog.In(r.Root, stack).Begin(runlog.Begin{Stack: stack, Command: runlog.Typed, Version: Version}.Me(), time.Now)
	}
	return r.log, err
}

// plansLog is where plans go; nil where nobody asked for any.
func (r *Runs) plansLog() (*runlog.Log, error) {
	if r == nil || r.Plans == "" {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.plans == nil {
		r.plans, err = runlog.Open(r.Plans)
	}
	return r.plans, err
}

func (r *Runs) close() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.log.Close(), r.plans.Close())
}

// account is what is told of the work on one resource. The zero account tells
// nobody.
type account struct {
	log      *runlog.Log
	plans    *runlog.Log
	scripts  bool
	resource string
}

type accountKey struct{}

// accountOf is the account of the request that ctx belongs to.
func accountOf(ctx context.Context) account {
	a, _ := ctx.Value(accountKey{}).(account)
	return a
}

// open opens the account of one request. That it cannot be is warned of: a run
// without a log is better than none.
func (r *Runs) open(ctx context.Context, urn resource.URN, changes bool) (context.Context, account) {
	a := account{resource: urn.Type().Name().String() + " " + urn.Name(), scripts: r != nil && r.Scripts}
	var err error
	if changes {
		a.log, err = r.logOf(urn.Stack().String())
	} else {
		a.plans, err = r.plansLog()
	}
	if err != nil {
		p.GetLogger(ctx).Warning("this run is not logged: " + err.Error())
	}
	return context.WithValue(ctx, accountKey{}, a), a
}

func (a account) write(e runlog.Entry) {
	e.Resource = a.resource
	a.log.Write(e)
}

func (a account) plan(plan runlog.Plan) {
	a.plans.Write(runlog.Entry{Resource: a.resource, Plan: &plan})
}

func (a account) step(ev machine.Event) {
	a.write(runlog.Entry{Step: &runlog.Step{Machine: ev.Machine, Step: ev.Step, Seconds: runlog.Seconds(ev.Took)}})
}

func (a account) failed(err error) {
	for _, f := range runlog.Failures(err) {
		a.write(runlog.Entry{Failure: &f})
	}
}

// hide masks the secrets of targets in all that is told from now on.
func (a account) hide(ts targets) {
	for _, t := range ts {
		a.hideHost(t.Host)
		for _, f := range t.State.Files {
			if f.Secret {
				a.log.Hide(f.Content)
				a.plans.Hide(f.Content)
			}
		}
	}
}

func (a account) hideHost(h remote.Host) {
	secrets := []string{h.PrivateKey, h.Passphrase, h.Password, h.SudoPassword}
	a.log.Hide(secrets...)
	a.plans.Hide(secrets...)
	if h.Jump != nil {
		a.hideHost(*h.Jump)
	}
}
