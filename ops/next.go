package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"weir/infra/stack"
	"weir/provision/inventory"
	"weir/provision/remote"
)

// whereNext tells where to look once the cluster is up.
func (a *app) whereNext(name string, c inventory.Cluster) {
	out := a.console.Out
	option := ""
	if name != localStack || defaultStack() != localStack {
		option = " --stack " + name
	}
	fmt.Fprintln(out)
	if brokers := c.Bootstrap(); len(brokers) > 0 {
		fmt.Fprintf(out, "bootstrap servers   %s (plaintext: whoever reaches a port may read and write)\n", strings.Join(brokers, ","))
	}
	for _, j := range c.Jobs {
		if m, err := c.Machine(j.Machine); err == nil && j.Kind == stack.Popularity {
			fmt.Fprintf(out, "popular pages       %s\n", sshCommand(m.Host, "journalctl -fu "+j.Unit))
		}
	}
	fmt.Fprintf(out, "how it is           bin/ops status%s\n", option)
	fmt.Fprintf(out, "check it again      bin/ops verify%s\n", option)
	if _, ok := builtin(name); ok {
		fmt.Fprintf(out, "remove it           make down%s\n", strings.ReplaceAll(option, " --stack ", " STACK="))
		return
	}
	fmt.Fprintf(out, "remove it           bin/ops down%s\n", option)
}

// sshCommand is what a person types to run a command on a machine.
func sshCommand(h remote.Host, command string) string {
	words := []string{"ssh"}
	if h.PrivateKeyFile != "" {
		words = append(words, "-i", relative(h.PrivateKeyFile))
	}
	if h.KnownHosts != "" {
		words = append(words, "-o", "UserKnownHostsFile="+relative(h.KnownHosts))
	}
	if h.Port != 0 && h.Port != 22 {
		words = append(words, "-p", strconv.Itoa(h.Port))
	}
	if jumps := h.JumpOption(); jumps != "" {
		words = append(words, "-J", jumps)
	}
	if h.User != "" && h.User != "root" {
		command = "sudo " + command
	}
	return remote.QuoteAll(append(words, h.User+"@"+h.Address)...) + " " + remote.Quote(command)
}

// relative is a path as seen from the current directory, where that is shorter.
func relative(path string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}
