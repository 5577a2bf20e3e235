package preflight

import (
	"fmt"
	"strconv"
	"strings"

	"weir/provision/machine"
)

// judgeJava: a runtime that is there is used as it is; where there is none, it
// is installed or somebody must.
func judgeJava(s sight, r *Result) {
	need := s.most(func(q machine.Requirements) int { return q.Java })
	release := javaRelease(s.answer.javaVersion)
	switch {
	case need == 0 && len(s.installs) == 0:
	case s.answer.java != "" && release > 0 && release < need:
		r.refuse(s, fmt.Sprintf("%s is Java %s", s.answer.java, s.answer.javaVersion), fmt.Sprintf("Java %d or newer", need),
			"install a newer one, and have the PATH lead to it")
	case s.answer.java != "":
		r.note(s, "Java %s at %s", or(s.answer.javaVersion, "of an unknown version"), s.answer.java)
	case len(s.missing) > 0:
		for _, reason := range s.missing {
			r.refuse(s, reason.Found, reason.Expected, reason.Next)
		}
	case len(s.installs) > 0:
		r.note(s, "none yet: up installs one with %s", s.observed.Facts.PackageManager)
	default:
		r.refuse(s, "no java is on its PATH", fmt.Sprintf("Java %d or newer", need), "install one, or leave out java: {install: false}")
	}
}

// javaRelease is the feature release of a version: 8 of "1.8.0_402", 17 of
// "17.0.10"; 0 where it is not a version.
func javaRelease(version string) int {
	first, rest, _ := strings.Cut(version, ".")
	if first == "1" {
		first, _, _ = strings.Cut(rest, ".")
	}
	first, _, _ = strings.Cut(first, "-") // early access
	n, err := strconv.Atoi(first)
	if err != nil || n < 1 || n > 1000 {
		return 0
	}
	return n
}
