package release

import (
	"fmt"
	"strings"
)

// MismatchError says that what was fetched is not what the lock names.
// Nothing of it was kept.
type MismatchError struct {
	Item string
	// From is who brought it: "mvn", a URL, a path.
	From      string
	Want, Got string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s from %s is not what the lock file names: expected checksum %s, got %s; nothing was kept (a mirror may be damaged, or the lock may be out of date)",
		e.Item, e.From, e.Want, e.Got)
}

// MissingToolError says that a client which fetches items is not installed.
type MissingToolError struct {
	// Tool is the command that was looked for.
	Tool string
	// Install says how to get it.
	Install string
	// Items are what it was to fetch.
	Items []string
}

func (e *MissingToolError) Error() string {
	return fmt.Sprintf("%s is not installed and %s must be fetched with it: %s; %s, or name a directory of fetched files (see the command fetch)",
		e.Tool, count(len(e.Items), "file"), some(e.Items), e.Install)
}

// FetchError says that a client ran and did not bring everything.
type FetchError struct {
	Tool string
	// Items are what is still missing.
	Items []string
	// Output is the tail of what the client said.
	Output string
	Err    error
}

func (e *FetchError) Error() string {
	s := fmt.Sprintf("%s did not fetch %s: %s", e.Tool, count(len(e.Items), "file"), some(e.Items))
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	s += "; see whether it reaches its source, or name a directory of fetched files (see the command fetch)"
	if e.Output != "" {
		s += "; its output ends:\n" + e.Output
	}
	return s
}

func (e *FetchError) Unwrap() error { return e.Err }

// some names the first few items and counts the rest.
func some(items []string) string {
	const shown = 5
	if len(items) <= shown {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:shown], ", "), len(items)-shown)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func names(items []Item) []string {
	var names []string
	for _, i := range items {
		names = append(names, i.String())
	}
	return names
}
