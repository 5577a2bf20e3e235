package release_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/provision/release"
)

func sha(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func newStore(t *testing.T) *release.Store {
	t.Helper()
	return &release.Store{Dir: filepath.Join(t.TempDir(), "cache")}
}

// serve answers each path with its content and counts the requests.
func serve(t *testing.T, content map[string][]byte) (url string, requests *int) {
	t.Helper()
	requests = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests++
		data, ok := content[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

func webLock(url string, data []byte) release.Lock {
	return release.Lock{Name: "n", Version: "1", Items: []release.Item{{Place: "libs/a", URL: url, SHA256: sha(data)}}}
}

func TestFetchVerifiesWhateverItIsSent(t *testing.T) {
	data := []byte("the right bytes")
	tests := []struct {
		name string
		sent []byte
		size int64
		want string
	}{
		{"the locked bytes are kept", data, 0, ""},
		{"other bytes are refused", []byte("the wrong bytes"), 0, "expected checksum " + sha(data) + ", got " + sha([]byte("the wrong bytes"))},
		{"a cut-off answer is refused", data[:5], 0, "got " + sha(data[:5])},
		{"more than the locked size is not read", append(data, '!'), int64(len(data)), "larger than 15 bytes"},
		{"a missing file is told with the server's words", nil, 0, "404 Not Found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			content := map[string][]byte{}
			if tt.sent != nil {
				content["/a"] = tt.sent
			}
			url, _ := serve(t, content)
			s, l := newStore(t), webLock(url+"/a", data)
			l.Items[0].Size = tt.size
			err := s.Fetch(t.Context(), l)
			kept := files(t, filepath.Join(s.Dir, "blobs"))
			if tt.want == "" {
				if err != nil || !slices.Equal(kept, []string{sha(data)}) {
					t.Errorf("got error %v and blobs %v, want the one blob", err, kept)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "libs/a") {
				t.Errorf("got error %v, want one that names libs/a and holds %q", err, tt.want)
			}
			if len(kept) != 0 || len(files(t, filepath.Join(s.Dir, "tmp"))) != 0 {
				t.Errorf("kept %v of what was refused", kept)
			}
		})
	}
}

func TestNothingIsFetchedTwice(t *testing.T) {
	data := []byte("data")
	url, requests := serve(t, map[string][]byte{"/a": data})
	s, l := newStore(t), webLock(url+"/a", data)
	for range 3 {
		if _, err := s.Pack(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	if *requests != 1 {
		t.Errorf("the server was asked %d times, want once", *requests)
	}
}

func TestManyAtOnceFetchOnce(t *testing.T) {
	data := []byte("data")
	url, requests := serve(t, map[string][]byte{"/a": data})
	dir := filepath.Join(t.TempDir(), "cache")
	var wait sync.WaitGroup
	for range 8 {
		// A store each, as separate processes would have.
		s := &release.Store{Dir: dir}
		wait.Go(func() {
			if _, err := s.Pack(t.Context(), webLock(url+"/a", data)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if *requests != 1 {
		t.Errorf("the server was asked %d times, want once", *requests)
	}
}

func TestWaitingForTheStoreEndsWithTheContext(t *testing.T) {
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	inside := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done() // holds the store's lock until the first is cancelled
	}))
	t.Cleanup(server.Close)
	done := make(chan error)
	go func() { done <- s.Fetch(ctx, webLock(server.URL, []byte("x"))) }()
	<-inside
	short, stop := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer stop()
	err := (&release.Store{Dir: s.Dir}).Fetch(short, webLock(server.URL, []byte("y")))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("the second got %v, want a deadline that names the other process", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the first got %v, want context.Canceled", err)
	}
}

func TestAnExportedDirectoryReplacesTheNetwork(t *testing.T) {
	data := []byte("data")
	url, requests := serve(t, map[string][]byte{"/a": data})
	l := webLock(url+"/a", data).With(release.Item{Place: "b", Text: "text"})
	carried := filepath.Join(t.TempDir(), "carried")
	if err := newStore(t).Export(t.Context(), l, carried); err != nil {
		t.Fatal(err)
	}
	if got := files(t, carried); !slices.Equal(got, []string{sha(data)}) {
		t.Errorf("exported %v, want the one blob", got)
	}
	offline := newStore(t)
	offline.Sources = []string{t.TempDir(), carried}
	if _, err := offline.Pack(t.Context(), l); err != nil {
		t.Error(err)
	}
	if *requests != 1 {
		t.Errorf("the server was asked %d times, want only for the export", *requests)
	}

	damage(t, filepath.Join(carried, sha(data)))
	damaged := newStore(t)
	damaged.Sources = []string{carried}
	err := damaged.Fetch(t.Context(), l)
	if mismatch, ok := errors.AsType[*release.MismatchError](err); !ok || mismatch.From != filepath.Join(carried, sha(data)) {
		t.Errorf("a damaged source: got %v, want a MismatchError that names the file", err)
	}
}

func TestPackIsTheSameEverywhere(t *testing.T) {
	l := release.Lock{Name: "n", Version: "1", Items: []release.Item{
		{Place: "libs/deep/er/b.jar", Text: "b"},
		{Place: "bin/a.sh", Text: "a", Executable: true},
		{Place: "README", Text: "r"},
	}}
	var packs [][]byte
	for range 2 {
		pack, err := newStore(t).Pack(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		packs = append(packs, read(t, pack))
		slices.Reverse(l.Items)
	}
	if !bytes.Equal(packs[0], packs[1]) {
		t.Error("two packs of one lock differ")
	}
}

func TestAPackCanBeVerifiedOnAMachine(t *testing.T) {
	l := release.Lock{Name: "n", Version: "1", Items: []release.Item{
		{Place: "libs/b.jar", Text: strings.Repeat("compressible ", 10_000)},
		{Place: "bin/a.sh", Text: "a", Executable: true},
	}}
	pack, err := newStore(t).Pack(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if pack.Encoding != release.Gzip {
		t.Errorf("a compressible tree is packed as %s, want %s", pack.Encoding, release.Gzip)
	}
	dir := unpack(t, pack)
	sums, err := os.ReadFile(filepath.Join(dir, release.SumsFile))
	if err != nil {
		t.Fatal(err)
	}
	if sha(sums) != pack.Digest || pack.Digest != digest(t, l) {
		t.Errorf("SHA256SUMS has %s, the pack says %s, the lock %s", sha(sums), pack.Digest, digest(t, l))
	}
	check := exec.Command("sha256sum", "--check", "--strict", "--quiet", release.SumsFile)
	check.Dir = dir
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("sha256sum --check: %v\n%s", err, out)
	}
	for place, want := range map[string]os.FileMode{"bin/a.sh": 0o755, "libs/b.jar": 0o644, "libs": 0o755 | os.ModeDir} {
		if info, err := os.Stat(filepath.Join(dir, place)); err != nil || info.Mode() != want {
			t.Errorf("%s: got %v, %v, want mode %v", place, info.Mode(), err, want)
		}
	}
}

func TestDamageInTheStoreIsHealed(t *testing.T) {
	data := bytes.Repeat([]byte("data "), 1000)
	url, requests := serve(t, map[string][]byte{"/a": data})
	l := webLock(url+"/a", data)
	s := newStore(t)
	first, err := s.Pack(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, first)
	damage(t, first.Path)
	damage(t, filepath.Join(s.Dir, "blobs", sha(data)))
	// A new store, as the next run has: the old one has verified its pack.
	second, err := (&release.Store{Dir: s.Dir}).Pack(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, second); !bytes.Equal(got, want) {
		t.Error("the pack is not what it was before the damage")
	}
	if *requests != 2 {
		t.Errorf("the server was asked %d times, want twice", *requests)
	}
}

func TestALocalFileMustStayAsItWasLocked(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("one"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := release.FromFiles("job", "", release.File{Place: "bin/job", Path: program, Executable: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Version) != 12 {
		t.Errorf("version made from content is %q, want 12 hex digits", l.Version)
	}
	s := newStore(t)
	if _, err := s.Pack(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte("two"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := newStore(t).Pack(t.Context(), l); !isMismatch(err) {
		t.Errorf("a changed program: got %v, want a MismatchError", err)
	}
	changed, err := release.FromFiles("job", "", release.File{Place: "bin/job", Path: program, Executable: true})
	if err != nil {
		t.Fatal(err)
	}
	if changed.Version == l.Version {
		t.Error("another content has the same version")
	}
}

func TestFromFilesRefusesWhatIsNoFile(t *testing.T) {
	if _, err := release.FromFiles("job", "1", release.File{Place: "bin", Path: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "expected a regular file") {
		t.Errorf("a directory: got %v", err)
	}
	if _, err := release.FromFiles("job", "1", release.File{Place: "bin", Path: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v, want os.ErrNotExist", err)
	}
}

type entry struct {
	name, content string
	kind          byte
	mode          int64
}

func tgz(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	w := tar.NewWriter(compressed)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: e.mode, Size: int64(len(e.content))}
		if e.kind == tar.TypeSymlink {
			h.Linkname, h.Size = e.content, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, e.content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), compressed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnArchiveBecomesPartOfTheTree(t *testing.T) {
	data := tgz(t,
		entry{"k-1/", "", tar.TypeDir, 0o755},
		entry{"k-1/bin/run.sh", "theirs", tar.TypeReg, 0o755},
		entry{"k-1/libs/a.jar", "jar", tar.TypeReg, 0o644},
		entry{"outside", "left out by strip", tar.TypeReg, 0o644},
	)
	url, requests := serve(t, map[string][]byte{"/k.tgz": data})
	sum := sha512.Sum512(data)
	l, err := release.FromArchive("k", "1", url+"/k.tgz", strings.ToUpper(hex.EncodeToString(sum[:])), 1)
	if err != nil {
		t.Fatal(err)
	}
	l = l.With(release.Item{Place: "bin/run.sh", Text: "ours", Executable: true})
	if _, err := l.Digest(); !errors.Is(err, release.ErrPacked) {
		t.Errorf("the digest before the fetch: got %v, want ErrPacked", err)
	}
	s := newStore(t)
	resolved, err := s.Resolve(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	pack, err := s.Pack(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := s.Digest(t.Context(), l)
	if err != nil || pack.Digest != digest(t, resolved) || pack.Digest != asked {
		t.Errorf("the pack has digest %s, the resolved lock %s, and the store says %s, %v", pack.Digest, digest(t, resolved), asked, err)
	}
	dir := unpack(t, pack)
	for place, want := range map[string]string{"bin/run.sh": "ours", "libs/a.jar": "jar"} {
		if got, err := os.ReadFile(filepath.Join(dir, place)); string(got) != want || err != nil {
			t.Errorf("%s holds %q, %v; want %q", place, got, err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "outside")); err == nil {
		t.Error("a file above the stripped directory is in the tree")
	}
	if *requests != 1 {
		t.Errorf("the server was asked %d times, want once", *requests)
	}
}

func TestAnArchiveIsDistrusted(t *testing.T) {
	file := func(name string) entry { return entry{name, "x", tar.TypeReg, 0o644} }
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"a path that leads out", tgz(t, file("k/../../etc/passwd")), "not a clean path"},
		{"an absolute path", tgz(t, file("/etc/passwd")), "not a clean path"},
		{"a symbolic link", tgz(t, entry{"k/a", "/etc/passwd", tar.TypeSymlink, 0o777}), "no regular file"},
		{"a device", tgz(t, entry{"k/a", "", tar.TypeChar, 0o666}), "no regular file"},
		{"a path given twice", tgz(t, file("k/a"), file("k/a")), "holds a twice"},
		{"a file where the checksums go", tgz(t, file("k/SHA256SUMS")), "own checksums"},
		{"nothing below the stripped directory", tgz(t, file("a")), "holds no files"},
		{"a zip file", []byte("PK\x03\x04 and so on"), "is a zip file"},
		{"no archive at all", bytes.Repeat([]byte("text"), 1000), "invalid tar header"},
		{"an archive that is cut off", tgz(t, file("k/a"))[:60], "unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "k.tgz")
			if err := os.WriteFile(path, tt.data, 0o644); err != nil {
				t.Fatal(err)
			}
			l, err := release.FromArchive("k", "1", path, "", 1)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := newStore(t).Pack(t.Context(), l); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one that holds %q", err, tt.want)
			}
		})
	}
}

func isMismatch(err error) bool {
	_, ok := errors.AsType[*release.MismatchError](err)
	return ok
}

func damage(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := errors.Join(os.Remove(path), os.WriteFile(path, data, 0o644)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, p release.Pack) []byte {
	t.Helper()
	f, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if int64(len(data)) != p.Size {
		t.Errorf("the pack has %d bytes and says %d", len(data), p.Size)
	}
	return data
}

// unpack unpacks as a machine does, with its tar.
func unpack(t *testing.T, p release.Pack) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("tar", "-xf", p.Path, "-C", dir, "--no-same-owner").CombinedOutput()
	if err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	return dir
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
