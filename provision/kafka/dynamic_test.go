package kafka

import (
	"maps"
	"slices"
	"testing"
)

func TestARunningBrokerIsToldOnlyWhatItTakes(t *testing.T) {
	s := three()
	s.Config = map[string]string{"num.io.threads": "16", "queued.max.requests": "400", "min.insync.replicas": "1"}
	all := Dynamic(s)
	if ids := slices.Sorted(maps.Keys(all)); !slices.Equal(ids, []int32{0, 1, 7}) {
		t.Fatalf("got brokers %v, want 0, 1 and 7", ids)
	}
	live := all[7]
	if live["num.io.threads"] != "16" || live["min.insync.replicas"] != "1" || live["log.segment.bytes"] != "1073741824" {
		t.Errorf("got %v, want what was configured and what weir sets itself", live)
	}
	for _, fixed := range []string{"queued.max.requests", "broker.id", "listeners", "log.dirs"} {
		if v, told := live[fixed]; told {
			t.Errorf("%s=%s is among what a running broker is told", fixed, v)
		}
	}
	s.Version = "0.8.2.1"
	if old := Dynamic(s); len(old) > 0 {
		t.Errorf("got %v for a version that takes nothing while it runs", old)
	}
}

func TestOnlyWhatDiffersIsToldToARunningBroker(t *testing.T) {
	want := map[string]string{"a": "2", "b": "2", "c": "2", "d": "2"}
	is := map[string]inEffect{"a": {"2", true}, "b": {"1", false}, "c": {"1", true}} // d is not told
	for restarts, settings := range map[bool]map[string]string{
		false: {"b": "2", "c": "2"},
		true:  {"c": "2"}, // b's value is read from the file
	} {
		if got := outdated(want, is, restarts); !maps.Equal(got, settings) {
			t.Errorf("restarts %v: got %v, want %v", restarts, got, settings)
		}
	}
}

func TestDynamicSettingsAreSortedAndNamedOnce(t *testing.T) {
	if !slices.IsSorted(dynamic3) || len(slices.Compact(slices.Clone(dynamic3))) != len(dynamic3) {
		t.Errorf("not sorted, or named twice: %v", dynamic3)
	}
}
