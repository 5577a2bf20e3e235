package provider

import (
	"weir/provision/machine"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Seen is what a refresh found. It is an output and nothing that anybody
// declares: what is on a machine and what should be there are compared as
// inputs; this says the same for people, however often it is looked at.
type Seen struct {
	// Drift lists, by machine, what is not as it was last applied.
	Drift map[string][]Difference `pulumi:"drift,optional"`
}

// Difference is one thing that is not as it was last applied.
type Difference struct {
	Kind     string  `pulumi:"kind"`
	Target   string  `pulumi:"target"`
	Found    string  `pulumi:"found"`
	Expected string  `pulumi:"expected"`
	Diff     *string `pulumi:"diff,optional"`
}

// Annotate documents the fields in the provider's schema.
func (s *Seen) Annotate(a infer.Annotator) {
	a.Describe(&s.Drift, "What a refresh found that is not as it was last applied, by machine.")
}

// Annotate documents the fields in the provider's schema.
func (d *Difference) Annotate(a infer.Annotator) {
	a.SetToken("index", "Difference")
	a.Describe(&d.Kind, "What kind of thing it is: file, directory, service, stranger.")
	a.Describe(&d.Target, "Which one it is: a path, a unit, a name.")
	a.Describe(&d.Found, "What is there.")
	a.Describe(&d.Expected, "What should be there.")
	a.Describe(&d.Diff, "The lines of a text in which the two differ.")
}

// note keeps what differs on a machine.
func (s *Seen) note(machineName string, differences []machine.Difference) {
	if len(differences) == 0 {
		return
	}
	if s.Drift == nil {
		s.Drift = map[string][]Difference{}
	}
	for _, d := range differences {
		shown := Difference{Kind: d.Kind, Target: d.Target, Found: d.Found, Expected: d.Expected}
		if d.Diff != "" {
			shown.Diff = &d.Diff
		}
		s.Drift[machineName] = append(s.Drift[machineName], shown)
	}
}
