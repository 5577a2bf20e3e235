package machine

import (
	"errors"
	"path"

	"weir/provision/remote"
)

// why is how the step failed, without the machine's name, and what to do next
// where its command ended by itself: a lost connection is no fault of the step.
func (e *StepError) why() string {
	if e.Full != nil {
		return e.Full.String()
	}
	command, ok := errors.AsType[*remote.CommandError](e.Err)
	if !ok {
		return e.Err.Error()
	}
	s := command.Why()
	if hint := e.Step.hint(); command.ExitCode >= 0 && hint != "" {
		s += "; " + hint
	}
	return s
}

// hint is what a person should look at on the machine after the step failed;
// empty where there is nothing to add.
func (s Step) hint() string {
	target := remote.Quote(s.Target)
	switch s.Kind {
	case "service":
		if s.Action == Start || s.Action == Restart {
			return "look there: journalctl -u " + target + " -n 50 --no-pager"
		}
		return "look there: systemctl status " + target
	case "package":
		return "install it there by hand, or give the machine a package source that has it"
	case "file", "manifest", "directory", "link", "stranger":
		return "is the disk full, or mounted read-only? Look there: df -h " + remote.Quote(path.Dir(s.Target))
	case "release":
		return "is the disk full? Look there: df -h " + ReleaseDir
	case "sysctl":
		return "look there: sysctl " + target
	case "user":
		return "look there: getent passwd " + target
	}
	return ""
}
