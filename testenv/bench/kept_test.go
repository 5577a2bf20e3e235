package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestARunGoesOnWhereOneBeforeWasStopped(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ours := timing("install", time.Minute)
	theirs := slower("… the rival", ours, 3)
	ours.values, theirs.values = []float64{10, 12}, []float64{33}
	was := kept{Section: "install", At: now, Build: "b"}
	was.put(findings{rows: []*measurement{ours, theirs}, notes: []string{"a note"}})
	if err := was.save(dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, section, build string
		at                   time.Time
		want                 bool
	}{
		{"the same programs, an hour later", "install", "b", now.Add(time.Hour), true},
		{"other programs", "install", "c", now.Add(time.Hour), false},
		{"the next day", "install", "b", now.Add(keptFor), false},
		{"another section", "roll", "b", now, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, ok, err := load(dir, c.section, c.build, c.at)
			if err != nil || ok != c.want {
				t.Fatalf("got %t, %v; want %t", ok, err, c.want)
			}
			if !ok {
				return
			}
			f := k.findings()
			if len(f.rows) != 2 || table(f.rows) != table([]*measurement{ours, theirs}) {
				t.Errorf("got\n%s\nwant\n%s", table(f.rows), table([]*measurement{ours, theirs}))
			}
			const aged = "The rows of install were measured by a run before this one, of the same programs, at 2026-11-20 12:00 UTC."
			if len(f.notes) != 2 || f.notes[0] != "a note" || f.notes[1] != aged {
				t.Errorf("notes %q, want the one that was there, and %q", f.notes, aged)
			}
		})
	}
}

func TestKeptFiguresThatCannotBeReadAreNamed(t *testing.T) {
	dir := t.TempDir()
	if err := (kept{Section: "roll"}).save(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keptPath(dir, "roll"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := load(dir, "roll", "", time.Now()); err == nil || ok {
		t.Errorf("got %t, %v; want an error", ok, err)
	}
}

func TestFiguresOfAnotherBuildOfAnyProgramAreNotTaken(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range programs {
		write(path, "old")
	}
	seen := map[string]bool{}
	for _, path := range []string{"none", "bin/ops", "bin/pulumi-resource-weir", job("producer"), job("popularity")} {
		write(path, "new")
		digest, err := buildDigest()
		if err != nil || seen[digest] {
			t.Errorf("%v; a new %s has the digest of the old one", err, path)
		}
		seen[digest] = true
	}
}
