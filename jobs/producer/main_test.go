package producer

import (
	"bytes"
	"strings"
	"testing"
)

func TestMainRefusesBadUsageWithExitCode2(t *testing.T) {
	for _, c := range []struct {
		name, args, want string
	}{
		{"an unknown flag", "--nope", "-nope"},
		{"a server without a port", "--bootstrap-server here", "host:port"},
		{"acknowledgements that do not exist", "--acks 2", "all, 1 or 0"},
		{"no pages", "--pages 0", "--pages 0: want 1 to"},
		{"no clicks", "--max-clicks 0", "--max-clicks 0: want 1 to"},
		{"no messages", "--max-messages 0", "--max-messages 0: want 1 to"},
		{"a stay too long for its digits", "--max-stay 2000000", "--max-stay 2000000: want 1 to"},
		{"a negative interval", "--interval -1s", "want 0 or more"},
		{"a bound below a second", "--delivery-timeout 1ms", "at least 1s"},
		{"no topic", "--topic=", "--topic"},
		{"an argument", "topic", "unexpected argument"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, problems bytes.Buffer
			code := Main(t.Context(), strings.Fields(c.args), &out, &problems)
			if code != 2 || !strings.Contains(problems.String(), c.want) {
				t.Errorf("%s: exit %d, stderr %q; want 2 and %q", c.args, code, &problems, c.want)
			}
		})
	}
}

func TestMainTellsItsVersion(t *testing.T) {
	var out, problems bytes.Buffer
	if code := Main(t.Context(), []string{"--version"}, &out, &problems); code != 0 || !strings.HasPrefix(out.String(), "weir-producer ") {
		t.Errorf("exit %d, %q", code, &out)
	}
}

func TestSeedZeroDrawsAnother(t *testing.T) {
	var s Settings
	s.Topic, s.Shape, s.Bound = "t", Article(), defaultBound
	if err := s.read("h:1", "all"); err != nil || s.Seed == 0 {
		t.Errorf("seed %d, %v", s.Seed, err)
	}
}
