package e2e

import (
	"path/filepath"
	"syscall"
	"testing"

	"weir/jobs/behavior"
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
	x.until("it is counted", func() bool {
		offsets, err := x.admin.ListConsumerGroupOffsets(x.group, map[string][]int32{x.topic: {3}})
		if err != nil {
			return false
		}
		block := offsets.GetBlock(x.topic, 3)
		return block != nil && block.Offset == 1
	})
	x.stop(0, syscall.SIGTERM, 0)
	state, err := onDisk(dir)()
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close(t.Context())
	pages := map[string]behavior.Sums{}
	if err := state.Pages(t.Context(), 3, func(page []byte, sums behavior.Sums, _ int64) error {
		pages[string(page)] = sums
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := recount{}
	want.add("page1|2|1.5|1")
	if err := want.equal(pages); err != nil {
		t.Error(err)
	}
}
