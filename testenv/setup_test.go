package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// computer is a directory that a script takes for all programs there are. Each
// made-up program notes that it was called.
type computer struct {
	t   *testing.T
	bin string
}

// newComputer has the tools of every Linux, a good Go and Git, a user who is
// not root, and nothing else.
func newComputer(t *testing.T) computer {
	t.Helper()
	c := computer{t, t.TempDir()}
	for _, tool := range []string{"cat", "cut", "dirname", "expr", "flock", "mkdir", "mv", "printf", "sed", "sha256sum", "tail", "timeout", "true"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(c.bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	c.has("go", "echo go1.26.8")
	c.has("git", "")
	c.has("uname", "echo Linux")
	c.has("id", `[ "$1" = -u ] && echo 1000 || echo somebody`)
	return c
}

func (c computer) has(program, body string) {
	c.t.Helper()
	script := "#!/bin/sh\necho " + program + ` "$@" >>` + c.bin + "/calls\n" + body + "\n"
	if err := os.WriteFile(filepath.Join(c.bin, program), []byte(script), 0o755); err != nil {
		c.t.Fatal(err)
	}
}

// setup runs the script of a copy of the tree, and returns what it printed,
// whether it succeeded, and which made-up programs it called.
func (c computer) setup(arguments ...string) (output string, ok bool, calls string) {
	c.t.Helper()
	root := filepath.Join(c.bin, "tree")
	for _, path := range []string{"testenv/setup.sh", "testenv/image", ".ci/tools/pulumi/go.mod"} {
		from, to := filepath.Join("..", path), filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			c.t.Fatal(err)
		}
		if out, err := exec.Command("cp", "-r", from, filepath.Dir(to)).CombinedOutput(); err != nil {
			c.t.Fatalf("copy %s: %v %s", from, err, out)
		}
	}
	cmd := exec.Command(filepath.Join(root, "testenv", "setup.sh"), arguments...)
	cmd.Env = []string{"PATH=" + c.bin, "HOME=" + c.bin}
	out, err := cmd.CombinedOutput()
	noted, _ := os.ReadFile(filepath.Join(c.bin, "calls"))
	if _, err := os.Stat(filepath.Join(root, ".weir")); err == nil {
		noted = append(noted, "changed the tree\n"...)
	}
	return string(out), err == nil, string(noted)
}

// changes are the calls that would change a computer.
var changes = []string{"apt-get", "sudo env", "sudo sh", "sudo apt-get", "systemctl", "dockerd", "go build", "changed the tree"}

func TestSetupStopsWithOneMessageBeforeItChangesAnything(t *testing.T) {
	for _, test := range []struct {
		name  string
		make  func(c computer)
		wants []string
	}{
		{"no Go", func(c computer) { _ = os.Remove(filepath.Join(c.bin, "go")) }, []string{"Go is missing"}},
		{"an old Go", func(c computer) { c.has("go", "echo go1.19.8") }, []string{"Go is too old: this is go1.19.8"}},
		{"a Go one version too old", func(c computer) { c.has("go", "echo go1.25.9") }, []string{"Go is too old"}},
		{"an old Go on macOS is told of Go first", func(c computer) { c.has("go", "echo go1.19"); c.has("uname", "echo Darwin") }, []string{"Go is too old"}},
		{"macOS", func(c computer) { c.has("uname", "echo Darwin") }, []string{"need Linux", "virtual machine"}},
		{"another system", func(c computer) { c.has("uname", "echo FreeBSD") }, []string{"this is FreeBSD"}},
		{"no Git", func(c computer) { _ = os.Remove(filepath.Join(c.bin, "git")) }, []string{"Git is missing", "apt-get install git"}},
		{"no apt-get", func(computer) {}, []string{"no apt-get", "docker.io iptables", "maven", "bin/pulumi"}},
		{"neither root nor sudo", func(c computer) { c.has("apt-get", "") }, []string{"root or sudo", "docker.io iptables", "maven", "setup.sh` as root"}},
		{"sudo that asks, and no terminal", func(c computer) { c.has("apt-get", ""); c.has("sudo", "exit 1") }, []string{"sudo asks for a password"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newComputer(t)
			test.make(c)
			output, ok, calls := c.setup()
			if ok || strings.Count(output, "weir:") != 1 {
				t.Errorf("got success %t and %q, want a failure with one message", ok, output)
			}
			for _, want := range test.wants {
				if !strings.Contains(output, want) {
					t.Errorf("got %q, want it to say %q", output, want)
				}
			}
			for _, change := range changes {
				for call := range strings.Lines(calls) {
					if strings.HasPrefix(call, change) {
						t.Errorf("it called %q", call)
					}
				}
			}
		})
	}
}

func TestSetupSaysWhatItWouldInstall(t *testing.T) {
	c := newComputer(t)
	c.has("apt-get", "")
	c.has("sudo", "")
	output, ok, calls := c.setup("--check")
	want := `weir needs, and would install:
  docker.io iptables: the Docker engine, from the distribution
  start the Docker engine
  mmdebstrap debian-archive-keyring uidmap: to build the machines' image from Debian's packages, if no container registry answers
  maven: to fetch the software of clusters
  bin/pulumi: the Pulumi CLI v3.256.0, built from its Go module (once, about 5 minutes)
`
	if !ok || output != want {
		t.Errorf("got %t, %q, want %q", ok, output, want)
	}
	if strings.Contains(calls, "apt-get") || strings.Contains(calls, "changed the tree") {
		t.Errorf("--check called %q", calls)
	}
}

func TestSetupInstallsWhatIsMissingAndThenHasNothingToDo(t *testing.T) {
	c := newComputer(t)
	// apt-get installs the programs of its packages; Docker then answers, and
	// has neither the image nor a registry.
	c.has("sudo", `[ "$1" != -n ] || shift
exec "$@"`)
	c.has("env", `shift; exec "$@"`)
	c.has("apt-get", `PATH=/usr/bin:/bin
case "$*" in *install*) for p in "$@"; do
	case $p in docker.io) p=docker ;; maven) p=mvn ;; mmdebstrap) ;; *) continue ;; esac
	printf '#!/bin/sh\n[ "$1" = info ]\n' >`+c.bin+`/$p; chmod +x `+c.bin+`/$p
done;; esac`)
	c.has("pulumi", "")
	output, ok, calls := c.setup()
	if !ok {
		t.Fatalf("got %q after %q", output, calls)
	}
	for _, want := range []string{"install -y --no-install-recommends docker.io iptables maven\n", "install -y --no-install-recommends mmdebstrap"} {
		if !strings.Contains(calls, want) {
			t.Errorf("calls %q, want %q among them", calls, want)
		}
	}
	if output, ok, _ := c.setup(); !ok || output != "weir has all it needs on this computer.\n" {
		t.Errorf("second run: got %t, %q, want one line", ok, output)
	}
}

// whenCalled is a shell's wait, of some seconds at most, for a call of another
// made-up program.
func (c computer) whenCalled(call string) string {
	return `PATH=/usr/bin:/bin; i=0; until grep -q "` + call + `" ` + c.bin + `/calls; do i=$((i + 1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done; `
}

func TestSetupBuildsThePulumiCLIWhilePackagesAreInstalled(t *testing.T) {
	for _, test := range []struct {
		name, build string
		ok          bool
		wants       string
	}{
		{"that succeeds", `shift; while [ "$1" != -o ]; do shift; done; echo program >"$2"`, true, "weir has all it needs"},
		{"that fails", "echo no network >&2; exit 1", false, "no network"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newComputer(t)
			c.has("sudo", `[ "$1" != -n ] || shift
exec "$@"`)
			c.has("docker", "")
			c.has("env", `shift; exec "$@"`)
			// Each waits for the other to have begun.
			c.has("apt-get", c.whenCalled("^go build")+`printf '#!/bin/sh\n' >`+c.bin+`/mvn; chmod +x `+c.bin+`/mvn`)
			c.has("go", `[ "$1" = build ] || { echo go1.26.8; exit; }; `+c.whenCalled("^apt-get .*install")+test.build)
			output, ok, calls := c.setup()
			if ok != test.ok || !strings.Contains(output, test.wants) {
				t.Errorf("got %t, %q after %q; want %t, %q", ok, output, calls, test.ok, test.wants)
			}
			_, err := os.Stat(filepath.Join(c.bin, "tree", "bin", "pulumi"))
			if (err == nil) != test.ok {
				t.Errorf("the program is there: %t, want %t", err == nil, test.ok)
			}
		})
	}
}

func TestSetupLooksForTheImageThatEnsureImageMakes(t *testing.T) {
	c := newComputer(t)
	c.has("docker", "")
	c.has("mvn", "")
	c.has("pulumi", "")
	if output, ok, calls := c.setup(); !ok || !strings.Contains(calls, "docker image inspect "+debian.imageRef()+"\n") {
		t.Errorf("got %t, %q, calls %q, want a look for %s", ok, output, calls, debian.imageRef())
	}
}
