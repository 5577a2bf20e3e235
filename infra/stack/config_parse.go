package stack

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"weir/provision/host"
	"weir/provision/layout"
	"weir/provision/preflight"
	"weir/provision/problem"
)

// Source is what a Config is made from.
type Source struct {
	// Stack is the stack's name; the cluster is called so unless it says else.
	Stack string
	// Cluster is the value of weir:cluster, in YAML or JSON.
	Cluster []byte
	Secrets Secrets
	// Root is the project's directory, from which relative paths are taken.
	Root string
	// Home is the directory that ~ stands for; "" leaves ~ a problem.
	Home string
	// Exists says whether a file can be read; nil takes every file to be there.
	Exists func(path string) bool
}

// Parse reads and checks a cluster's config. Its error is a *problem.Error
// that lists everything that is wrong: what cannot be read first, then what
// cannot be meant.
func Parse(src Source) (Config, error) {
	c, problems := parse(src)
	return c, problems.Err()
}

func parse(src Source) (Config, problem.List) {
	var problems problem.List
	if len(strings.TrimSpace(string(src.Cluster))) == 0 {
		problems.Add("weir:cluster", "is missing; write it, or have `ops init` write it")
		return Config{}, problems
	}
	var node yaml.Node
	if err := yaml.Unmarshal(src.Cluster, &node); err != nil {
		problems.Add("weir:cluster", "cannot be read: %v", err)
		return Config{}, problems
	}
	return parseNode(src, &node)
}

// parseNode is parse for a value that was read already.
func parseNode(src Source, node *yaml.Node) (Config, problem.List) {
	if node.Kind == yaml.DocumentNode {
		node = node.Content[0]
	}
	c := Config{Secrets: src.Secrets}
	var d decoder
	d.value("", node, reflect.ValueOf(&c).Elem())
	check := checker{src: src, config: &c, problems: d.problems, broken: map[string]bool{}}
	for _, p := range d.problems {
		check.broken[p.Path] = true
	}
	check.all()
	return c, check.problems
}

// checker fills in defaults and notes what cannot be.
type checker struct {
	src      Source
	config   *Config
	problems problem.List
	// broken are the paths that did not decode.
	broken map[string]bool
}

func (c *checker) all() {
	c.name()
	c.machines()
	c.ssh()
	c.containers()
	c.os()
	c.zookeeper()
	c.kafka()
	c.topics()
	c.jobs()
}

// add notes a problem, unless the value or what it is in was found unreadable
// before: it would only show up again as missing.
func (c *checker) add(path, format string, args ...any) {
	for at := path; at != ""; at = at[:max(0, strings.LastIndexAny(at, ".["))] {
		if c.broken[at] {
			return
		}
	}
	c.problems.Add(path, format, args...)
}

func (c *checker) name() {
	cfg := c.config
	switch {
	case cfg.Name == "" && isLabel(c.src.Stack):
		cfg.Name = c.src.Stack
	case cfg.Name == "":
		c.add("name", "is missing, and the stack's name %q cannot stand in: write %s", c.src.Stack, labelRule)
	case cfg.Name == "state" || cfg.Name == "pulumi":
		c.add("name", "is %q, where weir keeps what belongs to all stacks; write another", cfg.Name)
	case !isLabel(cfg.Name):
		c.add("name", "is %q; write %s", cfg.Name, labelRule)
	}
}

const labelRule = "up to 63 lower-case letters, digits and inner hyphens"

var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func isLabel(s string) bool { return label.MatchString(s) }

// port sets a default and checks the range.
func (c *checker) port(path string, port *int, byDefault int) {
	if *port == 0 && !c.broken[path] {
		*port = byDefault
	}
	if *port < 0 || *port > 65535 {
		c.add(path, "is %d; write a port, 1 to 65535", *port)
	}
}

// remotePath checks a directory on a machine.
func (c *checker) remotePath(path, dir string) {
	if dir != "" && !c.broken[path] {
		layout.CheckPath(path, dir, &c.problems)
	}
}

func (c *checker) userName(path, user string) {
	if user != "" && !c.broken[path] {
		layout.CheckUser(path, user, &c.problems)
	}
}

// localFile makes a path on this computer absolute and asks for the file.
func (c *checker) localFile(path string, file *string) {
	if *file == "" {
		return
	}
	if rest, ok := strings.CutPrefix(*file, "~/"); ok {
		if c.src.Home == "" {
			c.add(path, "is %q, and there is no home directory to find it in; write an absolute path", *file)
			return
		}
		*file = filepath.Join(c.src.Home, rest)
	} else if !filepath.IsAbs(*file) && c.src.Root != "" {
		*file = filepath.Join(c.src.Root, *file)
	}
	if c.src.Exists != nil && !c.src.Exists(*file) {
		c.add(path, "names %s, which cannot be read; write the path of a file of yours", *file)
	}
}

// UnmarshalText takes a value as it is written: package host knows what may be.
func (t *Tunable) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return errors.New("is empty; write a value, or keep, or leave the key out")
	}
	*t = Tunable(text)
	return nil
}

func (c *checker) os() {
	c.config.OS.host().Validate("os", &c.problems)
	optional := preflight.Optional()
	for i, name := range c.config.OS.SkipChecks {
		if !slices.Contains(optional, name) {
			c.add(fmt.Sprintf("os.skipChecks[%d]", i), "is %q, which is no check that can be skipped; write %s", name, strings.Join(optional, ", "))
		}
	}
}

func (o OS) host() host.OS {
	return host.OS{
		OpenFiles: string(o.OpenFiles), MaxMapCount: string(o.MaxMapCount),
		Swappiness: string(o.Swappiness), TransparentHugePages: string(o.TransparentHugePages),
	}
}

// UnmarshalText reads Go's form of a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf(`is %q; write a length of time with its unit, "5s" or "250ms"`, text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes the form that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads a number of bytes, with k, m or g for powers of 1024.
func (b *Bytes) UnmarshalText(text []byte) error {
	digits, shift := strings.ToLower(string(text)), 0
	for i, unit := range []string{"k", "m", "g"} {
		if rest, ok := strings.CutSuffix(digits, unit); ok {
			digits, shift = rest, 10*(i+1)
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 63-shift)
	if err != nil || n < 0 {
		return fmt.Errorf(`is %q; write a number of bytes, or "512m", "2g"`, text)
	}
	*b = Bytes(n << shift)
	return nil
}
