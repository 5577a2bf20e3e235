package popularity

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"weir/jobs/program"
	"weir/testenv/golden"
)

// The reference is what the program says of itself: it cannot lag behind.
func TestTheReferenceIsUpToDate(t *testing.T) {
	var s Settings
	var page bytes.Buffer
	flags := program.NewFlags("weir-popularity", &page)
	s.flags(flags)
	fmt.Fprint(&page, "<!-- Generated from the flags; go test ./jobs/popularity -run Reference -update rewrites it. -->\n\n# weir-popularity\n\n"+
		"What it does and what it promises: [The popularity calculator](../popularity.md). In a stack file, flags are a\njob's `args`, without their dashes.\n\n")
	flags.Table(&page)
	golden.File(t, "../../docs/reference/weir-popularity.md", page.String())
}

func TestEveryMetricIsExplained(t *testing.T) {
	text, err := os.ReadFile("../../docs/popularity.md")
	if err != nil {
		t.Fatal(err)
	}
	all := make(chan *prometheus.Desc, 100)
	newMeters().registry.Describe(all)
	close(all)
	for metric := range all {
		name := regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(metric.String())[1]
		short := "..." + strings.TrimPrefix(name, "weir_popularity")
		if !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), "`"+short+"`") {
			t.Errorf("docs/popularity.md does not explain %s", name)
		}
	}
}
