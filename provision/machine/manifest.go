package machine

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// ManifestDir holds one manifest per component. One file each, rather than one
// for the machine, lets two components be applied without reading back and
// merging what the other wrote.
const ManifestDir = "/var/lib/weir/manifest"

// Manifest lists what a component owns on a machine. It is what lets the next
// run remove what is no longer declared, and refuse another cluster's machine.
type Manifest struct {
	Cluster     string   `json:"cluster"`
	Component   string   `json:"component"`
	Files       []string `json:"files,omitempty"`
	Services    []string `json:"services,omitempty"`
	Directories []string `json:"directories,omitempty"`
	// Data are directories that only a delete with data removes.
	Data []string `json:"data,omitempty"`
	// Links say which release is current.
	Links []string `json:"links,omitempty"`
	// Releases are the trees of the current release and the one before it, the
	// newest first: going back is a switch.
	Releases []string `json:"releases,omitempty"`
}

// ManifestPath is where the manifest of a component is.
func ManifestPath(component string) string {
	return ManifestDir + "/" + component + ".json"
}

// keptReleases is how many trees stay: the current one and the one before.
const keptReleases = 2

// manifest returns what the state owns once it is applied after old.
func (s State) manifest(old Manifest) Manifest {
	m := s.Manifest()
	for _, dir := range old.Releases {
		if len(m.Releases) > 0 && len(m.Releases) < keptReleases && !slices.Contains(m.Releases, dir) {
			m.Releases = append(m.Releases, dir)
		}
	}
	return m
}

// Manifest returns what the state owns by itself.
func (s State) Manifest() Manifest {
	m := Manifest{Cluster: s.Cluster, Component: s.Component}
	for _, f := range s.Files {
		if !f.Once {
			m.Files = append(m.Files, f.Path)
		}
	}
	for _, v := range s.Services {
		m.Services = append(m.Services, v.Unit)
	}
	for _, d := range s.Directories {
		if d.Data {
			m.Data = append(m.Data, d.Path)
		} else {
			m.Directories = append(m.Directories, d.Path)
		}
	}
	for _, r := range s.Releases {
		m.Links = append(m.Links, r.Link())
		m.Releases = append(m.Releases, r.Dir())
	}
	if f, ok := s.sysctlFile(); ok {
		m.Files = append(m.Files, f.Path)
	}
	return m.union(m)
}

// union owns what either owns, the releases of n first.
func (m Manifest) union(n Manifest) Manifest {
	join := func(a, b []string) []string {
		all := slices.Concat(a, b)
		slices.Sort(all)
		return slices.Compact(all)
	}
	return Manifest{
		Cluster: n.Cluster, Component: n.Component,
		Files: join(m.Files, n.Files), Services: join(m.Services, n.Services),
		Directories: join(m.Directories, n.Directories), Data: join(m.Data, n.Data),
		Links: join(m.Links, n.Links), Releases: append(slices.Clone(n.Releases), missing(m.Releases, n.Releases)...),
	}
}

func (m Manifest) encode() string {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // strings and slices of strings always encode
	}
	return string(b) + "\n"
}

// parseManifest reads what a machine sent. Its paths are later removed on that
// machine, so anything that is not a plain path below a directory is refused.
func parseManifest(component string, data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("manifest %s is damaged: %w", ManifestPath(component), err)
	}
	if m.Component != component || m.Cluster == "" {
		return m, fmt.Errorf("manifest %s names component %q of cluster %q: it was not written by weir", ManifestPath(component), m.Component, m.Cluster)
	}
	for _, p := range slices.Concat(m.Files, m.Directories, m.Data, m.Links, m.Releases) {
		if err := checkPath(p); err != nil {
			return m, fmt.Errorf("manifest %s: %w", ManifestPath(component), err)
		}
	}
	for _, u := range m.Services {
		if err := checkUnit(u); err != nil {
			return m, fmt.Errorf("manifest %s: %w", ManifestPath(component), err)
		}
	}
	return m, nil
}

// checkPath accepts absolute, clean paths at least two levels deep.
func checkPath(p string) error {
	switch {
	case !strings.HasPrefix(p, "/"), path.Clean(p) != p, strings.Count(p, "/") < 2:
		return fmt.Errorf("path %q is not absolute, clean and below a top directory", p)
	case strings.ContainsFunc(p, isControl):
		return fmt.Errorf("path %q holds a control character", p)
	}
	return nil
}

func checkUnit(u string) error {
	if u == "" || strings.ContainsAny(u, "/ \t\n'\"\\") || !strings.Contains(u, ".") {
		return fmt.Errorf("unit name %q is not a systemd unit's", u)
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f }
