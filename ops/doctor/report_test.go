package doctor

import (
	"errors"
	"strings"
	"testing"

	"weir/ops/status/table"
	"weir/provision/inventory"
	"weir/provision/remote"
	"weir/testenv/golden"
)

func TestWhatAReportLooksLike(t *testing.T) {
	var r Report
	r.Check("computer", "project", nil, "/p", "")
	r.Advise("stack", "state", "it was never brought up", "bin/ops up")
	r.Files(inventory.Cluster{Machines: []inventory.Machine{
		{Name: "a", Host: remote.Host{PrivateKeyFile: "/nowhere/key"}},
		{Name: "b", Host: remote.Host{PrivateKeyFile: "/nowhere/key", Jump: &remote.Host{KnownHosts: "/nowhere/hosts"}}},
	}}, "")
	r.Check("machine", "a", errors.New("a:22: no route"), "", "switch it on")
	r.Skip("cluster", "brokers", "nothing says where they are")
	if done := r.Conclude(); done.Well {
		t.Error("a report with something bad says that all is well")
	}
	var out strings.Builder
	if err := Write(&out, r, table.Style{}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "report.txt", out.String())
}

func TestAdviceFailsNothing(t *testing.T) {
	var r Report
	r.Advise("stack", "state", "it was never brought up", "bin/ops up")
	r.Skip("cluster", "brokers", "none are declared")
	if !r.Conclude().Well {
		t.Errorf("got %+v, want that all is well", r)
	}
}
