package machine

import (
	"testing"

	"weir/provision/remote/remotetest"
)

func TestInstallable(t *testing.T) {
	const cannot = "E: Unable to locate package a-jre\nW: Failed to fetch the lists"
	for _, c := range []struct{ name, by, answer, why string }{
		{"silence means that it can be had", "apt", "", ""},
		{"what the manager says is the reason", "dnf", cannot + "\n", cannot},
		{"without a manager nobody is asked", "", "", "there is no package manager that weir knows (apt-get, dnf, yum, zypper, pacman, apk)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := remotetest.New("weir-1")
			if c.by != "" {
				r.On(remotetest.Step("look for packages"), remotetest.Stdout(c.answer))
			}
			why, err := Installable(t.Context(), r, jre, c.by)
			if err != nil || why != c.why {
				t.Errorf("got %q, error %v; want %q", why, err, c.why)
			}
		})
	}
}
