// Package indent writes what the verbs answer to programs, in one form.
package indent

import (
	"bytes"
	"encoding/json"
	"io"

	"gopkg.in/yaml.v3"
)

// JSON writes v as one JSON value over several lines, its texts as they are: no
// browser reads them, and "<" is easier on people than its code.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// YAML writes v with the fields that JSON would have, in their order.
func YAML(w io.Writer, v any) error {
	var text bytes.Buffer
	if err := JSON(&text, v); err != nil {
		return err
	}
	var node yaml.Node // JSON is YAML: read so, fields keep their order
	if err := yaml.Unmarshal(text.Bytes(), &node); err != nil {
		return err
	}
	block(&node)
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(&node); err != nil {
		return err
	}
	return e.Close()
}

// block takes braces and quotes away where YAML needs none.
func block(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		block(c)
	}
}
