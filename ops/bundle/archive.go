// Package bundle gathers what somebody needs who is asked for help with a
// cluster, in one archive without secrets.
//
// Two sieves take secrets out, each for itself: those that the stack and the
// inventory hold are replaced wherever they stand, in the forms in which texts
// hold them; and the values of settings and options whose names say that they
// are secret are replaced whatever they are. What a person wrote into a message
// under another name stays: read a bundle before you send it to strangers.
package bundle

import (
	"archive/tar"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"weir/provision/runlog"
)

// fileLimit bounds one file of a bundle, in bytes; of a longer one the end is kept.
const fileLimit = 8 << 20

// Archive is a bundle in the making.
type Archive struct {
	dir   string // all files are below it
	taken time.Time
	path  string
	file  *os.File
	zip   *gzip.Writer
	tar   *tar.Writer
	sieve runlog.Masker
	// missing is what could not be had.
	missing []string
}

// Create makes the archive's file, readable by its owner alone. One that is
// there is not written over. taken is the time that its files have.
func Create(path string, taken time.Time, secrets []string) (*Archive, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	a := &Archive{path: path, taken: taken, file: f, zip: gzip.NewWriter(f)}
	a.dir = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".gz"), ".tar")
	a.tar = tar.NewWriter(a.zip)
	for _, s := range secrets {
		a.sieve.Hide(forms(s)...)
	}
	return a, nil
}

// forms are the ways in which a text may hold a secret.
func forms(secret string) []string {
	all := []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))}
	if text, err := json.Marshal(secret); err == nil {
		all = append(all, strings.Trim(string(text), `"`))
	}
	return all
}

// tellTale are the parts of names that say that what stands behind is secret.
const tellTale = `password|passwd|passphrase|secret|credential|api[_-]?key|private[_-]?key|token|encryptionsalt`

var (
	// named finds settings and options of such names: key=value, key: value,
	// --key value, "key": "value", and what stands in quotes behind them.
	named = regexp.MustCompile(`(?i)((?:` + tellTale + `)(?:[_-][\w.-]*)?["']?\s*[=:]\s*|--[\w-]*(?:` + tellTale + `)[\w-]*\s+)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;"']+)`)
	// suspicious are lines in which to look for them: it is found faster.
	suspicious = []string{"passw", "passphrase", "secret", "credential", "key", "token", "encryptionsalt"}
)

// keyBlock is a private key, whatever stands around it.
var keyBlock = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`)

// Masked is a text without secrets.
func (a *Archive) Masked(text string) string {
	text = keyBlock.ReplaceAllString(a.sieve.Text(text), hidden)
	var out strings.Builder
	for line := range strings.Lines(text) {
		low := strings.ToLower(line)
		if slices.ContainsFunc(suspicious, func(word string) bool { return strings.Contains(low, word) }) {
			line = named.ReplaceAllString(line, "${1}"+hidden)
		}
		out.WriteString(line)
	}
	return out.String()
}

const hidden = "[secret]"

// Add adds a file, masked.
func (a *Archive) Add(name, text string) error {
	text = a.Masked(text)
	if cut := len(text) - fileLimit; cut > 0 {
		text = fmt.Sprintf("[%d bytes before this were left out]\n%s", cut, text[cut:])
	}
	text = strings.ToValidUTF8(text, "?")
	err := a.tar.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: a.dir + "/" + name, Size: int64(len(text)), Mode: 0o600, ModTime: a.taken,
	})
	if err == nil {
		_, err = a.tar.Write([]byte(text))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", a.path, err)
	}
	return nil
}

// AddJSON adds a value as indented JSON, masked.
func (a *Archive) AddJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return a.Add(name, string(a.sieve.JSON(text))+"\n")
}

// Miss notes what could not be had.
func (a *Archive) Miss(what string, err error) {
	a.missing = append(a.missing, what+": "+err.Error())
}

// Close writes what is missing, and ends the archive.
func (a *Archive) Close() (missing []string, err error) {
	slices.Sort(a.missing)
	err = a.Add("missing.txt", strings.Join(append(slices.Clone(a.missing), ""), "\n"))
	return a.missing, errors.Join(err, a.tar.Close(), a.zip.Close(), a.file.Close())
}

// Abandon removes an archive that was not ended.
func (a *Archive) Abandon() {
	_ = a.file.Close()
	_ = os.Remove(a.path)
}
