package inventory

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"weir/provision/remote"
)

func withSecrets() Cluster {
	return Cluster{Name: "test", Machines: []Machine{
		{Name: "b", Host: remote.Host{Name: "b", Password: "pass word", SudoPassword: "sudo!", KnownHosts: "known", Jump: &remote.Host{
			Name: "jump", PrivateKey: "-----BEGIN KEY-----\nAAAA\n", Passphrase: "opens it", PrivateKeyFile: "/abs/key",
		}}},
		{Name: "a", Host: remote.Host{Name: "a", PrivateKeyFile: "keys/id"}},
	}}
}

func TestAnInventoryToPassOnHoldsNoSecret(t *testing.T) {
	c := withSecrets()
	public, bereft := c.WithoutSecrets()
	text, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	secrets := c.Secrets()
	if len(secrets) != 4 {
		t.Errorf("found %d secrets, want 4: those of the jump host too", len(secrets))
	}
	for _, secret := range secrets {
		quoted, _ := json.Marshal(secret)
		if strings.Contains(string(text), strings.Trim(string(quoted), `"`)) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
	if !slices.Equal(bereft, []string{"b"}) {
		t.Errorf("%v need a secret, want b", bereft)
	}
	if c.Machines[0].Host.Password == "" || c.Machines[0].Host.Jump.PrivateKey == "" {
		t.Error("the inventory itself was changed")
	}
}

func TestPathsAreThoseOfTheFilesDirectory(t *testing.T) {
	c := withSecrets()
	c.Rebase("/dir")
	b, a := c.Machines[0].Host, c.Machines[1].Host
	if b.KnownHosts != "/dir/known" || b.Jump.PrivateKeyFile != "/abs/key" || a.PrivateKeyFile != "/dir/keys/id" || a.KnownHosts != "" {
		t.Errorf("got %+v, %+v", b, a)
	}
}
