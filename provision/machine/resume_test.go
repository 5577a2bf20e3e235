package machine

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// packed is a tar file as a release is packed: directories before their files.
func packed(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range files {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content(name)))}
		if strings.HasSuffix(name, "/") {
			header = &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
		}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, content(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// content is a file's; names that end in 0 name an empty one.
func content(name string) string {
	if strings.HasSuffix(name, "0") {
		return ""
	}
	return strings.Repeat(name, 100)
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestAStreamGoesOnWithTheFirstFileThatIsNotThere(t *testing.T) {
	long := "libs/" + strings.Repeat("long", 40) // has a header of its own for its name
	pack := packed(t, "A", "empty0", "libs/", "libs/a", "libs/b", long, "z")
	for name, test := range map[string]struct {
		has  []string
		want []string // what the rest of the pack holds
	}{
		"nothing is there":                   {nil, []string{"A", "empty0", "libs/", "libs/a", "libs/b", long, "z"}},
		"the first file is there":            {[]string{"A"}, []string{"empty0", "libs/", "libs/a", "libs/b", long, "z"}},
		"an empty file is there":             {[]string{"A", "empty0"}, []string{"libs/a", "libs/b", long, "z"}},
		"a file in the middle is missing":    {[]string{"A", "empty0", "libs/a", long, "z"}, []string{"libs/b", long, "z"}},
		"all is there but the last":          {[]string{"A", "empty0", "libs/a", "libs/b", long}, []string{"z"}},
		"all is there but the end of stream": {[]string{"A", "empty0", "libs/a", "libs/b", long, "z"}, nil},
		"only a later file is there":         {[]string{"z"}, []string{"A", "empty0", "libs/", "libs/a", "libs/b", long, "z"}},
	} {
		t.Run(name, func(t *testing.T) {
			have := map[string]string{}
			for _, f := range test.has {
				have[f] = digestOf(content(f))
			}
			if len(test.has) > 1 {
				have["of another release"] = digestOf("x")
			}
			offset, err := leftOff(bytes.NewReader(pack), have)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for rest := tar.NewReader(bytes.NewReader(pack[offset:])); ; {
				h, err := rest.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("the rest from %d on cannot be read: %v", offset, err)
				}
				got = append(got, h.Name)
			}
			if strings.Join(got, " ") != strings.Join(test.want, " ") {
				t.Errorf("has %q: the rest holds %q, want %q", test.has, got, test.want)
			}
		})
	}
	t.Run("a file is there with other content", func(t *testing.T) {
		offset, err := leftOff(bytes.NewReader(pack), map[string]string{"A": digestOf("cut off")})
		if offset != 0 || err != nil {
			t.Errorf("got %d, %v, want the beginning", offset, err)
		}
	})
	t.Run("the pack is damaged", func(t *testing.T) {
		if _, err := leftOff(bytes.NewReader(pack[:600]), map[string]string{"A": digestOf(content("A"))}); err == nil {
			t.Error("want an error: a pack that cannot be read must not be sent")
		}
	})
}

// TestWhatArrivedIsListedByARealShell has the script list a tree with names
// that are hard to pass on, with openssl where it is installed and without.
func TestWhatArrivedIsListedByARealShell(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's a release")
	want := map[string]string{}
	for _, name := range []string{"SHA256SUMS", "bin/run", "libs/a b.jar", "libs/-v", "libs/$(touch pwned).jar", "libs/für.jar"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		want[name] = digestOf(name)
	}
	withoutOpenssl := strings.Replace(arrivedScript, "command -v openssl", "false", 1)
	for name, script := range map[string]string{"as it is": arrivedScript, "without openssl": withoutOpenssl} {
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command("sh", "-c", fmt.Sprintf(script, quoted(dir))).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got := parseArrived(string(out))
			for file, digest := range want {
				if got[file] != digest {
					t.Errorf("%s: got %q, want %s, in:\n%s", file, got[file], digest, out)
				}
			}
			if len(got) != len(want) {
				t.Errorf("got %d files, want %d:\n%s", len(got), len(want), out)
			}
		})
	}
	out, err := exec.Command("sh", "-c", fmt.Sprintf(arrivedScript, quoted(dir+"/nowhere"))).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("where nothing arrived: got %q, %v, want nothing", out, err)
	}
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func FuzzLeftOff(f *testing.F) {
	f.Add("aa *./A\nbb *./libs/a\n")
	f.Add(digestOf(content("A")) + " *./A\n")
	f.Add(" *./\n *./ *./\n\x00 *.//etc/passwd\n")
	f.Fuzz(func(t *testing.T, said string) {
		pack := packed(t, "A", "libs/", "libs/a")
		offset, err := leftOff(bytes.NewReader(pack), parseArrived(said))
		if err != nil || offset < 0 || offset%tarBlock != 0 || offset > int64(len(pack)) {
			t.Errorf("the machine said %q: got offset %d, %v", said, offset, err)
		}
	})
}
