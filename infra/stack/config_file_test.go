package stack

import "testing"

func TestWhatAFileHoldsBesideItsCluster(t *testing.T) {
	for _, c := range []struct {
		name, file, lines string
		declared          bool
	}{
		{"nothing", "", "", false},
		{"a cluster alone", "config:\n  weir:cluster:\n    machines: []\n", "", true},
		{"a cluster without its namespace", "config:\n  cluster: {}\n", "", true},
		{"secrets alone", "encryptionsalt: v1:abc\nconfig:\n  weir:sudoPassword:\n    secure: v1:def\n",
			"  weir:sudoPassword:\n    secure: v1:def\nencryptionsalt: v1:abc\n", false},
		{"all of it, and what is another program's", "config:\n  aws:region: here\n  weir:cluster:\n    name: prod\n  weir:sshPassword: {secure: 'v1:def'}\nsecretsprovider: passphrase\n",
			"  aws:region: here\n  weir:sshPassword: {secure: 'v1:def'}\nsecretsprovider: passphrase\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, declared, err := Besides([]byte(c.file))
			if err != nil || string(lines) != c.lines || declared != c.declared {
				t.Errorf("got\n%s(declared: %t), %v; want\n%s(declared: %t)", lines, declared, err, c.lines, c.declared)
			}
		})
	}
	if _, _, err := Besides([]byte("config: [")); err == nil {
		t.Error("a file that is no YAML was taken")
	}
}
