package main

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"reflect"

	"weir/ops/drive"
)

// The stacks of containers on this computer, whose config is written where it is
// missing: there is nothing in it that must be asked.
const (
	localStack        = "local"
	articleStack      = "article"
	builtinContainers = 3
)

// builtin is what such a stack is made from.
func builtin(name string) (d draft, ok bool) {
	switch name {
	case localStack:
		return draft{Containers: builtinContainers}, true
	case articleStack:
		return draft{Containers: builtinContainers, Article: true, Subnet: articleSubnet}, true
	}
	return draft{}, false
}

var (
	// localSubnet is the containers' network: the config's default.
	localSubnet = netip.MustParsePrefix("172.30.77.0/24")
	// articleSubnet lets the article's stack be there beside the local one.
	articleSubnet = netip.MustParsePrefix("172.30.76.0/24")
)

// ensureConfig writes the config of a built-in stack where there is none.
func (a *app) ensureConfig() error {
	d, ok := builtin(a.stack)
	if !ok {
		return nil
	}
	p, err := a.project()
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.StackFile(a.stack)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return a.writeStack(p, a.stack, d, false)
}

// isGenerated says whether a built-in stack's config is what would be written
// again, but for what Pulumi adds to it.
func isGenerated(p drive.Project, name string) bool {
	d, ok := builtin(name)
	text, err := os.ReadFile(p.StackFile(name))
	if err != nil || !ok {
		return false
	}
	generated, err := d.yaml(name)
	if err != nil {
		return false
	}
	is, err1 := parseConfig(p, name, text)
	was, err2 := parseConfig(p, name, generated)
	return err1 == nil && err2 == nil && reflect.DeepEqual(is, was)
}
