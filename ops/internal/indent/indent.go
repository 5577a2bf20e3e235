// Package indent writes what the verbs answer to programs, in one form.
package indent

import (
	"encoding/json"
	"io"
)

// JSON writes v as one JSON value over several lines, its texts as they are: no
// browser reads them, and "<" is easier on people than its code.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
