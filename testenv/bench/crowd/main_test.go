package main

import (
	"encoding/json"
	"io"
	"testing"

	"weir/provision/remote"
)

func TestEachOfACrowdIsAMachineOfItsOwn(t *testing.T) {
	stdin, leave := io.Pipe()
	stdout, written := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve("127.0.0.1", 3, stdin, written) }()
	names, keys := map[string]bool{}, map[string]bool{}
	for hosts := json.NewDecoder(stdout); len(names) < 3; {
		var h remote.Host
		if err := hosts.Decode(&h); err != nil {
			t.Fatal(err)
		}
		names[h.Name], keys[h.HostKey] = true, true
		answers(t, h)
	}
	if len(keys) != 3 {
		t.Errorf("got %d host keys, want 3", len(keys))
	}
	_ = leave.Close()
	if err := <-ended; err != nil {
		t.Errorf("got error %v at the end of its input, want none", err)
	}
}

func answers(t *testing.T, h remote.Host) {
	t.Helper()
	client, err := remote.Dial(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	got, err := client.Run(t.Context(), remote.Script{Step: "say", Text: "echo $((1 + 1))"})
	if err != nil || string(got.Stdout) != "2\n" {
		t.Errorf("%s: got %q, error %v, want 2", h.Name, got.Stdout, err)
	}
}
