package health

import (
	"errors"
	"testing"
)

func TestNoFindingsAreNoError(t *testing.T) {
	if err := (Findings{}).Err(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestAMessageNamesTheFirstFindingsAndCountsTheRest(t *testing.T) {
	var f Findings
	for i := range 7 {
		f.Add("partition", "all in sync", "replica %d missing", i)
	}
	err := f.Err()
	want := "partition: replica 0 missing (expected all in sync); partition: replica 1 missing (expected all in sync); " +
		"partition: replica 2 missing (expected all in sync); partition: replica 3 missing (expected all in sync); " +
		"partition: replica 4 missing (expected all in sync); and 2 more"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if all, ok := errors.AsType[*Error](err); !ok || len(all.Findings) != 7 {
		t.Errorf("the error does not carry all findings: %v", err)
	}
}
