package main

import "fmt"

// format is how a result is written.
type format string

const (
	asTable format = "table" // for people
	asJSON  format = "json"  // for programs
)

func (f *format) String() string { return string(*f) }

// Type is what help texts call the value.
func (f *format) Type() string { return "format" }

// Set refuses what is no format.
func (f *format) Set(s string) error {
	if s != string(asTable) && s != string(asJSON) {
		return fmt.Errorf("want %s or %s", asTable, asJSON)
	}
	*f = format(s)
	return nil
}
