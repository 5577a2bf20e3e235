package group

import (
	"context"
	"fmt"

	"weir/ops/connect"
)

// LookAtLag describes groups, all where none is named. Problems are what could
// not be told of them; a group that is named and not there is an error.
func LookAtLag(ctx context.Context, s *connect.Session, names []string) (all []Description, problems []string, err error) {
	named := len(names) > 0
	if !named {
		list, err := Look(ctx, s)
		if err != nil {
			return nil, nil, err
		}
		problems = list.Problems
		for _, g := range list.Groups {
			names = append(names, g.Name)
		}
	}
	type outcome struct {
		d   Description
		err error
	}
	outcomes := make([]chan outcome, len(names))
	slots := make(chan struct{}, atOnce)
	for i, name := range names {
		outcomes[i] = make(chan outcome, 1)
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			d, err := Describe(ctx, s, name)
			outcomes[i] <- outcome{d, err}
		}()
	}
	all = []Description{}
	for i, name := range names {
		o := <-outcomes[i]
		switch {
		case o.err == nil:
			all = append(all, o.d)
			problems = append(problems, o.d.Problems...)
		case named:
			return nil, nil, o.err
		default:
			problems = append(problems, fmt.Sprintf("group %s: %v", name, o.err))
		}
	}
	return all, problems, nil
}

// atOnce is how many groups are asked about at the same time: each takes a
// connection to several brokers.
const atOnce = 8
