package kafka

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"weir/provision/release"
)

// ReleaseName is the name of Kafka's releases; they hold ZooKeeper too.
const ReleaseName = "kafka"

// programs are the start scripts and tools, and their log settings. bin/0.8
// holds the tools whose classes had other names then.
//
//go:embed bin config
var programs embed.FS

// Release returns the lock of a Kafka version: the jars by committed lock file,
// with bin/ and config/ of our own. ZooKeeper runs from the same release.
func Release(version string) (release.Lock, error) {
	once, _ := releases.LoadOrStore(version, sync.OnceValues(func() (release.Lock, error) {
		l, err := release.Named(ReleaseName, version)
		if err != nil {
			return release.Lock{}, err
		}
		return withPrograms(l)
	}))
	l, err := once.(func() (release.Lock, error))()
	l.Items = slices.Clone(l.Items) // they are the caller's
	return l, err
}

// releases are the locks by version: reading one takes some milliseconds, and two
// components run on the same.
var releases sync.Map

// ReleaseFrom returns the lock of Apache's own archive, "kafka_2.13-3.9.2.tgz",
// from a URL or a path on the controller, with bin/ and config/ of our own over
// those of the archive. See [release.FromArchive] for checksum.
func ReleaseFrom(version, from, checksum string) (release.Lock, error) {
	// Everything in the archive is below one directory.
	l, err := release.FromArchive(ReleaseName, version, from, checksum, 1)
	if err != nil {
		return release.Lock{}, err
	}
	return withPrograms(l)
}

func withPrograms(l release.Lock) (release.Lock, error) {
	patterns := []string{"bin/*.sh"}
	if v, ok := LookUp(l.Version); ok && !v.Features.Has(BrokerClients) {
		patterns = []string{"bin/lib.sh", "bin/kafka-run-class.sh", "bin/*-server-*.sh", "bin/0.8/*.sh"}
	}
	var items []release.Item
	for _, pattern := range append(patterns, "config/*.properties") {
		files, err := fs.Glob(programs, pattern)
		if err != nil {
			return release.Lock{}, err
		}
		for _, f := range files {
			text, err := programs.ReadFile(f)
			if err != nil {
				return release.Lock{}, err
			}
			dir, _, _ := strings.Cut(f, "/")
			items = append(items, release.Item{
				Place: dir + "/" + path.Base(f), Text: string(text),
				// What starts with #! is a program; lib.sh is read by them.
				Executable: strings.HasPrefix(string(text), "#!"),
			})
		}
	}
	l = l.With(items...)
	if err := l.Validate(); err != nil {
		return release.Lock{}, fmt.Errorf("release %s: %w", l, err)
	}
	return l, nil
}
