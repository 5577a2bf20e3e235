package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestARecapIsTheSumOfItsMachines(t *testing.T) {
	const recapOf = "TASK [x] ***\nok: [weir-1]\n\nPLAY RECAP ****\n"
	for _, c := range []struct {
		name, said string
		changed    int
		says       string
	}{
		{"changes are added up", recapOf +
			"weir-1                     : ok=19   changed=2    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0   \n" +
			"weir-2                     : ok=18   changed=1    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0   \n", 3, ""},
		{"nothing was changed", recapOf + "weir-1 : ok=19   changed=0    unreachable=0    failed=0\n", 0, ""},
		{"a task failed", recapOf + "weir-1 : ok=19   changed=4    unreachable=0    failed=1\n", 0, "weir-1"},
		{"a machine was not reached", recapOf + "weir-1 : ok=0   changed=0    unreachable=1    failed=0\n", 0, "weir-1"},
		{"there is none", "ERROR! no such playbook\n", 0, "without a recap"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := recap(c.said)
			if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got error %v, want one that says %q", err, c.says)
			}
			if got != c.changed {
				t.Errorf("got %d changes, want %d", got, c.changed)
			}
		})
	}
}

// The rival's files are ours, byte for byte, and its playbook names no others.
func TestTheRivalGetsTheSameFiles(t *testing.T) {
	r := rival{dir: t.TempDir()}
	c := paper()
	if err := r.declare(c, "/cache/kafka.tar"); err != nil {
		t.Fatal(err)
	}
	inventory, err := os.ReadFile(filepath.Join(r.dir, "inventory.json"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.components()
	if err != nil {
		t.Fatal(err)
	}
	for _, targets := range all {
		for name, target := range targets {
			for _, f := range target.State.AllFiles() {
				got, err := os.ReadFile(filepath.Join(r.dir, "files", name, f.Path))
				if err != nil || string(got) != f.Content {
					t.Errorf("%s of %s: got %q, error %v, want %q", f.Path, name, got, err, f.Content)
				}
				if !strings.Contains(string(inventory), `"`+f.Path+`"`) {
					t.Errorf("%s is not in the inventory", f.Path)
				}
			}
		}
	}
}

func TestWithoutARivalTheRowsAreMissedAloud(t *testing.T) {
	ours := timing("install", 0)
	theirs := slower("… an Ansible playbook", ours, 3)
	ours.values = []float64{1}
	s := &site{why: errors.Join(errNoRival, errors.New("no network\nand a long story"))}
	got := s.compared([]*measurement{ours}, theirs)
	if len(got.rows) != 1 || len(got.notes) != 1 || !strings.Contains(got.notes[0], "Not measured") || !strings.Contains(got.notes[0], "an Ansible playbook") {
		t.Errorf("got %+v, want our row, and a note of the missing one", got)
	}
	s.rival = &rival{}
	if got := s.compared([]*measurement{ours}, theirs); len(got.rows) != 2 || len(got.notes) != 0 {
		t.Errorf("with a rival: got %+v, want both rows and no note", got)
	}
}

func TestTheRivalIsPinned(t *testing.T) {
	text, err := rivalFiles.ReadFile("rival/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "==") {
			t.Errorf("%q has no version", line)
		}
	}
}
