package release_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"weir/provision/release"
)

// small are two of the lock's smallest jars.
func small(t *testing.T) release.Lock {
	t.Helper()
	l, err := release.Named("kafka", "3.9.2")
	if err != nil {
		t.Fatal(err)
	}
	l.Items = slices.DeleteFunc(l.Items, func(i release.Item) bool {
		return i.Place != "libs/audience-annotations-0.12.0.jar" && i.Place != "libs/slf4j-reload4j-1.7.36.jar"
	})
	if len(l.Items) != 2 {
		t.Fatalf("the lock holds %d of the two small jars", len(l.Items))
	}
	return l
}

func TestMavenFetchesWhatTheLockNames(t *testing.T) {
	s, l := newStore(t), small(t)
	var told []string
	s.Progress = func(p release.Progress) { told = append(told, p.String()) }
	if err := s.Fetch(t.Context(), l); err != nil {
		t.Fatalf("this test needs Maven and the repositories it is configured for: %v", err)
	}
	if got := files(t, filepath.Join(s.Dir, "blobs")); len(got) != 2 {
		t.Errorf("fetched %v, want two blobs", got)
	}
	if want := []string{"fetching 2 files with Maven"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestMavenIsBelievedNoMoreThanOthers(t *testing.T) {
	s, l := newStore(t), small(t)
	l.Items[1].SHA256 = hash
	err := s.Fetch(t.Context(), l)
	mismatch, ok := errors.AsType[*release.MismatchError](err)
	if !ok || !strings.Contains(mismatch.Item, "slf4j-reload4j") || mismatch.Want != hash {
		t.Fatalf("got %v, want a MismatchError about slf4j-reload4j", err)
	}
	if got := files(t, filepath.Join(s.Dir, "blobs")); !slices.Equal(got, []string{l.Items[0].SHA256}) {
		t.Errorf("kept %v, want only the jar that is as locked", got)
	}
}

func TestWhatMavenDidNotBringIsNamed(t *testing.T) {
	s, l := newStore(t), small(t)
	l.Items[1].Maven = "org.slf4j:slf4j-reload4j:0.0.0-none"
	err := s.Fetch(t.Context(), l)
	fetch, ok := errors.AsType[*release.FetchError](err)
	if !ok || len(fetch.Items) == 0 || !strings.Contains(strings.Join(fetch.Items, " "), "slf4j-reload4j:0.0.0-none") {
		t.Fatalf("got %v, want a FetchError that names the missing jar", err)
	}
	if !strings.Contains(fetch.Output, "0.0.0-none") || strings.Contains(fetch.Output, "\x1b") {
		t.Errorf("the output is %q, want what Maven said of the jar", fetch.Output)
	}
}

func TestAMissingClientIsToldWithItsCure(t *testing.T) {
	l := small(t)
	l.Items = append(l.Items, release.Item{Place: "p", PyPI: "p==1", SHA256: hash})
	s := newStore(t)
	s.Maven, s.Pip = "no-such-mvn", "no-such-pip"
	err := s.Fetch(t.Context(), l)
	if _, ok := errors.AsType[*release.MissingToolError](err); !ok {
		t.Fatalf("got %v, want a MissingToolError", err)
	}
	for _, want := range []string{"no-such-mvn is not installed", "2 files", "apt-get install maven", "no-such-pip is not installed", "apt-get install python3-pip"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q:\n%v", want, err)
		}
	}
}

func TestOneRunOfTheClientFetchesAll(t *testing.T) {
	dir := t.TempDir()
	client := script(t, dir, "echo run >>"+dir+"/runs\n"+`
grep -o '<destFileName>[0-9a-f]*' pom.xml | cut -d'>' -f2 | while read -r name; do mkdir -p out; echo wrong >out/$name; done`)
	s := newStore(t)
	s.Maven = client
	if err := s.Fetch(t.Context(), small(t)); !isMismatch(err) {
		t.Errorf("got %v, want a MismatchError", err)
	}
	runs, err := os.ReadFile(filepath.Join(dir, "runs"))
	if err != nil || string(runs) != "run\n" {
		t.Errorf("the client ran %q, %v; want once", runs, err)
	}
}

func TestASilentClientIsNotBelieved(t *testing.T) {
	s := newStore(t)
	s.Maven = script(t, t.TempDir(), "exit 0")
	err := s.Fetch(t.Context(), small(t))
	if fetch, ok := errors.AsType[*release.FetchError](err); !ok || len(fetch.Items) != 2 {
		t.Errorf("got %v, want a FetchError that names both jars", err)
	}
}

func TestCancellingEndsTheClient(t *testing.T) {
	dir := t.TempDir()
	begun := filepath.Join(dir, "begun")
	if err := syscall.Mkfifo(begun, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStore(t)
	s.Maven = script(t, dir, "echo >"+begun+"; exec sleep 600")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Fetch(ctx, small(t)) }()
	if _, err := os.ReadFile(begun); err != nil { // returns once the client runs
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestALockIsMadeOfADependencyTree(t *testing.T) {
	s := newStore(t)
	l, err := s.LockMaven(t.Context(), "logging", "1", "libs", "org.slf4j:slf4j-reload4j:1.7.36")
	if err != nil {
		t.Fatalf("this test needs Maven and the repositories it is configured for: %v", err)
	}
	committed, err := release.Named("kafka", "3.9.2")
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	for _, i := range l.Items {
		places = append(places, i.Place)
		if !slices.Contains(committed.Items, i) && !strings.HasPrefix(i.Place, "libs/reload4j") {
			t.Errorf("%+v is not what the committed lock holds", i)
		}
	}
	if len(places) != 3 || places[0] != "libs/reload4j-1.2.19.jar" || places[1] != "libs/slf4j-api-1.7.36.jar" {
		t.Errorf("locked %v, want reload4j, slf4j-api and slf4j-reload4j", places)
	}
	s.Maven = "no-such-mvn" // everything is in the store already
	if err := s.Fetch(t.Context(), l); err != nil {
		t.Error(err)
	}
}

// script stands in for a client whose misbehaviour is tested.
func script(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "client")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
