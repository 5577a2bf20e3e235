package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"weir/infra/stack"
	"weir/ops/drive"
)

// opened is a stack with its config, checked as a whole.
type opened struct {
	*drive.Stack
	config stack.Config
}

// open reads and checks the stack's config, before anything is touched.
func (a *app) open() (*opened, error) {
	p, err := a.project()
	if err != nil {
		return nil, err
	}
	config, err := a.readConfig(p)
	if err != nil {
		return nil, err
	}
	if err := a.unlock(config.Inventory(p.Root).Machines); err != nil {
		return nil, err
	}
	s, err := a.drive(p)
	if err != nil {
		return nil, err
	}
	return &opened{s, config}, nil
}

func (a *app) drive(p drive.Project) (*drive.Stack, error) {
	return drive.New(p, a.stack, stack.ProgramIn(p.Root), a.console.Note)
}

func (a *app) readConfig(p drive.Project) (stack.Config, error) {
	file := p.StackFile(a.stack)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return stack.Config{}, usageError{fmt.Errorf("stack %s has no config %s; write one: bin/ops init %s", a.stack, file, a.stack)}
	}
	if err != nil {
		return stack.Config{}, err
	}
	config, err := parseConfig(p, a.stack, text)
	if err != nil {
		return config, usageError{fmt.Errorf("%s: %w", file, err)}
	}
	return config, nil
}

func parseConfig(p drive.Project, name string, text []byte) (stack.Config, error) {
	home, _ := os.UserHomeDir() // without one, a path with ~ is a problem of its own
	return stack.ParseFile(stack.Source{Stack: name, Root: p.Root, Home: home, Exists: readable}, text)
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return err == nil
}

// warn says what is hardly meant in the config.
func (a *app) warn(config stack.Config) {
	for _, w := range config.Warnings() {
		a.console.Warn(w.String())
	}
}
