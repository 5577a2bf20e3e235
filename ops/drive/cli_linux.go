package drive

import (
	"os/exec"
	"syscall"
)

// apart gives the CLI a process group of its own, so that Ctrl-C reaches it
// once, through us: a second signal makes it drop what it is doing. Where we
// are killed, it is asked to stop too, instead of running on unseen.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
}
