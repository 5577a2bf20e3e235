package e2e

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A partition that is added while a calculator works is counted from its beginning.
func TestANewPartitionIsCounted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	x := newTrial(t, "exact-growth", faultSeed(t), "--state-dir", dir)
	x.count(0)
	x.says(0, "partition taken", 3)
	if err := x.admin.CreatePartitions(x.topic, 4, nil, false); err != nil {
		t.Fatal(err)
	}
	x.until("the new partition has a leader", func() bool { // and takes what it is sent
		_ = x.client.RefreshMetadata(x.topic)
		_, err := x.client.Leader(x.topic, 3)
		return err == nil
	})
	x.plantAt(3, "page1|2|1.5|1")
	x.until("it is counted", func() bool { return x.mirroredOf(3)[0] == 1 })
	x.stop(0, syscall.SIGTERM, 0)
	state, err := onDisk(dir)()
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close(t.Context())
	pages, err := pagesOf(t.Context(), state, 3)
	if err != nil {
		t.Fatal(err)
	}
	want := recount{}
	want.add("page1|2|1.5|1")
	if err := want.equal(pages); err != nil {
		t.Error(err)
	}
}
