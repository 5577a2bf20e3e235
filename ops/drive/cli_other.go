//go:build unix && !linux

package drive

import (
	"os/exec"
	"syscall"
)

// apart gives the CLI a process group of its own, so that Ctrl-C reaches it
// once, through us: a second signal makes it drop what it is doing.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
