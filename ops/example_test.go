package main

import (
	"testing"

	"weir/infra/stack"
	"weir/testenv/golden"
)

// The file that people with the article's three machines copy is what init writes.
func TestTheArticlesExampleIsWhatInitWrites(t *testing.T) {
	d := draft{
		Article: true,
		SSH:     stack.SSH{User: "fams", PrivateKeyFile: "~/.ssh/id_ed25519", KnownHosts: "~/.ssh/known_hosts"},
	}
	for i, address := range []string{"192.168.1.1", "192.168.1.2", "192.168.1.3"} {
		d.Machines = append(d.Machines, machineFlag(i, "forum", address))
	}
	text, err := d.yaml("forum")
	if err != nil {
		t.Fatal(err)
	}
	golden.File(t, "../docs/examples/Pulumi.forum.yaml", string(text))
}
