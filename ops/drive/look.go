package drive

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optrefresh"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
)

// Resource is a resource as a look found it.
type Resource struct {
	// Type is its last part, "Kafka"; Name is the resource's own.
	Type, Name string
	// Gone says that it is not there any more.
	Gone bool
	// Outputs are what the provider read, secrets masked by the engine.
	Outputs map[string]any
}

// Look asks the provider how every resource is, and saves nothing. The
// resources are in the order of their types and names.
func (s *Stack) Look(ctx context.Context, watch Observer) ([]Resource, error) {
	return s.look(ctx, "look", watch, func(st *auto.Stack, opts ...optrefresh.Option) error {
		_, err := st.PreviewRefresh(ctx, opts...)
		return err
	})
}

// Refresh is Look, and keeps what was found as what is known of the machines.
func (s *Stack) Refresh(ctx context.Context, watch Observer) ([]Resource, error) {
	return s.look(ctx, "refresh", watch, func(st *auto.Stack, opts ...optrefresh.Option) error {
		_, err := st.Refresh(ctx, opts...)
		return err
	})
}

func (s *Stack) look(ctx context.Context, verb string, watch Observer, refresh func(*auto.Stack, ...optrefresh.Option) error) ([]Resource, error) {
	if !s.Exists() {
		return nil, fmt.Errorf("stack %s: %w; bring it up: bin/ops up --stack %s", s.Name, ErrNoStack, s.Name)
	}
	var found looked
	_, err := s.run(ctx, verb, found.and(watch), func(st *auto.Stack, ch chan<- events.EngineEvent, stderr io.Writer) error {
		return refresh(st, optrefresh.EventStreams(ch), optrefresh.ErrorProgressStreams(stderr),
			optrefresh.Color("never"), optrefresh.SuppressProgress())
	})
	return found.sorted(), err
}

// looked collects the resources that a refresh has read. The engine tells of each
// as of a step: "same", "update" or "delete".
type looked struct{ all []Resource }

// and is an observer that collects, and tells another one, which may be nil.
func (l *looked) and(watch Observer) Observer {
	return func(e events.EngineEvent) {
		if out := e.ResOutputsEvent; out != nil {
			l.note(out.Metadata)
		}
		if watch != nil {
			watch(e)
		}
	}
}

func (l *looked) note(m apitype.StepEventMetadata) {
	if strings.HasPrefix(m.Type, "pulumi:") { // the engine's own
		return
	}
	r := Resource{Type: m.Type[strings.LastIndexByte(m.Type, ':')+1:], Name: m.URN[strings.LastIndexByte(m.URN, ':')+1:]}
	if r.Gone = m.Op == apitype.OpDelete || m.New == nil; !r.Gone {
		r.Outputs = m.New.Outputs
	}
	l.all = append(l.all, r)
}

func (l *looked) sorted() []Resource {
	slices.SortFunc(l.all, func(a, b Resource) int {
		return strings.Compare(a.Type+" "+a.Name, b.Type+" "+b.Name)
	})
	return l.all
}
