package machine

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// nameLimit bounds, in bytes, a path that a machine names: Linux's PATH_MAX.
const nameLimit = 4096

// listed are the paths that the script's function entries printed in a section.
func (a answer) listed(section string) ([]string, error) {
	var all []string
	for _, f := range a.rows(section, 2) {
		switch f[0] {
		case "found":
			all = append(all, f[1])
		case "encoded":
			data, err := base64.StdEncoding.DecodeString(f[1])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", section, err)
			}
			all = append(all, string(data))
		}
	}
	return all, nil
}

// directlyIn says that a path is that of a thing in dir, and of nothing else,
// whatever characters its name is made of.
func directlyIn(dir, path string) bool {
	name, ok := strings.CutPrefix(path, dir+"/")
	return ok && name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00") && len(path) <= nameLimit
}

// readLinks reads which releases the links of all components point to.
func readLinks(s State, a answer, o *Observed) error {
	for _, f := range a.rows("links", 2) {
		if checkPath(f[0]) == nil && checkPath(f[1]) == nil {
			o.InUse[f[0]] = f[1]
		}
		if len(f[1]) <= nameLimit && slices.ContainsFunc(s.Releases, func(r Release) bool { return r.Link() == f[0] }) {
			o.Links[f[0]] = f[1]
		}
	}
	return nil
}

// readStrangers finds what is in weir's own places and is nobody's. Trees of
// releases that nobody names are Orphans.
func readStrangers(s State, a answer, o *Observed) error {
	owned := s.ownPaths(a, o)
	isOwned := func(path string) bool {
		return slices.ContainsFunc(owned, func(p string) bool { return p == path || strings.HasPrefix(p, path+"/") })
	}
	found, err := a.listed("strangers")
	if err != nil {
		return err
	}
	for _, path := range found {
		dir, ok := s.exclusive(path)
		switch {
		case !ok || isOwned(path):
		case dir != ReleaseDir:
			o.Strangers = append(o.Strangers, path)
		case slices.Contains(found, fingerprint(path)) && checkPath(path) == nil:
			o.Orphans = append(o.Orphans, path)
		}
	}
	slices.Sort(o.Strangers)
	slices.Sort(o.Orphans)
	return nil
}

// exclusive is the directory of weir's alone that a path is directly in.
func (s State) exclusive(path string) (dir string, ok bool) {
	for _, d := range s.Directories {
		if d.Exclusive && directlyIn(d.Path, path) {
			return d.Path, true
		}
	}
	return "", false
}

// ownPaths are all paths that are somebody's of weir: what the state
// declares, what manifests list, what units and links of weir use.
func (s State) ownPaths(a answer, o *Observed) []string {
	m := s.Manifest()
	own := slices.Concat(m.Files, m.Directories, m.Data, m.Links, m.Releases, a["named"])
	for _, target := range o.InUse {
		own = append(own, target)
	}
	for _, f := range s.Files { // those written once are in no manifest
		own = append(own, f.Path)
	}
	for _, m := range o.Manifests {
		own = slices.Concat(own, m.Files, m.Directories, m.Data, m.Links, m.Releases)
	}
	return own
}

// readReleases reads the identity of each release's tree and how it differs
// from what was unpacked.
func readReleases(s State, a answer, o *Observed) error {
	digests := a.sums()
	for _, f := range a.rows("releases", 2) {
		digest, ok := digests[sums(f[0])]
		if !ok {
			continue
		}
		r := ObservedRelease{Digest: digest, Altered: f[1] != ""}
		if data, err := base64.StdEncoding.DecodeString(f[1]); err == nil {
			r.Changes = treeChanges(string(data))
		}
		o.Releases[f[0]] = r
	}
	return nil
}

// treeChanges reads what comm prints of two fingerprints: lines of the first,
// and behind a tab lines of the second. A directory whose time alone changed is
// left out: something in it is listed.
func treeChanges(lines string) []string {
	was, is := map[string]bool{}, map[string]bool{}
	changed := map[string]string{}
	for line := range strings.Lines(lines) {
		line, added := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "\t")
		f := strings.Split(line, "\t")
		if len(f) != 7 || f[0] == "" {
			continue
		}
		if added {
			is[f[0]] = true
		} else {
			was[f[0]] = true
		}
		changed[f[0]] = f[1]
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		switch {
		case !is[name]:
			all = append(all, name+" is missing")
		case !was[name]:
			all = append(all, name+" was added")
		case changed[name] != "d":
			all = append(all, name+" was changed")
		}
	}
	return all
}
