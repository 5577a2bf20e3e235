package machine

import (
	"testing"

	"weir/provision/remote/remotetest"
)

func TestInstallable(t *testing.T) {
	const names = "openjdk-17-jre-headless, openjdk-21-jre-headless, default-jre-headless"
	for _, c := range []struct{ name, by, answer, why string }{
		{"silence means that it can be had", "apt", "", ""},
		{"what the manager says is the reason", "apt", "cannot\nE: Unable to locate package\nW: Failed to fetch\n",
			"apt-get knows none of " + names + ": E: Unable to locate package\nW: Failed to fetch"},
		{"a manager may say nothing", "apt", "cannot\n", "apt-get knows none of " + names},
		{"without a manager nobody is asked", "", "", "there is no package manager that weir knows: apt-get, dnf, yum, zypper, pacman, apk"},
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
