package remote_test

import (
	"testing"

	"weir/provision/remote"
)

func TestWhoNeedsAPassphraseIsKnownBeforeAnythingIsDialled(t *testing.T) {
	_, lockedText := newKey(t, secret)
	_, openText := newKey(t, "")
	locked, unlocked := writeFile(t, lockedText), writeFile(t, openText)
	for name, test := range map[string]struct {
		host remote.Host
		want string
	}{
		"an encrypted key":                          {remote.Host{PrivateKeyFile: locked}, locked},
		"a key that is not encrypted":               {remote.Host{PrivateKeyFile: unlocked}, ""},
		"an encrypted key with its passphrase":      {remote.Host{PrivateKeyFile: locked, Passphrase: secret}, ""},
		"an encrypted key with a wrong passphrase":  {remote.Host{PrivateKeyFile: locked, Passphrase: "x"}, ""},
		"an encrypted key that an agent may hold":   {remote.Host{PrivateKeyFile: locked, Agent: true}, ""},
		"the encrypted key of a jump host":          {remote.Host{PrivateKeyFile: unlocked, Jump: &remote.Host{PrivateKeyFile: locked}}, locked},
		"no key at all":                             {remote.Host{Password: "x"}, ""},
		"a key that is not there, as dialling says": {remote.Host{PrivateKeyFile: "/nonexistent"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.host.NeedsPassphrase(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if !remote.Opens(locked, secret) || remote.Opens(locked, "x") || remote.Opens(locked, "") {
		t.Error("a passphrase opens its own key, and no other text does")
	}
	loop := remote.Host{PrivateKeyFile: unlocked}
	loop.Jump = &loop
	if got := loop.NeedsPassphrase(); got != "" {
		t.Errorf("a loop of jump hosts: got %q", got)
	}
}
