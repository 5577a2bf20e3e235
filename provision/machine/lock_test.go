package machine

import (
	"strings"
	"testing"
	"time"

	"weir/testenv/golden"
)

func TestLockScript(t *testing.T) {
	golden.Compare(t, "lock.sh", lockScript("anna's run\non desk $(reboot) \x1b[31m"))
}

func TestAHeldLockIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		line string
		want LockedError
	}{
		"as the machine says it": {
			"held 130 3 anna on desk (process 4711)",
			LockedError{Holder: "anna on desk (process 4711)", Held: 130 * time.Second, Silent: 3 * time.Second},
		},
		"without a holder":                  {"held 1 0 ", LockedError{Holder: "another run", Held: time.Second}},
		"by a clock that was turned back":   {"held -5 -5 anna", LockedError{Holder: "anna"}},
		"by a machine that talks nonsense":  {"\x00\xff %s held", LockedError{Holder: "another run"}},
		"with a number that is none at all": {"held 99999999999999999999 x anna", LockedError{Holder: "another run"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := parseLocked("weir-1", test.line)
			test.want.Machine = "weir-1"
			if *got != test.want {
				t.Errorf("%q: got %+v, want %+v", test.line, *got, test.want)
			}
		})
	}
}

func TestAHeldLockSaysWhatComesOfADeadHolder(t *testing.T) {
	got := parseLocked("weir-1", "held 130 20 anna on desk (process 4711)").Error()
	for _, part := range []string{"machine weir-1", "anna on desk (process 4711)", "for 2m10s", "last heard of 20s ago", "free 45s after"} {
		if !strings.Contains(got, part) {
			t.Errorf("the message lacks %q: %s", part, got)
		}
	}
}

func FuzzParseLocked(f *testing.F) {
	f.Add("held 1 2 anna")
	f.Add("held 9223372036854775807 -1 ")
	f.Fuzz(func(t *testing.T, line string) {
		e := parseLocked("weir-1", line)
		if e.Held < 0 || e.Silent < 0 || e.Holder == "" {
			t.Errorf("%q: got %+v", line, *e)
		}
	})
}
