package remote

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

const pinnedKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDS3WBtK0ldLUQxQp29VqPgvT9z6mVuUYyHzWXcm9Ktd"

func TestParsePinned(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		keys  int
		fails string
	}{
		"takes a line of authorized_keys":         {pinnedKey + " root@kafka-1", 1, ""},
		"takes a line of ssh-keyscan":             {"192.168.1.1 " + pinnedKey, 1, ""},
		"takes several, comments and empty lines": {"# a\n\n" + pinnedKey + "\r\n" + pinnedKey + "\n", 2, ""},
		"refuses nothing":                         {"\n#\n", 0, "no key in it"},
		"refuses half a key":                      {pinnedKey[:40], 0, "line 1: not a public key"},
		"refuses a key under another type's name": {"ssh-rsa " + strings.Fields(pinnedKey)[1], 0, "not a public key"},
		"refuses a lone word":                     {"ssh-ed25519", 0, "not a public key"},
		"refuses a marker":                        {"@cert-authority * " + pinnedKey, 0, "@cert-authority"},
		"refuses one bad line among good ones":    {pinnedKey + "\nnonsense here\n", 0, "line 2"},
		"refuses more than 64 KiB":                {strings.Repeat(pinnedKey+"\n", 1000), 0, "longer than 65536"},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := parsePinned(test.text)
			if len(keys) != test.keys || (err != nil) != (test.fails != "") {
				t.Fatalf("got %d keys, %v; want %d", len(keys), err, test.keys)
			}
			if err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Errorf("got %v, want it to say %q", err, test.fails)
			}
		})
	}
}

func TestAlgorithmsStartWithTheKnownKeys(t *testing.T) {
	got := knownFirst([]string{ssh.KeyAlgoRSA, ssh.KeyAlgoECDSA256})
	want := []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoECDSA256, ssh.KeyAlgoED25519}
	if !slices.Equal(got[:4], want) {
		t.Errorf("got %v, want it to start with %v", got, want)
	}
	if slices.Contains(got, ssh.KeyAlgoRSA) {
		t.Errorf("SHA-1 is offered: %v", got)
	}
}

// FuzzParsePinned holds that hostile text never panics, and that what is taken
// is taken again in its canonical form.
func FuzzParsePinned(f *testing.F) {
	f.Add(pinnedKey)
	f.Add("host " + pinnedKey + " comment\n# x\n@revoked y")
	f.Add("ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29t")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := parsePinned(text)
		if err != nil {
			return
		}
		for _, key := range keys {
			again, err := parsePinned(string(ssh.MarshalAuthorizedKey(key)))
			if err != nil || len(again) != 1 || fingerprint(again[0]) != fingerprint(key) {
				t.Errorf("%s: parsed again: %v, %v", fingerprint(key), again, err)
			}
		}
	})
}
