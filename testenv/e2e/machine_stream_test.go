package e2e

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	provision "weir/provision/machine"
	"weir/provision/release"
	"weir/provision/remote"
)

// faulty damages what a plan's steps read on their way to the machine.
type faulty struct {
	remote.Runner
	damage func(io.Reader) io.Reader
}

func (f faulty) Run(ctx context.Context, s remote.Script) (remote.Result, error) {
	if s.Step == "apply" {
		s.Stdin = f.damage(s.Stdin)
	}
	return f.Runner.Run(ctx, s)
}

// damages are what a network and a full disk do to a stream.
var damages = map[string]func(io.Reader) io.Reader{
	"with one bit changed": func(r io.Reader) io.Reader {
		content, _ := io.ReadAll(r)
		content[len(content)/2] ^= 1
		return strings.NewReader(string(content))
	},
	"without its end": func(r io.Reader) io.Reader {
		content, _ := io.ReadAll(r)
		return strings.NewReader(string(content[:len(content)-1]))
	},
}

func TestADamagedFileIsRefusedAndTheOldOneStays(t *testing.T) {
	p := connect(t)
	want := sleeper("damaged")
	p.owned(t, want)
	want.Files[1].Content = strings.Repeat("new\n", 1000)
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			err := provision.Apply(t.Context(), faulty{p, damage}, p.diff(t, want), provision.Switch, nil, nil)
			var step *provision.StepError
			if !errors.As(err, &step) || step.Step.Target != want.Files[1].Path || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("got %v, want a StepError at %s that says damaged", err, want.Files[1].Path)
			}
			if got := p.read(t, want.Files[1].Path); got != "1\n" {
				t.Errorf("the file holds %.20q, want what it held before", got)
			}
			if left := on(t, p.at, "ls -A /etc/weir/damaged"); left != "ignored\nwatched\n" {
				t.Errorf("in the directory there is\n%s", left)
			}
		})
	}
}

func TestAReleaseIsUnpackedVerifiedAndHealed(t *testing.T) {
	p := connect(t)
	want := provision.State{Cluster: plainCluster, Component: "software"}
	want.Releases = []provision.Release{p.pack(t, "#!/bin/sh\necho first\n")}
	p.owned(t, want)
	const run = "/opt/weir/software/current/bin/hello"
	if out := on(t, p.at, run); out != "first\n" {
		t.Fatalf("the program says %q", out)
	}

	on(t, p.at, "echo 'echo altered' >>"+run)
	if is := p.observe(t, want).Releases[want.Releases[0].Dir()]; !is.Altered {
		t.Errorf("a changed file in the release was not seen: %+v", is)
	}
	p.converge(t, want)
	if out := on(t, p.at, run); out != "first\n" {
		t.Errorf("after healing the program says %q", out)
	}
	const list = "; ls -A " + provision.ReleaseDir + " | grep hello"
	tree := strings.TrimPrefix(want.Releases[0].Dir(), provision.ReleaseDir+"/")
	alone := tree + "\n" + tree + ".tree\n"
	if out := on(t, p.at, ":"+list); out != alone {
		t.Errorf("healing left beside the release:\n%s", out)
	}

	next := want
	next.Releases = []provision.Release{p.pack(t, "#!/bin/sh\necho second\n")}
	for name, damage := range damages {
		if err := provision.Apply(t.Context(), faulty{p, damage}, p.diff(t, next), provision.Stage, p.packs, nil); err == nil {
			t.Errorf("a release %s was taken", name)
		}
		if out := on(t, p.at, run+list); out != "first\n"+alone {
			t.Errorf("a release %s: the program and the releases are\n%s", name, out)
		}
	}
	p.converge(t, next)
	if out := on(t, p.at, run); out != "second\n" {
		t.Errorf("after the switch the program says %q", out)
	}
	if plan := p.converge(t, want); does(plan, provision.Create, "release", "hello "+want.Releases[0].Version) {
		t.Errorf("going back unpacks again what is there:\n%s", steps(plan))
	}
}

// pack makes a release of one program, and has p.packs find it.
func (p *plain) pack(t *testing.T, program string) provision.Release {
	t.Helper()
	lock, err := release.FromFiles("hello", "", release.File{Place: "bin/hello", Path: newFile(t, "hello", program), Executable: true})
	if err != nil {
		t.Fatal(err)
	}
	store := &release.Store{Dir: t.TempDir()}
	packed, err := store.Pack(t.Context(), lock)
	if err != nil {
		t.Fatal(err)
	}
	others := p.packs
	p.packs = func(ctx context.Context, want provision.Release) (provision.Pack, error) {
		if want.Digest != packed.Digest {
			return others(ctx, want)
		}
		return provision.Pack{Size: packed.Size, Gzip: packed.Encoding == release.Gzip, Open: packed.Open}, nil
	}
	return provision.Release{Name: "hello", Version: lock.Version, Digest: packed.Digest, Root: "/opt/weir/software"}
}
