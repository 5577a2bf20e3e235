// Package job turns a program of ours that runs on the cluster into the state
// of its machine: a static binary, a system user, a directory for what it must
// remember and a systemd service that starts it again for ever.
package job

import (
	"fmt"
	"regexp"
	"time"

	"weir/provision/layout"
	"weir/provision/machine"
	"weir/provision/problem"
	"weir/provision/systemd"
)

// DefaultUser runs the jobs of people who named no other.
const DefaultUser = "weir-job"

// Spec describes one job. Fields that are zero take the defaults named.
type Spec struct {
	// Cluster owns the machine.
	Cluster string
	// Name is unique in the cluster: lower-case letters, digits and -.
	Name string
	// Machine is where it runs.
	Machine string
	// Release holds the binary; Binary is its path in there ("bin/producer").
	Release machine.Release
	Binary  string
	// Args are handed to the program exactly as they are.
	Args []string
	// Environment is added to the program's environment.
	Environment []systemd.Variable
	// User runs it (DefaultUser).
	User string
	// StateDir is the program's working directory and all that it may write
	// (/var/lib/weir/jobs/NAME). It is data: only a delete with data removes it.
	StateDir string
	// After are units of the same machine that start before it.
	After []string
	// Ports are what it listens on.
	Ports []int
}

// Unit is the name of the job's service.
func (s Spec) Unit() string { return "weir-job-" + s.Name + ".service" }

// WithDefaults returns the spec with every field set that has a default.
func (s Spec) WithDefaults() Spec {
	if s.User == "" {
		s.User = DefaultUser
	}
	if s.StateDir == "" {
		s.StateDir = "/var/lib/weir/jobs/" + s.Name
	}
	return s
}

var (
	// namePattern keeps "job-NAME" within the 32 characters of a component.
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,27}$`)
	userPattern   = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	binaryPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)
	envPattern    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Validate returns everything that is wrong with the spec, in its order.
func Validate(s Spec) problem.List {
	s = s.WithDefaults()
	var p problem.List
	if s.Cluster == "" {
		p.Add("cluster", "is empty; write the cluster's name")
	}
	if !namePattern.MatchString(s.Name) {
		p.Add("name", "%q is not a job's name; write up to 28 lower-case letters, digits and -, a letter first", s.Name)
	}
	if s.Machine == "" {
		p.Add("machine", "is empty; write the name of a machine")
	}
	layout.CheckPath("release.root", s.Release.Root, &p)
	if !binaryPattern.MatchString(s.Binary) {
		p.Add("binary", "%q is not a path inside the release; write one such as bin/producer", s.Binary)
	}
	for i, arg := range s.Args {
		if !systemd.Representable(arg) {
			p.Add(fmt.Sprintf("args[%d]", i), "%q holds a NUL byte or is not UTF-8; systemd cannot pass it on", arg)
		}
	}
	for i, v := range s.Environment {
		if !envPattern.MatchString(v.Name) || !systemd.Representable(v.Value) {
			p.Add(fmt.Sprintf("environment[%d]", i), "%q=%q cannot be a variable; write letters, digits and _ for the name, text for the value", v.Name, v.Value)
		}
	}
	if !userPattern.MatchString(s.User) {
		p.Add("user", "%q is not a user name; write up to 32 lower-case letters, digits, _ or -", s.User)
	}
	if s.Name != "" {
		layout.CheckPath("stateDir", s.StateDir, &p)
	}
	return p
}

const (
	// openFiles covers a connection to every broker and a state store's files.
	openFiles = 65536
	// stopTimeout is what a job may take to hand over what it holds: a producer
	// waits for acknowledgements as long as a broker's restart lasts.
	stopTimeout = 60 * time.Second
	// restartDelay keeps a job that fails at once from filling the journal.
	restartDelay = 3 * time.Second
	// freeBytes is room for state; a job that keeps more says so itself.
	freeBytes = 128 << 20
)

// State returns what the job's machine should be. A spec that Validate finds
// fault with is a *problem.Error.
func State(s Spec) (machine.State, error) {
	if err := Validate(s).Err(); err != nil {
		return machine.State{}, err
	}
	s = s.WithDefaults()
	unit := s.service().File(s.Unit())
	return machine.State{
		Cluster:   s.Cluster,
		Component: "job-" + s.Name,
		Machine:   s.Machine,
		Users:     []machine.User{{Name: s.User, Home: "/var/lib/weir/jobs"}},
		Directories: []machine.Directory{
			{Path: s.StateDir, Owner: s.User, Group: s.User, Mode: 0o750, Data: true},
		},
		Files:    []machine.File{unit},
		Releases: []machine.Release{s.Release},
		Services: []machine.Service{{
			Unit:    s.Unit(),
			Watches: []string{unit.Path, s.Release.Link()},
			Ports:   s.Ports,
		}},
		Requires: machine.Requirements{
			Space:     []machine.Space{{Path: s.StateDir, Bytes: freeBytes}},
			Programs:  []string{s.Release.Root},
			OpenFiles: openFiles,
		},
	}, nil
}

func (s Spec) service() systemd.Service {
	return systemd.Service{
		Description:  fmt.Sprintf("Job %s of cluster %s", s.Name, s.Cluster),
		After:        s.After,
		User:         s.User,
		Command:      append([]string{s.Release.Link() + "/" + s.Binary}, s.Args...),
		Environment:  s.Environment,
		Directory:    s.StateDir,
		Reads:        []string{s.Release.Root},
		Writes:       []string{s.StateDir},
		OpenFiles:    openFiles,
		StopTimeout:  stopTimeout,
		RestartDelay: restartDelay,
	}
}
