package producer

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"weir/jobs/program"
)

// reference is the page of all flags.
const reference = "../../docs/reference/weir-producer.md"

// The reference is what the program says of itself: it cannot lag behind.
func TestTheReferenceIsUpToDate(t *testing.T) {
	var s Settings
	var page bytes.Buffer
	flags := program.NewFlags("weir-producer", &page)
	s.flags(flags)
	fmt.Fprint(&page, "<!-- Generated from the flags; go test ./jobs/producer -run Reference -update rewrites it. -->\n\n# weir-producer\n\n"+
		"What it does and what it promises: [Producer](../producer.md). In a stack file, flags are a\njob's `args`, without their dashes.\n\n")
	flags.Table(&page)
	if *update {
		if err := os.WriteFile(reference, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if page.String() != string(want) {
		t.Errorf("docs/reference/weir-producer.md is stale: go test ./jobs/producer -run Reference -update\ngot\n%s", &page)
	}
}
