package release

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:generate go run ./lockgen -name kafka -version 3.9.2 -o locks/kafka-3.9.2.yaml org.apache.kafka:kafka_2.13:3.9.2 org.apache.kafka:kafka-tools:3.9.2 org.slf4j:slf4j-reload4j:1.7.36
//go:generate go run ./lockgen -name kafka -version 0.8.2.1 -o locks/kafka-0.8.2.1.yaml org.apache.kafka:kafka_2.10:0.8.2.1

//go:embed locks
var locks embed.FS

// Named returns the committed lock of that name and version.
func Named(name, version string) (Lock, error) {
	file := "locks/" + name + "-" + version + ".yaml"
	data, err := locks.ReadFile(file)
	if err != nil {
		return Lock{}, fmt.Errorf("no lock file for %s %s; there are: %s", name, version, strings.Join(Available(), ", "))
	}
	return Parse(file, data)
}

// Available lists the committed locks, "kafka 3.9.2", sorted by file name.
func Available() []string {
	files, err := fs.Glob(locks, "locks/*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var names []string
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(f, "locks/"), ".yaml")
		names = append(names, strings.Replace(name, "-", " ", 1))
	}
	return names
}
