package release

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// LockMaven resolves the dependency tree of roots (group:artifact:version) with
// Maven, as a project that depends on them at run time would, fetches every jar
// into the store and locks it at dir/artifact-version.jar. It trusts what Maven
// brings, once, with Maven's own checksums enforced: review what it returns.
func (s *Store) LockMaven(ctx context.Context, name, version, dir string, roots ...string) (Lock, error) {
	l := Lock{Name: name, Version: version}
	err := s.exclusive(ctx, func(ctx context.Context, tmp string) error {
		project := newPOM()
		for _, root := range roots {
			c, err := parseCoordinate(root)
			if err != nil {
				return err
			}
			project.Dependencies = append(project.Dependencies, c)
		}
		if err := writePOM(filepath.Join(tmp, "pom.xml"), project); err != nil {
			return err
		}
		list := filepath.Join(tmp, "list")
		err := s.mavenTool().run(ctx, tmp, nil, "--batch-mode", "--quiet", "--strict-checksums", "-Dstyle.color=never",
			"dependency:list", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputFile="+list,
			"-DoutputDirectory="+filepath.Join(tmp, "out"), "-Dmdep.prependGroupId=true")
		if err != nil {
			return err
		}
		data, err := os.ReadFile(list)
		if err != nil {
			return err
		}
		l.Items, err = s.lockList(data, filepath.Join(tmp, "out"), dir)
		return err
	})
	if err == nil {
		err = l.Validate()
	}
	if err != nil {
		return Lock{}, fmt.Errorf("lock %s %s: %w", name, version, err)
	}
	return l, nil
}

// lockList locks what dependency:list wrote, "group:artifact:jar:version:scope"
// lines, with a classifier before the version where there is one.
func (s *Store) lockList(list []byte, from, dir string) ([]Item, error) {
	var items []Item
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		line, _, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ") // newer plugins append module names
		f := strings.Split(line, ":")
		if len(f) < 5 {
			continue // "The following files have been resolved:"
		}
		c := coordinate{Group: f[0], Artifact: f[1], Type: f[2], Version: f[len(f)-2]}
		if len(f) == 6 {
			c.Classifier = f[3]
		}
		item, err := s.lockFile(c, from, dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil, errors.New("the Maven client listed no dependencies")
	}
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Place, b.Place) })
	return items, lines.Err()
}

func (s *Store) lockFile(c coordinate, from, dir string) (Item, error) {
	name := c.Artifact + "-" + c.Version
	if c.Classifier != "" {
		name += "-" + c.Classifier
	}
	name += "." + c.Type
	path := filepath.Join(from, c.Group+"."+name)
	hash, size, err := hashFile(path)
	if err != nil {
		return Item{}, err
	}
	item := Item{Place: dir + "/" + name, Maven: c.String(), SHA256: hash, Size: size}
	return item, s.admit(item, path, "Maven")
}
