package drive

import (
	"slices"
	"testing"
)

func TestTheEngineGetsOurVariablesAndNoOtherProjects(t *testing.T) {
	s := &Stack{cli: &cli{vars: []Variable{{"PULUMI_HOME", "ours"}}}}
	with := s.With(Variable{"WEIR_RUN_LOG", "/a log"})
	theirs := []string{
		"HOME=/root", "PULUMI_CONFIG_PASSPHRASE=theirs", "PULUMI_DEBUG_PROVIDERS=weir:1", "WEIR_RUN_LOG=/another", "WEIR_PLANS=/x", "WEIR_PLAN_SCRIPTS=1", "WEIR_CACHE=/cache",
	}
	want := []string{"HOME=/root", "PULUMI_DEBUG_PROVIDERS=weir:1", "WEIR_CACHE=/cache", "PULUMI_HOME=ours", "WEIR_RUN_LOG=/a log"}
	if got := ours(theirs, with.cli.vars); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(s.cli.vars) != 1 {
		t.Errorf("With changed the stack that it was asked of: %v", s.cli.vars)
	}
}
