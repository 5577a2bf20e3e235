package indent

import (
	"strings"
	"testing"
)

func TestYAMLHasTheFieldsOfJSONInTheirOrder(t *testing.T) {
	v := struct {
		Zebra string            `json:"zebra"`
		Ape   []int             `json:"ape"`
		Text  string            `json:"text"`
		Of    map[string]string `json:"of"`
	}{"true", []int{1, 2}, "007", map[string]string{"k": "<v>"}}
	var out strings.Builder
	if err := YAML(&out, v); err != nil {
		t.Fatal(err)
	}
	const want = "zebra: \"true\"\nape:\n  - 1\n  - 2\ntext: \"007\"\nof:\n  k: <v>\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
