package machine

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"weir/provision/remote"
)

// ManifestDir holds one manifest per component. One file each, rather than one
// for the machine, lets two components be applied without reading back and
// merging what the other wrote.
const ManifestDir = "/var/lib/weir/manifest"

// Manifest lists what a component owns on a machine. It is what lets the next
// run remove what is no longer declared, and refuse another cluster's machine.
type Manifest struct {
	Cluster   string `json:"cluster"`
	Component string `json:"component"`
	// Machine is the name that the machine was declared by last.
	Machine     string   `json:"machine,omitempty"`
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
	// Sum is the digest of all the rest. Things are removed on a manifest's word:
	// one that was edited by hand is not believed.
	Sum string `json:"sum"`
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
	m := Manifest{Cluster: s.Cluster, Component: s.Component, Machine: s.Machine}
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
		Cluster: n.Cluster, Component: n.Component, Machine: n.Machine,
		Files: join(m.Files, n.Files), Services: join(m.Services, n.Services),
		Directories: join(m.Directories, n.Directories), Data: join(m.Data, n.Data),
		Links: join(m.Links, n.Links), Releases: append(slices.Clone(n.Releases), missing(m.Releases, n.Releases)...),
	}
}

// encode is the file's text, with the sum of what the manifest says.
func (m Manifest) encode() string {
	m.Sum = m.sum()
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // strings and slices of strings always encode
	}
	return string(b) + "\n"
}

// sum is the digest of the manifest without its sum, independent of layout.
func (m Manifest) sum() string {
	m.Sum = ""
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // as above
	}
	return Digest(string(b))
}

// parseManifest reads what a machine sent. Its paths are later removed on that
// machine, so anything but what weir has written is damage.
func parseManifest(component string, data []byte) (Manifest, *Damage) {
	var m Manifest
	damaged := func(format string, args ...any) (Manifest, *Damage) {
		return Manifest{}, &Damage{Cluster: clip(m.Cluster), Reason: clip(fmt.Sprintf(format, args...))}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return damaged("cannot be read: %v", err)
	}
	if m.Component != component || m.Cluster == "" {
		return damaged("names component %q of cluster %q", m.Component, m.Cluster)
	}
	for _, p := range slices.Concat(m.Files, m.Directories, m.Data, m.Links, m.Releases) {
		if err := checkPath(p); err != nil {
			return damaged("%v", err)
		}
	}
	for _, u := range m.Services {
		if err := checkUnit(u); err != nil {
			return damaged("%v", err)
		}
	}
	if m.Sum != m.sum() {
		return damaged("was changed by hand")
	}
	m.Sum = ""
	return m, nil
}

// ManifestFault says what is wrong with the manifest of the state's component on
// the machine, in a few words, or nothing.
func ManifestFault(want State, is Observed) string {
	old, sound := is.Manifests[want.Component]
	damage, damaged := is.Damaged[want.Component]
	switch {
	case damaged:
		return "damaged: it " + damage.Reason
	case want.empty():
		return ""
	case !sound:
		return "missing"
	case old.Cluster != want.Cluster:
		return fmt.Sprintf("of cluster %q", clip(old.Cluster))
	case old.anothers(want.Machine):
		return fmt.Sprintf("of machine %q", clip(old.Machine))
	case old.encode() != want.manifest(old).encode():
		return "lists other things than are declared"
	}
	return ""
}

// anothers says that the machine was declared by another name since.
func (m Manifest) anothers(name string) bool {
	return m.Machine != "" && name != "" && m.Machine != name
}

// clipped bounds, in bytes, what of a machine's words goes into a message.
const clipped = 200

func clip(s string) string {
	if len(s) > clipped {
		s = s[:clipped] + "..."
	}
	return remote.Plain(s)
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
