// Package process finds the Java servers that run on a machine, whoever started
// them, from what the kernel says of its processes.
//
// [Script] asks, and changes nothing; [Parse] reads the answer and distrusts it.
//
// Limits: Linux with GNU grep and findutils, and setpriv of util-linux; asked as
// root, since other users' processes do not show what they have open. What runs in a container of its
// own is found, and marked: its paths mean nothing outside.
package process

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"weir/provision/properties"
)

// Java is a running Java virtual machine.
type Java struct {
	PID int
	// Started is when the kernel started it, in clock ticks since it booted:
	// with PID it names this process and no later one.
	Started uint64
	// User runs it; a number where it has no name.
	User string
	// Program is the java that runs; Dir is its working directory.
	Program, Dir string
	// Options are the words before the main class, without the class path.
	Options []string
	// Main is the main class, Args what follows it.
	Main string
	Args []string
	// Jars are those it has open, or has on its class path, of Kafka and
	// ZooKeeper; sorted.
	Jars []string
	// Ports are the TCP ports it listens on; sorted.
	Ports []int
	// Unit is the systemd unit that started it and would do so again; empty
	// for a process of a login session.
	Unit string
	// UsersUnit says that Unit belongs to a user's own service manager, of which
	// root's knows nothing.
	UsersUnit bool
	// Elsewhere says that it runs in a container: its paths are not the machine's.
	Elsewhere bool
	// Config is the text of ConfigFile, as far as it could be read.
	Config string
}

// ConfigFile is the absolute path of the properties file that it was started
// with, the first word behind the main class; empty where there is none.
func (j Java) ConfigFile() string {
	if len(j.Args) == 0 || j.Args[0] == "" {
		return ""
	}
	return absolute(j.Dir, j.Args[0])
}

// Absolute is a path as the process means it, clean.
func (j Java) Absolute(p string) string { return absolute(j.Dir, p) }

func absolute(dir, p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(dir, p)
}

// Settings are those of its properties file, without blanks around them, and of
// the words --override KEY=VALUE behind it, which win, as Kafka's do.
func (j Java) Settings() (map[string]string, error) {
	settings, err := properties.Parse(j.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.ConfigFile(), err)
	}
	for i := 1; i+1 < len(j.Args); i++ {
		if key, value, ok := strings.Cut(j.Args[i+1], "="); ok && j.Args[i] == "--override" {
			settings[key] = value
		}
	}
	for key, value := range settings {
		settings[key] = strings.TrimSpace(value)
	}
	return settings, nil
}

// Listens says that the process listens on a TCP port.
func (j Java) Listens(port int) bool { return slices.Contains(j.Ports, port) }

// String names the process as a person would look for it.
func (j Java) String() string {
	s := fmt.Sprintf("process %d (%s)", j.PID, strings.TrimSpace(j.Main+" "+j.ConfigFile()))
	if j.Unit != "" {
		s += " of " + j.Unit
	}
	return s
}
