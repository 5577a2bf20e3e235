package machine

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/testenv/golden"
)

var jre = Package{Name: "openjdk-17-jre-headless", Provides: "java"}

func TestThePackageManagerIsThatOfTheDistribution(t *testing.T) {
	for _, c := range []struct {
		name, release string
		there         string
		want          string
	}{
		{"Debian", "ID=debian", "apt-get", "apt"},
		{"Ubuntu", "ID=ubuntu\nID_LIKE=debian", "apt-get", "apt"},
		{"a derivative of a derivative", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"", "apt-get", "apt"},
		{"Fedora", "ID=fedora", "dnf yum", "dnf"},
		{"Red Hat, in quotes", `ID="rhel"` + "\n" + `ID_LIKE="fedora"`, "dnf yum", "dnf"},
		{"Rocky", `ID="rocky"` + "\n" + `ID_LIKE="rhel centos fedora"`, "dnf yum", "dnf"},
		{"CentOS 7, which has no dnf", `ID="centos"` + "\n" + `ID_LIKE="rhel fedora"`, "yum", "yum"},
		{"Amazon Linux", `ID="amzn"` + "\n" + `ID_LIKE="fedora"`, "dnf yum", "dnf"},
		{"openSUSE Leap, in single quotes", "ID='opensuse-leap'\nID_LIKE='suse opensuse'", "zypper", "zypper"},
		{"SLES", `ID="sles"` + "\n" + `ID_LIKE="suse"`, "zypper", "zypper"},
		{"Arch", "ID=arch", "pacman", "pacman"},
		{"Manjaro", "ID=manjaro\nID_LIKE=arch", "pacman", "pacman"},
		{"Alpine", "ID=alpine", "apk", "apk"},
		{"Debian with a Fedora's program on it", "ID=debian", "dnf apt-get", "apt"},
		{"Fedora with Debian's program on it", "ID=fedora", "apt-get dnf yum", "dnf"},
		{"openSUSE with dnf instead of its own", "ID=opensuse-tumbleweed\nID_LIKE=\"opensuse suse\"", "dnf", "dnf"},
		{"a distribution that nobody heard of", "ID=novel", "zypper", "zypper"},
		{"no os-release at all", "", "apk", "apk"},
		{"none that we know", "ID=nixos", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var answer strings.Builder
			answer.WriteString("@facts\n")
			for line := range strings.Lines(c.release) {
				answer.WriteString(strings.Replace(strings.TrimSpace(line), "=", "\t", 1) + "\n")
			}
			for command := range strings.FieldsSeq(c.there) {
				answer.WriteString("packages\t" + command + "\n")
			}
			o, err := parseObserved(State{}, []byte(answer.String()+"@end\n"))
			if got := o.Facts.PackageManager; err != nil || got != c.want {
				t.Errorf("got %q, error %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestAnyOfAPackagesNamesIsThePackage(t *testing.T) {
	s := State{Packages: []Package{jre}}
	for line, want := range map[string]string{
		"java-21-openjdk-headless\t21.0.5\tinstalled":      "21.0.5",
		"openjdk-17-jre-headless\t17.0.13\tinstalled":      "17.0.13",
		"openjdk-17-jre-headless\t17.0.13\tconfig-files":   "",
		"openjdk-17-jre-headless\tprovided":                "provided",
		"some-other-package\t1\tinstalled":                 "",
		"default-jre-headless\t2:1.17\thalf-installed\t\t": "",
	} {
		o, err := parseObserved(s, []byte("@packages\n"+line+"\n@end\n"))
		if got := o.Packages[jre.Name]; err != nil || got != want {
			t.Errorf("%q: got %q, error %v; want %q", line, got, err, want)
		}
	}
}

func TestPackageScripts(t *testing.T) {
	for _, m := range managers {
		for name, script := range map[string]string{"install": jre.command(m.name), "ask": jre.question(m)} {
			golden.Compare(t, "package-"+m.name+"-"+name+".sh", script)
			if out, err := exec.Command("sh", "-n", "-c", script).CombinedOutput(); err != nil {
				t.Errorf("%s with %s is no script: %v\n%s", name, m.name, err, out)
			}
		}
	}
	golden.Compare(t, "package-unknown-install.sh", jre.command("portage"))
}

func TestNamesOfPackagesAreQuoted(t *testing.T) {
	p := Package{Name: "it's; touch pwned", Provides: "$(pwned)"}
	for _, m := range managers {
		for _, script := range []string{p.command(m.name), p.question(m), p.command("none")} {
			out, err := exec.Command("sh", "-n", "-c", script).CombinedOutput()
			if err != nil || strings.Contains(strings.ReplaceAll(script, `'it'\''s; touch pwned'`, ""), "pick it") {
				t.Errorf("%s: %v\n%s\n%s", m.name, err, out, script)
			}
		}
	}
}

// program stands in for every package manager. It notes what it is told to do;
// which packages its lists know, at first and once refreshed, and how often
// installing fails, and how, is in files beside it.
const program = `#!/bin/sh
cd "${0%/*}" || exit
self=${0##*/} package=
for word do package=$word; done
case " $* " in
*' update '*|*' makecache '*|*' refresh '*|*' --refresh '*) echo refresh >>log; mv -f later known 2>/dev/null; exit 0 ;;
*' --simulate '*|*' repoquery '*|*' list '*|*' search '*|*' --info '*) grep -sqx -- "$package" known && echo "$package" ;;
*' install '*|*' add '*|*' --needed '*)
  echo "get $package" >>log
  if [ -s failures ]; then
    read -r code <failures
    sed -i 1d failures
    exit "$code"
  fi ;;
*) echo "not understood: $*" >>log; exit 9 ;;
esac
`

// play runs a package command with stand-ins on its PATH, and returns what they
// were told, a word each.
func play(t *testing.T, m manager, files map[string]string) (told string, stderr string, err error) {
	t.Helper()
	dir := t.TempDir()
	files["log"], files["sleep"], files[m.command] = "", "#!/bin/sh\necho wait >>"+dir+"/log\n", program
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "-euc", jre.command(m.name)+"\n")
	cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
	var said strings.Builder
	cmd.Stderr = &said
	err = cmd.Run()
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	return strings.Join(strings.Fields(string(log)), " "), said.String(), err
}

func TestEveryManagerInstallsTheFirstNameThatItKnows(t *testing.T) {
	for _, m := range managers {
		first, second := jre.names(m.name)[0], jre.names(m.name)[1]
		for _, c := range []struct {
			name  string
			files map[string]string
			told  string
			fails bool
		}{
			{"the lists that are there do", map[string]string{"known": first + "\n" + second}, "get " + first, false},
			{"only the second name is known", map[string]string{"known": second}, "get " + second, false},
			{"new lists know it", map[string]string{"later": first}, "refresh get " + first, false},
			{"what the lists name is gone, until they are new", map[string]string{"known": first, "later": first, "failures": "1\n"}, "get " + first + " refresh get " + first, false},
			{"nobody has it", map[string]string{}, "refresh", true},
			{"it cannot be fetched", map[string]string{"known": first, "later": first, "failures": "1\n1\n"}, "get " + first + " refresh get " + first, true},
		} {
			t.Run(m.name+": "+c.name, func(t *testing.T) {
				told, stderr, err := play(t, m, c.files)
				if told != c.told || (err != nil) != c.fails {
					t.Errorf("told to %q, error %v; want %q, failing %v\n%s", told, err, c.told, c.fails, stderr)
				}
				if says := strings.Contains(stderr, m.command+" could not install "+first+" or "+second) && strings.Contains(stderr, jre.Advice()); says != c.fails {
					t.Errorf("standard error: %s", stderr)
				}
			})
		}
	}
}

func TestAnotherInstallationIsWaitedFor(t *testing.T) {
	// The others wait by themselves, or by a file that only root may make.
	dnf := managers[slices.IndexFunc(managers, func(m manager) bool { return m.name == "dnf" })]
	name := jre.names(dnf.name)[0]
	told, stderr, err := play(t, dnf, map[string]string{"known": name, "failures": "200\n200\n"})
	if want := strings.TrimSpace(strings.Repeat("get "+name+" wait ", 2) + "get " + name); told != want || err != nil {
		t.Errorf("told to %q, error %v; want %q\n%s", told, err, want, stderr)
	}
	told, _, err = play(t, dnf, map[string]string{"known": name, "failures": strings.Repeat("200\n", 200)})
	if waits := strings.Count(told, "wait"); waits != 120 || err == nil { // 60 before, 60 after the lists are new
		t.Errorf("waited %d times, error %v; want an end", waits, err)
	}
}

func TestEveryManagerHasNamesForJava(t *testing.T) {
	for _, m := range managers {
		if names := jre.names(m.name); len(names) < 2 || slices.Contains(names, "") {
			t.Errorf("%s: got %q, want at least two", m.name, names)
		}
	}
	if got := (Package{Name: "zstd"}).names("apk"); !slices.Equal(got, []string{"zstd"}) {
		t.Errorf("a package with one name everywhere: got %q", got)
	}
}
