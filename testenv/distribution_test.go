package testenv

import (
	"slices"
	"strings"
	"testing"
)

func TestADistributionsImageIsItsOwn(t *testing.T) {
	ubuntu, err := distributionOf("ubuntu")
	if err != nil {
		t.Fatal(err)
	}
	if debian.imageRef() == ubuntu.imageRef() {
		t.Errorf("both images are %s", ubuntu.imageRef())
	}
	for d, want := range map[*distribution][]string{
		&debian: {"bookworm", "-"},
		&ubuntu: {"--components=main,universe", "--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg", "noble", "-"},
	} {
		args := d.arguments()
		if got := args[len(args)-len(want):]; !slices.Equal(got, want) {
			t.Errorf("%s: mmdebstrap's last arguments are %q, want %q", d.name, got, want)
		}
	}
	if args := ubuntu.arguments(); !strings.HasSuffix(args[1], ",apt") {
		t.Errorf("Ubuntu's smallest installation has no apt, and is not given it: %s", args[1])
	}
	if d, err := distributionOf(""); err != nil || d.name != "Debian" {
		t.Errorf("without a name: got %s, %v", d.name, err)
	}
	if _, err := distributionOf("plan9"); err == nil || !strings.Contains(err.Error(), "ubuntu") {
		t.Errorf("an unknown one: got %v, want an error that says which there are", err)
	}
}
