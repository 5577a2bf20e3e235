// Package layout says where a service lives on a machine and as whom it runs.
package layout

import (
	"io/fs"
	"path"
	"regexp"
	"strings"

	"weir/provision/machine"
	"weir/provision/problem"
)

// Layout is a service's user and directories. Fields that are empty take the
// component's defaults, so a person writes only what differs.
type Layout struct {
	// User runs the service; its group has the same name.
	User string `json:"user,omitempty"`
	// Home is the user's home directory.
	Home string `json:"home,omitempty"`
	// ConfigDir holds generated configuration, written by root.
	ConfigDir string `json:"configDir,omitempty"`
	// DataDir holds what must survive everything but a delete with data.
	DataDir string `json:"dataDir,omitempty"`
	// LogDir holds what does not go to the journal (garbage collection logs).
	LogDir string `json:"logDir,omitempty"`
	// TempDir is java.io.tmpdir: native codecs are unpacked and loaded from it,
	// so it must not be on a file system mounted noexec, as /tmp often is.
	TempDir string `json:"tempDir,omitempty"`
}

// Default is the layout of a component that a person said nothing about.
func Default(component string) Layout {
	return Layout{
		User:      "weir-" + component,
		Home:      "/var/lib/weir/" + component,
		ConfigDir: "/etc/weir/" + component,
		DataDir:   "/var/lib/weir/" + component,
		LogDir:    "/var/log/weir/" + component,
		TempDir:   "/var/lib/weir/tmp/" + component,
	}
}

// Or returns l with its empty fields taken from other.
func (l Layout) Or(other Layout) Layout {
	for _, f := range []struct {
		mine  *string
		other string
	}{
		{&l.User, other.User}, {&l.Home, other.Home}, {&l.ConfigDir, other.ConfigDir},
		{&l.DataDir, other.DataDir}, {&l.LogDir, other.LogDir}, {&l.TempDir, other.TempDir},
	} {
		if *f.mine == "" {
			*f.mine = f.other
		}
	}
	return l
}

var (
	// userPattern is what useradd accepts by default.
	userPattern = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	// pathPattern leaves out everything that a shell, systemd or a properties
	// file would read as more than a character.
	pathPattern = regexp.MustCompile(`^/[A-Za-z0-9._+-]+(/[A-Za-z0-9._+-]+)+$`)
)

// Validate adds what is wrong with a complete layout to problems; at is its path.
func (l Layout) Validate(at string, problems *problem.List) {
	CheckUser(at+".user", l.User, problems)
	for _, d := range []struct{ field, value string }{
		{"home", l.Home}, {"configDir", l.ConfigDir}, {"dataDir", l.DataDir},
		{"logDir", l.LogDir}, {"tempDir", l.TempDir},
	} {
		CheckPath(at+"."+d.field, d.value, problems)
	}
	if l.DataDir == l.ConfigDir || l.DataDir == l.LogDir || l.DataDir == l.TempDir {
		problems.Add(at+".dataDir", "%s also holds configuration, logs or temporary files; give data a directory of its own", l.DataDir)
	}
}

// CheckUser adds a problem where user is not a name that useradd accepts.
func CheckUser(at, user string, problems *problem.List) {
	if !userPattern.MatchString(user) {
		problems.Add(at, "%q is not a user name; write up to 32 lower-case letters, digits, _ or -", user)
	}
}

// CheckPath adds a problem where dir is not an absolute, clean path of plain
// characters at least two levels deep.
func CheckPath(at, dir string, problems *problem.List) {
	if !pathPattern.MatchString(dir) || path.Clean(dir) != dir {
		problems.Add(at, "%q cannot be used; write an absolute path below a top directory, such as /srv/weir, of letters, digits and . _ + -", dir)
	}
}

// Users is the user that runs the service.
func (l Layout) Users() []machine.User {
	return []machine.User{{Name: l.User, Home: l.Home}}
}

// Modes of the service's directories: configuration is for everyone to read,
// the rest for the service and its group.
const (
	configMode fs.FileMode = 0o755
	ownMode    fs.FileMode = 0o750
)

// Directories are the service's directories, DataDir marked as data.
func (l Layout) Directories() []machine.Directory {
	ours := strings.HasPrefix(l.ConfigDir, "/etc/weir/") // elsewhere others may keep things
	return []machine.Directory{
		{Path: l.ConfigDir, Owner: "root", Group: "root", Mode: configMode, Exclusive: ours},
		{Path: l.DataDir, Owner: l.User, Group: l.User, Mode: ownMode, Data: true},
		{Path: l.LogDir, Owner: l.User, Group: l.User, Mode: ownMode},
		{Path: l.TempDir, Owner: l.User, Group: l.User, Mode: ownMode},
	}
}

// Own is a layout of whose places a person named some; a service that runs as
// a person's user has that person's home.
func Own(user, configDir, dataDir string) Layout {
	l := Layout{User: user, ConfigDir: configDir, DataDir: dataDir}
	if user != "" {
		l.Home = "/home/" + user
	}
	return l
}

// LoggingFile is the component's log4j.properties. In a directory that several
// components share it carries the component's name.
func (l Layout) LoggingFile(component, content string) machine.File {
	name := "log4j.properties"
	if path.Base(l.ConfigDir) != component {
		name = component + "-" + name
	}
	return l.ConfigFile(name, content)
}

// ConfigFile is a generated file in ConfigDir. No secret belongs in it: every
// user of the machine may read it, as the console tools must.
func (l Layout) ConfigFile(name, content string) machine.File {
	return machine.File{Path: l.ConfigDir + "/" + name, Owner: "root", Group: "root", Mode: 0o644, Content: content}
}
