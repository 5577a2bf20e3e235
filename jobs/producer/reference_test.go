package producer

import (
	"bytes"
	"fmt"
	"testing"

	"weir/jobs/program"
	"weir/testenv/golden"
)

// The reference is what the program says of itself: it cannot lag behind.
func TestTheReferenceIsUpToDate(t *testing.T) {
	var s Settings
	var page bytes.Buffer
	flags := program.NewFlags("weir-producer", &page)
	s.flags(flags)
	fmt.Fprint(&page, "<!-- Generated from the flags; go test ./jobs/producer -run Reference -update rewrites it. -->\n\n# weir-producer\n\n"+
		"What it does and what it promises: [Producer](../producer.md). In a stack file, flags are a\njob's `args`, without their dashes.\n\n")
	flags.Table(&page)
	golden.File(t, "../../docs/reference/weir-producer.md", page.String())
}
