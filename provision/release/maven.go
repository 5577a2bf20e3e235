package release

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
)

// mavenTool is Maven, where the store does not name another command.
func (s *Store) mavenTool() tool {
	t := tool{command: s.Maven, install: "install Maven (Debian and Ubuntu: apt-get install maven)"}
	if t.command == "" {
		t.command = "mvn"
	}
	return t
}

// fromMaven fetches all items in one run of Maven.
func (s *Store) fromMaven(ctx context.Context, tmp string, items []Item) error {
	if len(items) == 0 {
		return nil
	}
	s.report("fetching", count(len(items), "file")+" with Maven", totalSize(items))
	dir := filepath.Join(tmp, "maven")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := writePOM(filepath.Join(dir, "pom.xml"), copyPOM(items, filepath.Join(dir, "out"))); err != nil {
		return err
	}
	// The plugin's version is the one that the installed Maven names itself: a
	// company's mirror has that one, and copy is the same in all of them.
	// Without --update-snapshots Maven would not ask again for what was once
	// missing, however long ago that was mended.
	failed := s.mavenTool().run(ctx, dir, items,
		"--batch-mode", "--quiet", "--update-snapshots", "-Dstyle.color=never", "dependency:copy")
	return s.collect(items, "Maven", func(i Item) string { return filepath.Join(dir, "out", i.checksum()) }, failed)
}

// pom is the little of Maven's project file that is needed here.
type pom struct {
	XMLName      xml.Name     `xml:"http://maven.apache.org/POM/4.0.0 project"`
	Model        string       `xml:"modelVersion"`
	Group        string       `xml:"groupId"`
	Artifact     string       `xml:"artifactId"`
	Version      string       `xml:"version"`
	Packaging    string       `xml:"packaging"`
	Dependencies []coordinate `xml:"dependencies>dependency,omitempty"`
	Build        *pomBuild    `xml:"build"`
}

type pomBuild struct {
	Plugins []pomPlugin `xml:"plugins>plugin"`
}

type pomPlugin struct {
	Group    string       `xml:"groupId"`
	Artifact string       `xml:"artifactId"`
	Output   string       `xml:"configuration>outputDirectory"`
	Items    []coordinate `xml:"configuration>artifactItems>artifactItem"`
}

// coordinate is one artifact, as a dependency or as an item to copy.
type coordinate struct {
	Group      string `xml:"groupId"`
	Artifact   string `xml:"artifactId"`
	Version    string `xml:"version"`
	Classifier string `xml:"classifier,omitempty"`
	Type       string `xml:"type"`
	File       string `xml:"destFileName,omitempty"`
}

// parseCoordinate takes what mavenPattern accepts.
func parseCoordinate(s string) (coordinate, error) {
	m := mavenPattern.FindStringSubmatch(s)
	if m == nil {
		return coordinate{}, fmt.Errorf("maven coordinate %q; expected group:artifact:version[:classifier][@type]", s)
	}
	c := coordinate{Group: m[1], Artifact: m[2], Version: m[3], Classifier: m[4], Type: m[5]}
	if c.Type == "" {
		c.Type = "jar"
	}
	return c, nil
}

// String is what parseCoordinate reads.
func (c coordinate) String() string {
	s := c.Group + ":" + c.Artifact + ":" + c.Version
	if c.Classifier != "" {
		s += ":" + c.Classifier
	}
	if c.Type != "jar" {
		s += "@" + c.Type
	}
	return s
}

func newPOM() pom {
	return pom{Model: "4.0.0", Group: "weir", Artifact: "fetch", Version: "1", Packaging: "pom"}
}

// copyPOM has each item copied to out under its checksum. Items to copy, and
// not dependencies: nothing is resolved but the files themselves, which is twice
// as fast into an empty repository, and one run may hold two versions of one
// artifact.
func copyPOM(items []Item, out string) pom {
	plugin := pomPlugin{Group: "org.apache.maven.plugins", Artifact: "maven-dependency-plugin", Output: out}
	for _, i := range items {
		c, err := parseCoordinate(i.Maven)
		if err != nil {
			panic(err) // the lock was validated
		}
		c.File = i.checksum()
		plugin.Items = append(plugin.Items, c)
	}
	p := newPOM()
	p.Build = &pomBuild{Plugins: []pomPlugin{plugin}}
	return p
}

func writePOM(file string, p pom) error {
	data, err := xml.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, append([]byte(xml.Header), data...), 0o644)
}

func totalSize(items []Item) int64 {
	var n int64
	for _, i := range items {
		n += i.Size
	}
	return n
}
