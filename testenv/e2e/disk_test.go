package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"

	provision "weir/provision/machine"
	"weir/provision/release"
)

// A disk may fill at any time. What was being written says so, and nothing else
// was begun; once there is room, the next run does the rest.
func TestADiskThatFillsUpIsNamedAndNothingIsHalfSwitched(t *testing.T) {
	p := connect(t)
	for _, c := range []struct {
		name, dir string // the disk
		change    func(*provision.State)
		phase     provision.Phase // in which it fills
		step      string
	}{
		{"while a release is staged", provision.ReleaseDir, func(s *provision.State) {
			large := largeRelease(t, 10)
			s.Releases = []provision.Release{{Name: "large", Version: "1", Digest: large.Digest, Root: "/opt/weir/filled"}}
			s.Services[0].Watches = append(s.Services[0].Watches, s.Releases[0].Link())
			p.packs = func(context.Context, provision.Release) (provision.Pack, error) {
				return provision.Pack{Size: large.Size, Gzip: large.Encoding == release.Gzip, Open: large.Open}, nil
			}
		}, provision.Stage, "create release large 1"},
		{"while a config is written", "/etc/weir/filled", func(s *provision.State) {
			s.Files[0].Content = strings.Repeat("2\n", 1<<20)
		}, provision.Switch, "change file /etc/weir/filled/watched"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := sleeper("filled")
			undo(t, p.at, "umount "+c.dir+" 2>/dev/null || true")
			on(t, p.at, "mkdir -p "+c.dir+"; mount -t tmpfs -o size=1m,mode=0755 small "+c.dir)
			p.owned(t, want)
			pid := p.pid(t, "weir-filled.service")
			next := want
			next.Services = append([]provision.Service(nil), want.Services...)
			next.Files = append([]provision.File(nil), want.Files...)
			c.change(&next)
			plan := p.diff(t, next)
			before := endState(t, p.at)

			err := p.apply(t.Context(), plan)
			var failed *provision.StepError
			if !errors.As(err, &failed) || failed.Full == nil || failed.Full.Mount != c.dir || failed.Step.Phase != c.phase {
				t.Fatalf("got %v (%+v), want a StepError for the full disk at %s", err, failed, c.dir)
			}
			wantAll(t, err.Error(), "machine bare-4", c.step, "the disk is full: "+c.dir+" has ", "KiB free", "free some there, then run again")
			t.Log(err)
			if free := strings.TrimSpace(on(t, p.at, "stat -f -c %a "+c.dir)); free == "0" {
				t.Error("what did not fit was left, and keeps the disk full")
			}
			// What is claimed and marked comes before what failed.
			left := difference(before, endState(t, p.at))
			for line := range strings.Lines(left) {
				if !strings.Contains(line, "/var/lib/weir/manifest/filled.json") && !strings.Contains(line, "/run/weir/restart/weir-filled.service") {
					t.Errorf("the run that stopped left or took away\n%s", line)
				}
			}
			if now := p.pid(t, "weir-filled.service"); now != pid {
				t.Errorf("the service is process %s, was %s", now, pid)
			}

			on(t, p.at, "mount -o remount,size=64m "+c.dir)
			p.converge(t, next)
			if now := p.pid(t, "weir-filled.service"); now == pid {
				t.Error("the service was not restarted once there was room")
			}
			p.converge(t, want) // so that it is taken off as it was put on
		})
	}
}
