// Package console reads and writes a topic's records on a terminal or in a pipe.
//
// What it guarantees: a record that it counts as written was acknowledged by all
// replicas in sync; a reader that was to read so many, or to the end, says so
// where it did not. Text is for people and simple pipes; JSON lines keep all of
// a record, and what the reader writes the producer takes.
package console
