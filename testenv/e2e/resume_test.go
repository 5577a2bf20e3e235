package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	provision "weir/provision/machine"
	"weir/provision/release"
	"weir/provision/remote"
)

// metered counts what a plan's steps send, and may cut the connection.
type metered struct {
	*remote.Client
	sent  atomic.Int64
	cutAt int64 // 0 does not cut
}

func (m *metered) Run(ctx context.Context, s remote.Script) (remote.Result, error) {
	if s.Step == "apply" {
		s.Stdin = meter{m, s.Stdin}
	}
	return m.Client.Run(ctx, s)
}

type meter struct {
	*metered
	from io.Reader
}

func (m meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	if m.sent.Add(int64(n)) > m.cutAt && m.cutAt > 0 {
		_ = m.Close()
	}
	return n, err
}

func TestAStreamThatWasCutOffGoesOnWhereItStopped(t *testing.T) {
	p := connect(t)
	want := provision.State{Cluster: plainCluster, Component: "cut-off"}
	packed := largeRelease(t, 30) // far more than is under way when a connection is cut
	want.Releases = []provision.Release{{Name: "large", Version: "1", Digest: packed.Digest, Root: "/opt/weir/cut-off"}}
	p.packs = func(context.Context, provision.Release) (provision.Pack, error) {
		return provision.Pack{Size: packed.Size, Gzip: packed.Encoding == release.Gzip, Open: packed.Open}, nil
	}
	tree := want.Releases[0].Dir()
	list := "ls -A " + provision.ReleaseDir + " | grep large || true"

	// sent is what a run sends until it ends, or is cut.
	run := func(cutAt int64) (sent int64, err error) {
		m := &metered{Client: dial(t, p.at), cutAt: cutAt}
		err = provision.Apply(t.Context(), m, p.diff(t, want), provision.Stage, p.packs, nil)
		return m.sent.Load(), err
	}
	half := packed.Size / 2
	if _, err := run(half); !errors.Is(err, remote.ErrClosed) {
		t.Fatalf("got %v, want that the connection was cut", err)
	}
	on(t, p.at, "for i in $(seq 100); do pgrep -x tar >/dev/null || exit 0; sleep 0.05; done; exit 1")
	partial := filepath.Base(provision.ReleaseDir + "/.new-" + filepath.Base(tree))
	if got := on(t, p.at, list); got != partial+"\n" {
		t.Fatalf("a stream that was cut off left\n%s", got)
	}
	// What is there in part may be damaged meanwhile: it does not count then.
	on(t, p.at, "cd "+provision.ReleaseDir+"/"+partial+"; echo >>$(find . -type f | sort | head -n 1)")
	if sent, err := run(packed.Size * 9 / 10); err == nil || sent < half {
		t.Fatalf("with its first file damaged %d bytes were sent, %v; want all of them", sent, err)
	}
	on(t, p.at, "for i in $(seq 100); do pgrep -x tar >/dev/null || exit 0; sleep 0.05; done; exit 1")
	p.owned(t, want)
	on(t, p.at, "cd "+tree+" && sha256sum --check --strict --quiet SHA256SUMS && test $(find . -type d -perm 0755 | wc -l) -eq $(find . -type d | wc -l)")
	if got := on(t, p.at, list); got != filepath.Base(tree)+"\n"+filepath.Base(tree)+".tree\n" {
		t.Errorf("beside the complete release there is\n%s", got)
	}

	// The rest is less than what was there already.
	on(t, p.at, "rm -rf "+tree)
	if _, err := run(half); !errors.Is(err, remote.ErrClosed) {
		t.Fatalf("got %v, want that the connection was cut", err)
	}
	on(t, p.at, "for i in $(seq 100); do pgrep -x tar >/dev/null || exit 0; sleep 0.05; done; exit 1")
	sent, err := run(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("of %d bytes %d were sent before the cut and %d after it", packed.Size, half, sent)
	if most := packed.Size*3/4 + 1; sent > most {
		t.Errorf("after the cut %d bytes were sent, want at most %d of %d", sent, most, packed.Size)
	}
	if rest := p.diff(t, want); !rest.Empty() {
		t.Errorf("there is more to do:\n%s", steps(rest))
	}
}

// largeRelease packs files of 1 MB each that do not compress.
func largeRelease(t *testing.T, files int) release.Pack {
	t.Helper()
	noise := rand.NewChaCha8([32]byte{})
	var all []release.File
	for i := range files {
		content := make([]byte, 1_000_000)
		_, _ = noise.Read(content)
		path := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		all = append(all, release.File{Place: strings.Repeat("deep/", i%3) + fmt.Sprint(i), Path: path})
	}
	lock, err := release.FromFiles("large", "1", all...)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := (&release.Store{Dir: t.TempDir()}).Pack(t.Context(), lock)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}
