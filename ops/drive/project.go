// Package drive runs a stack through Pulumi's engine: the same project file,
// program, state and provider that a typed `pulumi` uses, driven by the
// Automation API, so that only Pulumi's CLI is needed.
//
// State, passphrase and the keys of local machines are kept in .weir below the
// project. A run that was killed leaves nothing that stops the next one: locks
// of dead processes are cleared and half-done creations are done again.
package drive

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
)

// Names in the project's directory.
const (
	projectName = "weir"
	projectFile = "Pulumi.yaml"
	workDir     = ".weir"
)

// Project is the directory that holds Pulumi.yaml.
type Project struct {
	// Root is absolute.
	Root string
}

// Find returns the project that dir is in, looking upwards for Pulumi.yaml.
func Find(dir string) (Project, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, projectFile)); err == nil {
			return Project{Root: at}, nil
		}
		if at == filepath.Dir(at) {
			return Project{}, fmt.Errorf("no %s in %s or above it; change to the project's directory, or set WEIR_ROOT to it", projectFile, dir)
		}
	}
}

// StackFile is the stack's config, Pulumi.<stack>.yaml.
func (p Project) StackFile(stack string) string {
	return filepath.Join(p.Root, "Pulumi."+stack+".yaml")
}

// StackDir holds what weir keeps for a stack besides Pulumi's state: the keys
// of machines that it made.
func (p Project) StackDir(stack string) string { return filepath.Join(p.Root, workDir, stack) }

// BinDir holds the provider, and Pulumi's CLI where none was installed.
func (p Project) BinDir() string { return filepath.Join(p.Root, "bin") }

// PassphraseFile holds the passphrase of the stacks' secrets.
func (p Project) PassphraseFile() string { return filepath.Join(p.Root, workDir, "passphrase") }

// BackendURL is where Pulumi keeps the stacks' state.
func (p Project) BackendURL() string {
	return (&url.URL{Scheme: "file", Path: p.stateDir()}).String()
}

func (p Project) stateDir() string { return filepath.Join(p.Root, workDir, "state") }

// home keeps what Pulumi writes for itself (logs, the selected stack) apart
// from the user's own.
func (p Project) home() string { return filepath.Join(p.Root, workDir, "pulumi") }

// stateFile is where the file backend keeps a stack.
func (p Project) stateFile(stack string) string {
	return filepath.Join(p.stateDir(), ".pulumi", "stacks", projectName, stack+".json")
}

// stackName is what Pulumi and file names both take.
var stackName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$`)

// CheckName refuses names that are no stack's.
func CheckName(stack string) error {
	if !stackName.MatchString(stack) {
		return fmt.Errorf("%q is not a stack's name; write up to 100 letters, digits, and . _ -", stack)
	}
	return nil
}

// Prepare makes the directories and the passphrase that a first run needs.
func (p Project) Prepare() error {
	for _, dir := range []string{p.stateDir(), p.home()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make a place for the state: %w", err)
		}
	}
	return p.ensurePassphrase()
}

// ensurePassphrase makes a random passphrase once. Losing it means losing the
// secrets, so that one which exists is never written again.
func (p Project) ensurePassphrase() error {
	random := make([]byte, 32)
	rand.Read(random) // never fails
	text := base64.RawURLEncoding.EncodeToString(random) + "\n"
	if err := WriteNew(p.PassphraseFile(), []byte(text), 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the passphrase file: %w", err)
	}
	return nil
}
