package problem

import (
	"errors"
	"testing"
)

func TestNoProblemsAreNoError(t *testing.T) {
	var l List
	if err := l.Err(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestEveryProblemIsSaidAtOnce(t *testing.T) {
	var l List
	l.Add("members[0].id", "%d is not a myid", 256)
	if got, want := l.Err().Error(), "members[0].id: 256 is not a myid"; got != want {
		t.Errorf("one problem: got %q, want %q", got, want)
	}
	l.Add("", "the whole is odd")
	err := l.Err()
	if got, want := err.Error(), "2 problems:\n  members[0].id: 256 is not a myid\n  the whole is odd"; got != want {
		t.Errorf("two problems: got %q, want %q", got, want)
	}
	if e, ok := errors.AsType[*Error](err); !ok || len(e.Problems) != 2 {
		t.Errorf("the error does not carry its problems: %v", err)
	}
}

func TestAnErrorKeepsWhatItWasMadeOf(t *testing.T) {
	var l List
	l.Add("a", "first")
	err := l.Err()
	l[0].Message = "changed"
	if got := err.Error(); got != "a: first" {
		t.Errorf("got %q: a later change reached the error", got)
	}
}
