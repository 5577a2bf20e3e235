package remote

import (
	"regexp"
	"strings"
)

// spoken is how many lines of a standard error a message holds.
const spoken = 5

// trace matches lines of stack traces: Java's "at kafka.Kafka.main(Kafka.scala)"
// and "... 12 more"; Go's "goroutine 1 [running]:", a call and its place. A call
// is one only where it follows another line of a trace.
var (
	trace = regexp.MustCompile(`^(at .+\(.*\)|\.\.\. \d+ (more|common frames omitted)|goroutine \d+ \[.*\]:|created by .+|\S+\.go:\d+( \+0x[0-9a-f]+)?)$`)
	call  = regexp.MustCompile(`^[\w./*()-]+\(.*\)$`)
)

// manager matches what systemd says in a unit's journal: that it failed, which
// is known by then.
var manager = regexp.MustCompile(`^(\S+\.service: |Start(ed|ing) |Stopp(ed|ing) |Failed to start )`)

// Matters returns the lines of a standard error that a person needs to see, the
// last of them, joined by "; ": no stack traces, and what a service manager says
// about a failure only where nothing else is said. Each is Plain; it is empty where
// nothing is.
func Matters(stderr string) string {
	var all, own []string
	traced := false
	for line := range strings.Lines(stderr) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if traced = trace.MatchString(line) || traced && call.MatchString(line); traced {
			continue
		}
		all = append(all, line)
		if !manager.MatchString(line) {
			own = append(own, line)
		}
	}
	if len(own) == 0 {
		own = all
	}
	own = own[max(0, len(own)-spoken):]
	for i, line := range own {
		own[i] = Plain(line)
	}
	return strings.Join(own, "; ")
}
