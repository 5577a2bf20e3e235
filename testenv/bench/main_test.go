package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain lets look start this test's own program, as it starts bench.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == lookCommand {
		if err := answer(context.Background(), os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestRowsAreChosenByNameAndMeasuredInTheirOrder(t *testing.T) {
	for _, c := range []struct{ list, want, says string }{
		{"all", names(sections), ""},
		{"noop,install", "install,noop", ""},
		{"fleet", "fleet", ""},
		{"fleet,flet", "", `"flet"`},
		{"", "", `""`},
	} {
		got, err := choose(sections, c.list)
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), names(sections)) {
				t.Errorf("%q: got error %v, want one that says %s and names all", c.list, err, c.says)
			}
			continue
		}
		if err != nil || names(got) != c.want {
			t.Errorf("%q: got %s, error %v, want %s", c.list, names(got), err, c.want)
		}
	}
}
