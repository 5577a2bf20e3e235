package runlog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// shortest is how many bytes a secret must have to be masked: shorter ones
// would mask the log's own words, and are no secrets.
const shortest = 4

// masked stands in the place of a secret.
const masked = "[secret]"

// mask replaces secrets in the values of JSON.
type mask struct {
	secrets  []string // the longest first: one may begin another
	replacer *strings.Replacer
}

func (m *mask) add(secrets []string) {
	for _, secret := range secrets {
		for _, text := range append(strings.Split(secret, "\n"), secret) {
			if text = strings.TrimSpace(text); len(text) >= shortest && !slices.Contains(m.secrets, text) {
				m.secrets = append(m.secrets, text)
			}
		}
	}
	slices.SortFunc(m.secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	var pairs []string
	for _, s := range m.secrets {
		pairs = append(pairs, s, masked)
	}
	m.replacer = strings.NewReplacer(pairs...)
}

// jsonString is a string in JSON, with the colon behind it where it is a key.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"(:?)`)

// apply masks what values hold; the keys are ours. Each value is replaced as
// the text that it is: in its JSON form a secret could begin inside an escape.
func (m *mask) apply(line []byte) []byte {
	if len(m.secrets) == 0 {
		return line
	}
	return jsonString.ReplaceAllFunc(line, func(quoted []byte) []byte {
		var text string
		if bytes.HasSuffix(quoted, []byte(":")) || json.Unmarshal(quoted, &text) != nil {
			return quoted
		}
		hidden := m.replacer.Replace(text)
		if hidden == text {
			return quoted
		}
		quoted, err := json.Marshal(hidden)
		if err != nil {
			return []byte(`"` + masked + `"`) // it never fails for a text
		}
		return quoted
	})
}

// Masker replaces secrets in texts that are no log, as Hide does in a log.
// It is not safe for concurrent use.
type Masker struct{ mask mask }

// Hide masks these secrets from now on, each line of a text of several too.
func (m *Masker) Hide(secrets ...string) { m.mask.add(secrets) }

// Text is a text with its secrets replaced.
func (m *Masker) Text(text string) string {
	if len(m.mask.secrets) == 0 {
		return text
	}
	return m.mask.replacer.Replace(text)
}

// JSON is a JSON text with the secrets in its strings replaced, whatever their
// form there.
func (m *Masker) JSON(text []byte) []byte { return m.mask.apply(text) }
