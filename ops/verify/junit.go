package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"weir/ops/status/table"
)

// The form that continuous integration reads: a suite, a case a check, a failure a
// check that failed, with all of its findings.
type suite struct {
	XMLName   xml.Name   `xml:"testsuite"`
	Name      string     `xml:"name,attr"`
	Tests     int        `xml:"tests,attr"`
	Failures  int        `xml:"failures,attr"`
	Errors    int        `xml:"errors,attr"`
	Skipped   int        `xml:"skipped,attr"`
	Time      string     `xml:"time,attr"`
	Timestamp string     `xml:"timestamp,attr"`
	Cases     []testCase `xml:"testcase"`
	// SystemErr is why nothing could be checked.
	SystemErr string `xml:"system-err,omitempty"`
}

type testCase struct {
	Name      string    `xml:"name,attr"`
	Class     string    `xml:"classname,attr"`
	Time      string    `xml:"time,attr"`
	Failure   *failure  `xml:"failure"`
	Skipped   *skipping `xml:"skipped"`
	SystemOut string    `xml:"system-out,omitempty"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type skipping struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes the report as JUnit's XML.
func WriteJUnit(w io.Writer, r Report) error {
	s := suite{
		Name: "weir." + table.Clean(r.Cluster), Tests: len(r.Checks), Time: junitTime(r.Seconds),
		Timestamp: r.Started.Format(time.RFC3339), SystemErr: table.Clean(r.Error),
	}
	if r.Error != "" {
		s.Errors = 1
	}
	for _, c := range r.Checks {
		one := testCase{Name: c.Name, Class: s.Name, Time: junitTime(c.Seconds), SystemOut: cleanLines(c.Evidence)}
		switch c.Outcome {
		case Failed:
			s.Failures++
			one.Failure = &failure{Message: table.Clean(c.Findings[0].Found), Text: failureText(c.Findings)}
		case Skipped:
			s.Skipped++
			one.Skipped = &skipping{Message: table.Clean(c.Reason)}
		}
		s.Cases = append(s.Cases, one)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	out.Indent("", "  ")
	if err := out.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func failureText(findings []Finding) string {
	var lines []string
	for _, f := range findings {
		lines = append(lines, f.Machine+": "+f.Found, "expected "+f.Expected, "next "+f.Next)
	}
	return cleanLines(lines)
}

func cleanLines(lines []string) string {
	clean := make([]string, len(lines))
	for i, line := range lines {
		clean[i] = table.Clean(line)
	}
	return strings.Join(clean, "\n")
}

func junitTime(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }
