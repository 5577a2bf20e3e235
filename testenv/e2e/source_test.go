package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"weir/testenv"
)

// apachesDir is the one directory that everything in Apache's archive is below.
const apachesDir = "kafka_2.13-3.9.2/"

const releaseConfig = `config:
  weir:cluster:
    machines: [{name: MACHINE, address: "ADDRESS", hostKey: HOSTKEY}]
    ssh: {privateKeyFile: KEY}
    zookeeper: {heap: 128m, jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    kafka: {heap: 256m, jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1", RELEASE}
`

// writeRelease writes a stack of one machine, with what is said of its software.
func (p project) writeRelease(t *testing.T, m testenv.Machine, release string) {
	t.Helper()
	config := strings.NewReplacer("MACHINE", m.Name, "ADDRESS", m.Address, "HOSTKEY", m.HostKey, "KEY", m.PrivateKeyFile, "RELEASE", release).Replace(releaseConfig)
	if err := p.write("sources", config); err != nil {
		t.Fatal(err)
	}
}

// passing returns a bare machine that is removed with all that is on it when
// the test ends: quicker than taking a cluster off it.
func passing(t *testing.T, number int) testenv.Machine {
	t.Helper()
	t.Cleanup(func() {
		if err := testenv.Remove(withoutEnd(t), bareStack, fmt.Sprintf("bare-%d", number)); err != nil {
			t.Error(err)
		}
	})
	return bare(t, number)
}

// An archive of Apache's shape is made from the jars that are in the cache: a
// download of the real one is 120 MB, from where not everybody gets to.
func TestKafkaComesFromAnArchiveOrNothingIsChanged(t *testing.T) {
	m := passing(t, 8)
	web := newArchives(t)
	local := newFile(t, "kafka.tgz", string(archive(t, "from a file", nil)))
	t.Setenv("WEIR_CACHE", t.TempDir())
	p := newTestProject(t)
	sum := web.add("good", archive(t, "from the web", nil))
	escaping := web.add("escaping", archive(t, "", map[string]string{apachesDir + "../../../../etc/cron.d/pwned": "* * * * * root id\n"}))
	cut := web.add("cut", archive(t, "", nil))
	bad := strings.Repeat("0bad", 16)

	before := fingerprint(t, m)
	for _, c := range []struct {
		name, release string
		says          []string
	}{
		{"an archive with another checksum", web.named("good", bad), []string{"/good", "expected checksum " + bad, "got " + sum, "nothing was kept"}},
		{"a file with another checksum", fmt.Sprintf("release: {archive: %s, sha256: %s}", local, bad), []string{local, "expected checksum " + bad, "nothing was kept"}},
		{"a download that ends early", web.named("cut", cut), []string{"/cut", "unexpected EOF"}},
		{"an archive that is not there", web.named("absent", bad), []string{"/absent", "404 Not Found"}},
		{"an archive with a path that leads out of it", web.named("escaping", escaping), []string{"/escaping", "/etc/cron.d/pwned", "is not a clean path inside the tree"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.writeRelease(t, m, c.release)
			r := p.mustOps(t, 1, "up", "--stack", "sources")
			wantAll(t, r.stderr, c.says...)
			wantPresentable(t, r, nil)
		})
	}
	wantUnchanged(t, m, before)

	for _, c := range []struct {
		name, release, notice string
		long                  bool
	}{
		{"from a file", fmt.Sprintf("release: {archive: %s, sha256: %s}", local, fileSum(t, local)), "from a file", true},
		{"from the web", web.named("good", sum), "from the web", false},
	} {
		if c.long && !thorough {
			continue // both are read alike, once they are here
		}
		t.Run(c.name, func(t *testing.T) {
			p.writeRelease(t, m, c.release)
			p.mustOps(t, 0, "up", "--stack", "sources", "--no-verify") // its gates ask the broker
			const current = "/opt/weir/kafka/current/"
			wantAll(t, on(t, m, "systemctl is-active weir-kafka; cat "+current+"NOTICE; "+current+"bin/kafka-topics.sh --version"),
				"active\n", c.notice, "3.9.2")
		})
	}
}

// archives is a web server, with a certificate of its own that programs of this
// test trust.
type archives struct {
	*httptest.Server
	files map[string][]byte
}

func newArchives(t *testing.T) archives {
	t.Helper()
	a := archives{files: map[string][]byte{}}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		data, ok := a.files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		if name == "cut" {
			_, _ = w.Write(data[:len(data)/2])
			panic(http.ErrAbortHandler) // the connection ends here
		}
		_, _ = w.Write(data)
	}))
	t.Cleanup(a.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	t.Setenv("SSL_CERT_FILE", newFile(t, "certificate", string(certificate)))
	return a
}

// add offers a file, and returns its checksum.
func (a archives) add(name string, data []byte) string {
	a.files[name] = data
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// named is the line of a stack that names the file with a checksum.
func (a archives) named(name, sum string) string {
	return fmt.Sprintf("release: {archive: %s/%s, sha256: %s}", a.URL, name, sum)
}

func fileSum(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return archives{files: map[string][]byte{}}.add("", data)
}

// archive is a distribution of Kafka in the shape that Apache gives it: the same
// jars, programs and settings of its own, and a notice. With other files in
// it, it holds those alone.
func archive(t *testing.T, notice string, others map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&b, gzip.NoCompression) // jars are
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(compressed)
	if others == nil {
		copyJars(t, w)
		others = map[string]string{
			apachesDir + "NOTICE": notice, apachesDir + "bin/kafka-topics.sh": "#!/bin/sh\necho this is not weir's\n",
			apachesDir + "config/server.properties": "broker.id=0\n",
		}
	}
	for name, text := range others {
		add(t, w, &tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}, strings.NewReader(text))
	}
	if err := errors.Join(w.Close(), compressed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// copyJars puts the jars of weir's own release where Apache has them.
func copyJars(t *testing.T, w *tar.Writer) {
	t.Helper()
	software, err := kafkaTree(t).Open()
	if err != nil {
		t.Fatal(err)
	}
	defer software.Close()
	for from := tar.NewReader(software); ; {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(h.Name) == ".jar" {
			add(t, w, &tar.Header{Name: apachesDir + "libs/" + filepath.Base(h.Name), Mode: 0o644, Size: h.Size}, from)
		}
	}
}

func add(t *testing.T, w *tar.Writer, h *tar.Header, content io.Reader) {
	t.Helper()
	if err := w.WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, content); err != nil {
		t.Fatal(err)
	}
}
