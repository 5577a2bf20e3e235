package provider

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"weir/provision/fleet"
	"weir/provision/problem"
	"weir/provision/remote"
	seats "weir/provision/roster"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Retired is an id that a machine had and gave up. It is kept with the resource,
// which is the one place that outlives every machine: the one that had the id may
// be gone with its disks, and none of the others stands for the cluster.
type Retired struct {
	ID      int    `pulumi:"id"`
	Machine string `pulumi:"machine"`
}

// Annotate documents the fields in the provider's schema.
func (r *Retired) Annotate(a infer.Annotator) {
	a.SetToken("index", "Retired")
	a.Describe(&r.ID, "The id.")
	a.Describe(&r.Machine, "Who had it.")
}

func describeRetired(a infer.Annotator, field *[]Retired) {
	a.Describe(field, "Computed: ids that machines had and gave up. Another machine gets one only where it says whom it replaces.")
}

// retiredKey is the input that Check computes from what was before.
const retiredKey = "retired"

// roster is who has which id, of a component's arguments.
type roster struct {
	at      string
	seats   []seats.Seat
	retired *[]Retired
}

func (r *roster) gaveUp() []seats.Seat {
	var all []seats.Seat
	for _, s := range *r.retired {
		all = append(all, seats.Seat{ID: s.ID, Machine: s.Machine})
	}
	return all
}

// since is the change of ids from what was before.
func (r *roster) since(was *roster) seats.Change {
	return seats.Change{At: r.at, Was: was.seats, Retired: was.gaveUp(), Now: r.seats}
}

// retire refuses ids that would go to another machine by accident, and notes
// those that are given up.
func retire[A any, C interface {
	*A
	component
}](ctx context.Context, now *roster, before property.Map) (problem.List, error) {
	if now == nil || before.Len() == 0 {
		return nil, nil
	}
	// What was stored was sound; faults of a field are this check's alone.
	was, failures, err := infer.DefaultCheck[A](ctx, before)
	if err != nil || len(failures) > 0 {
		return nil, err
	}
	change := now.since(C(&was).roster())
	for _, s := range change.Retire() {
		*now.retired = append(*now.retired, Retired{ID: s.ID, Machine: s.Machine})
	}
	return change.Check(), nil
}

// leaving are the machines of before that a component is to be taken off. A
// machine that only got another name does not leave.
func leaving[A any, C interface {
	*A
	component
}](e *Env, now, was C) (map[string]fleet.Leaver, error) {
	all := map[string]fleet.Leaver{}
	if was == nil {
		return all, nil
	}
	here, problems := now.targets()
	if err := problems.Err(); err != nil {
		return nil, err
	}
	before, problems := was.targets()
	if err := problems.Err(); err != nil {
		return nil, err
	}
	var kept func(string) bool
	if r := now.roster(); r != nil {
		kept = r.since(was.roster()).Kept
	}
	for name, t := range before {
		_, stays := here[name]
		renamed := slices.ContainsFunc(slices.Collect(maps.Values(here)), func(h fleet.Target) bool { return sameHost(h.Host, t.Host) })
		if !stays && !renamed {
			all[name] = fleet.Leaver{Target: t, Replaced: kept == nil || kept(name), DeleteData: e.dataGoes(was)}
		}
	}
	return all, nil
}

// dataGoes says that data goes along with a component: that was applied before,
// and nobody is to be asked any more.
func (e *Env) dataGoes(c component) bool { return c.dataGoes() && !e.KeepData }

func sameHost(a, b remote.Host) bool {
	return a.Address == b.Address && cmp.Or(a.Port, remote.DefaultPort) == cmp.Or(b.Port, remote.DefaultPort)
}
