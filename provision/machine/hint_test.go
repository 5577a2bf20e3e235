package machine

import (
	"errors"
	"testing"

	"weir/provision/remote"
)

func TestAFailedStepSaysWhereWhatWhyAndWhatNext(t *testing.T) {
	command := &remote.CommandError{Machine: "m1", Step: "apply", ExitCode: 1, Stderr: "no such file\nx.service: Failed with result 'exit-code'.\n"}
	lost := &remote.CommandError{Machine: "m1", Step: "apply", ExitCode: -1, Err: &remote.LostError{Err: errors.New("the machine was silent for 30s")}}
	for _, c := range []struct {
		name string
		err  *StepError
		want string
	}{
		{"a service that does not start", &StepError{Machine: "m1", Step: Step{Action: Start, Kind: "service", Target: "x.service", Detail: "is failed"}, Done: make([]Step, 3), Err: command},
			"machine m1: could not start service x.service (is failed): exit code 1: no such file; look there: journalctl -u x.service -n 50 --no-pager; 3 steps before it are done, the next run goes on from here"},
		{"a service that cannot be enabled", &StepError{Machine: "m1", Step: Step{Action: Enable, Kind: "service", Target: "x.service"}, Err: command},
			"machine m1: could not enable service x.service: exit code 1: no such file; look there: systemctl status x.service"},
		{"a file with a name to quote", &StepError{Machine: "m1", Step: Step{Action: Change, Kind: "file", Target: "/etc/a b/c"}, Err: command},
			"machine m1: could not change file /etc/a b/c: exit code 1: no such file; is the disk full, or mounted read-only? Look there: df -h '/etc/a b'"},
		{"a connection that was lost", &StepError{Machine: "m1", Step: Step{Action: Create, Kind: "file", Target: "/etc/x"}, Err: lost},
			"machine m1: could not create file /etc/x: connection lost: the machine was silent for 30s"},
		{"a package", &StepError{Machine: "m1", Step: Step{Action: Create, Kind: "package", Target: "jre"}, Err: command},
			"machine m1: could not create package jre: exit code 1: no such file; install it there by hand, or give the machine a package source that has it"},
		{"a disk that is full", &StepError{Machine: "m1", Step: Step{Action: Create, Kind: "release", Target: "kafka 1"}, Err: command, Full: parseFull("4096 bytes /a b")},
			"machine m1: could not create release kafka 1: the disk is full: /a b has 4 KiB free; free some there, then run again"},
		{"a disk with room, and too many files", &StepError{Machine: "m1", Step: Step{Action: Create, Kind: "file", Target: "/a/b"}, Err: command, Full: parseFull("0 inodes /a")},
			"machine m1: could not create file /a/b: the file system at /a has no inodes left: remove files there, then run again"},
		{"a machine that says nonsense of its disk", &StepError{Machine: "m1", Step: Step{Action: Create, Kind: "user", Target: "x"}, Err: command, Full: parseFull("-1 wishes /a")},
			"machine m1: could not create user x: exit code 1: no such file; look there: getent passwd x"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}
