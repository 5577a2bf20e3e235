package machine

import (
	"context"
	"fmt"

	"weir/provision/remote"
)

// ObserveTogether is Observe for several components of one machine, in one
// round trip for all of them. The answers are in the order of the states.
func ObserveTogether(ctx context.Context, r remote.Runner, states ...State) ([]Observed, error) {
	var all State
	for _, s := range states {
		if err := s.Validate(); err != nil {
			return nil, fmt.Errorf("machine %s: %w", r.Machine(), err)
		}
		all = all.with(s)
	}
	res, err := r.Run(ctx, remote.Script{Step: "observe", Text: ObserveScript(all), Root: true})
	if err != nil {
		return nil, err
	}
	seen := make([]Observed, len(states))
	for i, s := range states {
		if seen[i], err = parseObserved(s, res.Stdout); err != nil {
			return nil, fmt.Errorf("machine %s: observe: %w", r.Machine(), err)
		}
	}
	return seen, nil
}

// with is all that either state names: what to ask a machine, and nothing to
// apply.
func (s State) with(t State) State {
	if len(t.Sysctls) > 0 {
		s.Component = t.Component // whose file keeps them
	}
	s.Packages = union(s.Packages, t.Packages, func(p Package) string { return p.Name })
	s.Users = union(s.Users, t.Users, func(u User) string { return u.Name })
	s.Directories = union(s.Directories, t.Directories, func(d Directory) string { return fmt.Sprint(d.Path, d.Exclusive) })
	s.Files = union(s.Files, t.Files, func(f File) string { return f.Path })
	s.Releases = union(s.Releases, t.Releases, func(r Release) string { return r.Dir() + r.Link() })
	s.Services = union(s.Services, t.Services, func(v Service) string { return v.Unit })
	s.Sysctls = union(s.Sysctls, t.Sysctls, func(c Sysctl) string { return c.Key })
	s.Requires.Space = union(s.Requires.Space, t.Requires.Space, func(p Space) string { return p.Path })
	return s
}

// union keeps the order, and of items with the same name the first.
func union[T any](a, b []T, name func(T) string) []T {
	known := map[string]bool{}
	var all []T
	for _, items := range [][]T{a, b} {
		for _, item := range items {
			if n := name(item); !known[n] {
				known[n] = true
				all = append(all, item)
			}
		}
	}
	return all
}
