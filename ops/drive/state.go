package drive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"weir/provision/inventory"
	"weir/provision/runlog"
)

// state is what is read of the file backend's checkpoint.
type state struct {
	Checkpoint struct {
		Latest struct {
			Pending   []json.RawMessage `json:"pending_operations"`
			Resources []json.RawMessage `json:"resources"`
		} `json:"latest"`
	} `json:"checkpoint"`
}

func (p Project) readState(stack string) (state, error) {
	var s state
	text, err := os.ReadFile(p.stateFile(stack))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

// begin makes a stack that has nothing yet, as `pulumi stack init` does: the file
// backend takes it from there, and the first operation makes the salt of its
// secrets. A stack that somebody else made meanwhile is left alone.
func (p Project) begin(stack string) error {
	text := fmt.Sprintf(`{"version":3,"checkpoint":{"stack":"organization/%s/%s"}}`, projectName, stack)
	file := p.stateFile(stack)
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = WriteNew(file, []byte(text+"\n"), 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("begin stack %s: %w", stack, err)
	}
	return nil
}

// WriteNew writes a file whole or not at all. One that is there is left alone, which
// is an error that wraps fs.ErrExist.
func WriteNew(file string, text []byte, mode fs.FileMode) error {
	pending, err := renameio.NewPendingFile(file, renameio.WithStaticPermissions(mode), renameio.WithTempDir(filepath.Dir(file)))
	if err != nil {
		return err
	}
	defer pending.Cleanup() //nolint:errcheck // it has its name
	if _, err := pending.Write(text); err != nil {
		return err
	}
	if err := pending.Sync(); err != nil {
		return err
	}
	return os.Link(pending.Name(), file)
}

// withoutPending drops the pending operations of an exported deployment.
func withoutPending(deployment json.RawMessage) (json.RawMessage, error) {
	var d map[string]json.RawMessage
	if err := json.Unmarshal(deployment, &d); err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	delete(d, "pending_operations")
	return json.Marshal(d)
}

// clusterOutput is the program's output that describes the cluster.
const clusterOutput = "cluster"

// ErrUnfinished says that no run of the stack came to its end.
var ErrUnfinished = errors.New("was not brought up to its end")

// Cluster returns the cluster as it was last brought up, with the secrets that
// it takes to log in. It is ErrNoStack where there is none, and ErrUnfinished where
// it is not known yet.
func (s *Stack) Cluster(ctx context.Context) (inventory.Cluster, error) {
	var c inventory.Cluster
	if !s.Exists() {
		return c, fmt.Errorf("stack %s: %w; bring it up: bin/ops up --stack %s", s.Name, ErrNoStack, s.Name)
	}
	if value := s.Project.plainCluster(s.Name); value != nil {
		return c, decodeCluster(value, &c)
	}
	out, err := s.cli.ask(ctx, s.Project.Root, "stack", "output", "--json", "--show-secrets", "--stack", s.Name)
	if err != nil {
		return c, err
	}
	var outputs map[string]json.RawMessage
	if err := json.Unmarshal([]byte(out), &outputs); err != nil {
		return c, fmt.Errorf("read the outputs of stack %s: %w", s.Name, err)
	}
	value, ok := outputs[clusterOutput]
	if !ok {
		return c, fmt.Errorf("stack %s %w; run: bin/ops up --stack %s", s.Name, ErrUnfinished, s.Name)
	}
	return c, decodeCluster(value, &c)
}

// plainCluster is the output that describes the cluster, read from the state where
// nothing of it is secret: the CLI, which opens secrets, takes half a second. It is
// nil where the CLI must be asked, who also says what is wrong with a state.
func (p Project) plainCluster(stack string) json.RawMessage {
	st, err := p.readState(stack)
	if err != nil {
		return nil
	}
	for _, raw := range st.Checkpoint.Latest.Resources {
		var r struct {
			Type    string                     `json:"type"`
			Outputs map[string]json.RawMessage `json:"outputs"`
		}
		if json.Unmarshal(raw, &r) != nil || r.Type != "pulumi:pulumi:Stack" {
			continue
		}
		var text string
		if value := r.Outputs[clusterOutput]; json.Unmarshal(value, &text) == nil { // a secret is an object
			return value
		}
	}
	return nil
}

// Secrets are the encrypted values of the stack's config, in the clear, by their
// keys without the namespace. It takes half a second, the engine's start.
func (s *Stack) Secrets(ctx context.Context) (map[string]string, error) {
	if !s.Exists() {
		return nil, fmt.Errorf("stack %s: %w, and its config holds secrets; make it: pulumi stack init %s", s.Name, ErrNoStack, s.Name)
	}
	out, err := s.cli.ask(ctx, s.Project.Root, "config", "--json", "--show-secrets", "--stack", s.Name)
	if err != nil {
		return nil, err
	}
	var values map[string]struct {
		Value  string `json:"value"`
		Secret bool   `json:"secret"`
	}
	if err := json.Unmarshal([]byte(out), &values); err != nil {
		return nil, fmt.Errorf("read the config of stack %s: %w", s.Name, err)
	}
	secrets := map[string]string{}
	for key, v := range values {
		if v.Secret {
			secrets[strings.TrimPrefix(key, projectName+":")] = v.Value
		}
	}
	return secrets, nil
}

// decodeCluster takes an object, or a text that holds one.
func decodeCluster(value json.RawMessage, c *inventory.Cluster) error {
	var text string
	if json.Unmarshal(value, &text) == nil {
		value = json.RawMessage(text)
	}
	if err := json.Unmarshal(value, c); err != nil {
		return fmt.Errorf("read the stack's output %q: %w", clusterOutput, err)
	}
	return nil
}

// Forget removes everything that is kept of a stack here: state, history,
// backups, locks, keys; not its config, and not the logs of its runs, which
// tell who removed it. It needs no sound state.
func (s *Stack) Forget() error {
	p, root := s.Project, filepath.Join(s.Project.stateDir(), ".pulumi")
	errs := []error{
		p.ClearStackDir(s.Name),
		os.RemoveAll(filepath.Join(root, "history", projectName, s.Name)),
		os.RemoveAll(filepath.Join(root, "backups", projectName, s.Name)),
		os.RemoveAll(p.lockDir(s.Name)),
	}
	for _, suffix := range []string{"", ".bak", ".attrs", ".bak.attrs"} {
		errs = append(errs, removeFile(p.stateFile(s.Name)+suffix))
	}
	return errors.Join(errs...)
}

// ClearStackDir empties a stack's directory but for the logs of its runs, and
// removes it where there are none.
func (p Project) ClearStackDir(stack string) error {
	dir := p.StackDir(stack)
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, f := range files {
		if path := filepath.Join(dir, f.Name()); path != string(p.Runs(stack)) {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	os.Remove(dir) // where it is empty
	return errors.Join(errs...)
}

// Runs is where the logs of a stack's runs are.
func (p Project) Runs(stack string) runlog.Dir { return runlog.In(p.Root, stack) }

// Tidy removes what is kept for all stacks, where none is left that needs it.
// The passphrase stays while any stack's config may hold a secret.
func (p Project) Tidy() error {
	states, err := filepath.Glob(filepath.Join(filepath.Dir(p.stateFile("x")), "*.json"))
	if err != nil || len(states) > 0 {
		return err
	}
	errs := []error{os.RemoveAll(p.stateDir()), os.RemoveAll(p.home())}
	configs, _ := filepath.Glob(p.StackFile("*")) // the pattern is sound
	for _, file := range configs {
		if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte("encryptionsalt:")) {
			return errors.Join(errs...)
		}
	}
	errs = append(errs, removeFile(p.PassphraseFile()))
	os.Remove(filepath.Join(p.Root, workDir)) // where it is empty
	return errors.Join(errs...)
}

func removeFile(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Damaged says that there is a state and that it cannot be read.
func (s *Stack) Damaged() bool {
	_, err := s.Project.readState(s.Name)
	return err != nil && s.Exists()
}

// Backup is the file that holds the state before its last change.
func (s *Stack) Backup() string { return s.Project.stateFile(s.Name) + ".bak" }
