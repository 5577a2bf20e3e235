package main

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"weir/provision/kafka"
	"weir/provision/machine"
)

// rivalFiles are a playbook that does what `ops up` does to the same machines,
// and Ansible's settings for speed.
//
//go:embed rival
var rivalFiles embed.FS

// rival is Ansible with a directory that holds its playbook and, for the
// cluster, the very files that our side writes.
type rival struct {
	dir string
	// bin holds the programs of its virtual environment.
	bin string
}

// errNoRival says that Ansible could not be had, and so there is nothing to
// compare with.
var errNoRival = errors.New("no Ansible to compare with")

// venvPatience bounds the download of Ansible and its installation.
const venvPatience = 10 * time.Minute

// findRival installs the pinned Ansible and Mitogen into a virtual environment
// in cache, where a run before has not done so, and writes the playbook to dir.
func findRival(ctx context.Context, cache, dir string) (rival, error) {
	pinned, err := rivalFiles.ReadFile("rival/requirements.txt")
	if err != nil {
		return rival{}, err
	}
	r := rival{dir: dir, bin: filepath.Join(cache, "ansible", "bin")}
	done := filepath.Join(cache, "ansible", "requirements.txt")
	if was, err := os.ReadFile(done); err != nil || !bytes.Equal(was, pinned) {
		if err := r.install(ctx, filepath.Join(cache, "ansible"), pinned); err != nil {
			return rival{}, fmt.Errorf("%w: %w", errNoRival, err)
		}
	}
	return r, r.writePlaybook()
}

// install makes the environment anew. What is installed is written down last:
// an environment that was cut off is made again.
func (r rival) install(ctx context.Context, venv string, pinned []byte) error {
	ctx, cancel := context.WithTimeout(ctx, venvPatience)
	defer cancel()
	if err := errors.Join(os.RemoveAll(venv), os.MkdirAll(r.dir, 0o755)); err != nil {
		return err
	}
	wanted := filepath.Join(r.dir, "wanted.txt")
	if err := os.WriteFile(wanted, pinned, 0o644); err != nil {
		return err
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", venv},
		{filepath.Join(r.bin, "pip"), "install", "--quiet", "--disable-pip-version-check", "--requirement", wanted},
	} {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
		}
	}
	return os.WriteFile(filepath.Join(venv, "requirements.txt"), pinned, 0o644)
}

// versions are what is installed, and on which Python.
func (r rival) versions(ctx context.Context) (string, error) {
	const ask = `import platform; from importlib.metadata import version
print(", ".join(f"{name} {version(name)}" for name in ("ansible-core", "mitogen")), "on Python", platform.python_version())`
	out, err := exec.CommandContext(ctx, filepath.Join(r.bin, "python"), "-c", ask).Output()
	return strings.TrimSpace(string(out)), err
}

func (r rival) writePlaybook() error {
	files, err := fs.Sub(rivalFiles, "rival")
	if err != nil {
		return err
	}
	return os.CopyFS(r.dir, files)
}

// The inventory, as the playbook reads it.
type (
	rivalFile struct {
		Path  string `json:"path"`
		Owner string `json:"owner"`
		Group string `json:"group"`
		Mode  string `json:"mode"`
	}
	rivalUser struct {
		Name string `json:"name"`
		Home string `json:"home"`
	}
	rivalComponent struct {
		Name        string      `json:"name"`
		User        rivalUser   `json:"user"`
		Directories []rivalFile `json:"directories"`
		Files       []rivalFile `json:"files"`
		Unit        string      `json:"unit"`
		Root        string      `json:"root"`
		Home        string      `json:"home"`
		Port        int         `json:"port"`
		Server      string      `json:"server,omitempty"`
	}
)

// declare writes the cluster down for the playbook: an inventory, and for each
// machine its files, with the content that our side gives them.
func (r rival) declare(c cluster, pack string) error {
	all, err := c.components()
	if err != nil {
		return err
	}
	for _, targets := range all {
		if err := r.writeFiles(targets); err != nil {
			return err
		}
	}
	inventory, err := json.MarshalIndent(map[string]any{"cluster": map[string]any{
		"hosts": inventoryHosts(c), "vars": inventoryVars(c, all, pack),
	}}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, "inventory.json"), append(inventory, '\n'), 0o644)
}

func (r rival) writeFiles(targets component) error {
	for name, t := range targets {
		for _, f := range t.State.AllFiles() {
			path := filepath.Join(r.dir, "files", name, f.Path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, []byte(f.Content), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func inventoryHosts(c cluster) map[string]any {
	hosts := map[string]any{}
	for _, m := range c.machines {
		hosts[m.Name] = map[string]any{
			"ansible_host": m.Address, "ansible_user": "root", "ansible_ssh_private_key_file": m.PrivateKeyFile,
			"ansible_ssh_common_args": "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=" + m.KnownHosts,
			"address":                 m.Address,
		}
	}
	return hosts
}

// inventoryVars says what is the same on all machines: only the content of
// files differs.
func inventoryVars(c cluster, all []component, pack string) map[string]any {
	first := c.machines[0].Name
	own, ensemble, brokers := all[0][first].State, all[1][first].State, all[2][first].State
	k := rivalOf(brokers, c.brokers().Listeners[0].Port)
	k.Server = c.brokers().ConfigFile()
	return map[string]any{
		"host": map[string]any{
			"java": own.Packages[0].Name, "directories": rivalDirectories(own), "files": rivalPaths(own), "services": rivalServices(own),
		},
		"release":   map[string]any{"directory": c.release(kafka.Component).Dir(), "pack": pack},
		"zookeeper": rivalOf(ensemble, c.ensemble().ClientPort),
		"kafka":     k,
		"topic":     c.topic(),
		"bootstrap": strings.Join(c.brokers().Bootstrap(), ","),
	}
}

func rivalOf(s machine.State, port int) rivalComponent {
	return rivalComponent{
		Name: s.Component, User: rivalUser{s.Users[0].Name, s.Users[0].Home},
		Directories: rivalDirectories(s), Files: rivalPaths(s),
		Unit: s.Services[0].Unit, Root: s.Releases[0].Root, Home: s.Releases[0].Link(), Port: port,
	}
}

func rivalDirectories(s machine.State) []rivalFile {
	var all []rivalFile
	for _, d := range s.Directories {
		all = append(all, rivalFile{d.Path, d.Owner, d.Group, fmt.Sprintf("%04o", uint32(d.Mode))})
	}
	return all
}

func rivalServices(s machine.State) []string {
	units := []string{}
	for _, v := range s.Services {
		units = append(units, v.Unit)
	}
	return units
}

func rivalPaths(s machine.State) []rivalFile {
	var all []rivalFile
	for _, f := range s.AllFiles() {
		all = append(all, rivalFile{f.Path, f.Owner, f.Group, fmt.Sprintf("%04o", uint32(f.Mode))})
	}
	return all
}
