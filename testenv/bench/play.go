package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// The playbooks, and the strategies that carry them out.
const (
	installPlaybook = "site.yml"
	rollPlaybook    = "roll.yml"
	linear          = "linear"
	mitogen         = "mitogen_linear"
)

// playPatience bounds one playbook; an installation takes a minute on two idle
// cores, and four on busy ones.
const playPatience = 8 * time.Minute

// play runs a playbook and returns how many of its tasks changed something, and
// how long the whole command took.
func (r rival) play(ctx context.Context, playbook, strategy string) (changed int, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, playPatience)
	defer cancel()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(r.bin, "ansible-playbook"), playbook)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.dir, &said, &said
	if cmd.Env, err = r.environ(strategy); err != nil {
		return 0, 0, err
	}
	cmd.WaitDelay = killPatience // the connections that it keeps have its output too
	start := time.Now()
	err = cmd.Run()
	took = time.Since(start)
	if err == nil {
		changed, err = recap(said.String())
	}
	if err != nil {
		return 0, took, fmt.Errorf("ansible-playbook %s (%s): %w\n%s", playbook, strategy, err, said.String())
	}
	return changed, took, nil
}

// environ is what Ansible needs besides its ansible.cfg, which knows no paths.
func (r rival) environ(strategy string) ([]string, error) {
	env := append(os.Environ(), "ANSIBLE_CONFIG="+filepath.Join(r.dir, "ansible.cfg"), "ANSIBLE_NOCOLOR=1",
		"ANSIBLE_LOCAL_TEMP="+filepath.Join(r.dir, "tmp"), "ANSIBLE_STRATEGY="+strategy,
		"PATH="+r.bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if strategy == linear {
		return env, nil
	}
	const pattern = "lib/python3*/site-packages/ansible_mitogen/plugins/strategy"
	plugins, err := filepath.Glob(filepath.Join(filepath.Dir(r.bin), pattern))
	if err != nil || len(plugins) != 1 {
		return nil, fmt.Errorf("want one %s in %s, found %d: remove the directory, it is made anew", pattern, filepath.Dir(r.bin), len(plugins))
	}
	return append(env, "ANSIBLE_STRATEGY_PLUGINS="+plugins[0]), nil
}

// recapLine is a machine's in what Ansible says in the end.
var recapLine = regexp.MustCompile(`(?m)^\S+\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)`)

// recap adds up the changes of all machines. Tasks that failed are an error.
func recap(said string) (changed int, err error) {
	lines := recapLine.FindAllStringSubmatch(said, -1)
	if len(lines) == 0 {
		return 0, fmt.Errorf("it ended without a recap")
	}
	for _, line := range lines {
		n, err := strconv.Atoi(line[1])
		if err != nil {
			return 0, err
		}
		if line[2] != "0" || line[3] != "0" {
			return 0, fmt.Errorf("tasks failed: %s", line[0])
		}
		changed += n
	}
	return changed, nil
}
