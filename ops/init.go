package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"weir/infra/stack"
	"weir/ops/drive"
)

// initFlags are what init is told on the command line.
type initFlags struct {
	containers         int
	machines           []string
	user, key, known   string
	jump               string
	agent, scan, force bool
	article            bool
}

func (a *app) initCommand() *cobra.Command {
	var f initFlags
	c := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Write the config of a new stack",
		Long: `init writes Pulumi.<NAME>.yaml for machines of your own, or for containers on this
computer. What is not given by a flag is asked for.`,
		Example: `  ops init forum --article --machine 192.168.1.1 --machine 192.168.1.2 --machine 192.168.1.3 --user fams
  ops init lab --machine db-1=10.0.0.1 --user admin --key ~/.ssh/lab --scan
  ops init local --containers 3`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.stack = args[0]
			}
			p, err := a.project()
			if err != nil {
				return err
			}
			_, declared, err := besides(p.StackFile(a.stack))
			if err != nil {
				return err
			}
			if declared && !f.force {
				return usageError{fmt.Errorf("%s exists; edit it, or replace it with --force", p.StackFile(a.stack))}
			}
			d, err := a.draft(c.Context(), p, f)
			if err != nil {
				return err
			}
			return a.writeStack(p, a.stack, d, f.force)
		},
	}
	c.Flags().BoolVar(&f.article, "article", false, "make it the article's cluster, to the letter: Kafka 0.8.2.1, user fams, its property files")
	c.Flags().IntVar(&f.containers, "containers", 0, "make this many machines as containers on this computer")
	f.reach(c)
	return c
}

// reach adds the flags that say where machines are and how to log in.
func (f *initFlags) reach(c *cobra.Command) {
	c.Flags().StringArrayVarP(&f.machines, "machine", "m", nil, "a machine of yours: name=user@address; name and user may be left out; repeat it")
	c.Flags().StringVarP(&f.user, "user", "u", "", "who logs in; any but root needs sudo (root)")
	c.Flags().StringVarP(&f.key, "key", "i", "", "the private key to log in with (~/.ssh/id_ed25519, else the agent)")
	c.Flags().BoolVar(&f.agent, "agent", false, "log in with the keys of the SSH agent")
	c.Flags().StringVar(&f.known, "known-hosts", "", "verify the machines' keys by this file (~/.ssh/known_hosts)")
	c.Flags().StringVarP(&f.jump, "jump", "J", "", "reach the machines through this one")
	c.Flags().BoolVar(&f.scan, "scan", false, "ask the machines for their keys, show the fingerprints, and pin them")
	c.Flags().BoolVar(&f.force, "force", false, "replace a config that is there")
}

// maxContainers are more than one computer carries.
const maxContainers = 50

// draft is what the flags say, and a person where they do not.
func (a *app) draft(ctx context.Context, p drive.Project, f initFlags) (draft, error) {
	switch {
	case f.containers < 0 || f.containers > maxContainers:
		return draft{}, usageError{fmt.Errorf("--containers is %d; write 1 to %d", f.containers, maxContainers)}
	case f.containers > 0 && len(f.machines) > 0:
		return draft{}, usageError{errors.New("--containers and --machine exclude each other")}
	case f.containers > 0:
		return draft{Containers: f.containers, Article: f.article}, nil
	}
	if len(f.machines) == 0 {
		if err := a.askMachines(&f); err != nil {
			return draft{}, err
		}
	}
	if !f.scan && f.known == "" && !inHome("known_hosts") {
		return draft{}, usageError{errors.New("nothing says which keys the machines have: there is no ~/.ssh/known_hosts; " +
			"add --scan, which asks the machines and shows the fingerprints to compare, or --known-hosts FILE")}
	}
	f.key, f.known = fromRoot(p, f.key), fromRoot(p, f.known)
	d := draft{SSH: sshFlags(f), Article: f.article}
	for i, text := range f.machines {
		d.Machines = append(d.Machines, machineFlag(i, a.stack, text))
	}
	if f.scan {
		return d, a.pin(ctx, &d)
	}
	return d, nil
}

func (a *app) askMachines(f *initFlags) error {
	if !a.console.Interactive {
		return usageError{errors.New("say which machines: --machine name=address, once each, or --containers 3")}
	}
	answer, err := a.console.Ask("The machines' addresses, separated by spaces:")
	if err != nil {
		return err
	}
	f.machines = strings.Fields(strings.ReplaceAll(answer, ",", " "))
	if len(f.machines) == 0 {
		return usageError{errors.New("a stack needs at least one machine")}
	}
	if f.user == "" {
		if f.user, err = a.console.Ask("Who logs in there (root):"); err != nil {
			return err
		}
	}
	if f.key == "" && !f.agent {
		f.key, err = a.console.Ask("The private key to log in with (" + cmp.Or(usualKey(), "the SSH agent") + "):")
	}
	return err
}

// sshFlags fills in what people mostly mean.
func sshFlags(f initFlags) stack.SSH {
	s := stack.SSH{User: cmp.Or(f.user, "root"), PrivateKeyFile: f.key, Agent: f.agent, KnownHosts: f.known}
	if s.PrivateKeyFile == "" && !s.Agent {
		s.PrivateKeyFile = usualKey()
		s.Agent = s.PrivateKeyFile == ""
	}
	if s.KnownHosts == "" && !f.scan {
		s.KnownHosts = "~/.ssh/known_hosts"
	}
	if f.jump != "" {
		user, address, ok := strings.Cut(f.jump, "@")
		if !ok {
			user, address = "", f.jump
		}
		s.Jump = &stack.Jump{User: user, Address: address}
	}
	return s
}

// fromRoot turns a path as seen from here into one that is read in a config:
// from the project's directory, or absolute where it is outside.
func fromRoot(p drive.Project, path string) string {
	if path == "" || filepath.IsAbs(path) || strings.HasPrefix(path, "~/") {
		return path
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(p.Root, abs); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return abs
}

// usualKey is the key that OpenSSH would take first; "" where there is none.
func usualKey() string {
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		if inHome(name) {
			return "~/.ssh/" + name
		}
	}
	return ""
}

// inHome says whether OpenSSH's directory of whoever runs this has a file.
func inHome(name string) bool {
	home, err := os.UserHomeDir()
	return err == nil && exists(filepath.Join(home, ".ssh", name))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

// besides is what a stack's file has beside the cluster that it declares, if it
// declares one: Pulumi has its own there, and secrets may be set before the rest
// is written.
func besides(file string) (lines []byte, declared bool, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if lines, declared, err = stack.Besides(text); err != nil {
		return nil, false, usageError{fmt.Errorf("%s cannot be read, and may hold secrets: mend it, or remove it: %w", file, err)}
	}
	return lines, declared, nil
}

// writeStack writes a stack's config, complete and checked, or not at all. What
// else is in its file stays.
func (a *app) writeStack(p drive.Project, name string, d draft, force bool) error {
	text, err := d.yaml(name)
	if err != nil {
		return err
	}
	file := p.StackFile(name)
	others, declared, err := besides(file)
	if err != nil {
		return err
	}
	text = append(text, others...)
	if _, err := parseConfig(p, name, text); err != nil {
		return usageError{fmt.Errorf("that makes no stack: %w", err)}
	}
	if force || !declared && exists(file) {
		err = renameio.WriteFile(file, text, 0o644, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(file)))
	} else {
		err = drive.WriteNew(file, text, 0o644)
	}
	if err != nil {
		return err
	}
	a.console.Note("wrote " + relative(file))
	return nil
}
