package provider

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode/utf8"

	"weir/provision/machine"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Shown is one machine's state in the form that the engine compares, stores
// and prints. What should be (by Check) and what is (by Read) have the same
// form, so that a change to come and a change made by hand look alike.
type Shown struct {
	// Unreachable is why the machine could not be looked at; what else is shown
	// is then what was known last.
	Unreachable *string              `pulumi:"unreachable,optional"`
	Packages    []string             `pulumi:"packages,optional"`
	Users       []string             `pulumi:"users,optional"`
	Directories map[string]string    `pulumi:"directories,optional"`
	Files       map[string]ShownFile `pulumi:"files,optional"`
	Releases    map[string]string    `pulumi:"releases,optional"`
	Services    map[string]string    `pulumi:"services,optional"`
	Sysctls     map[string]string    `pulumi:"sysctls,optional"`
	// Strangers are things in weir's own places that weir did not put there, or
	// that are nobody's any more.
	Strangers []string `pulumi:"strangers,optional"`
	// Manifest is what is wrong with the list of what weir owns there.
	Manifest *string `pulumi:"manifest,optional"`
}

// ShownFile is a file with its content; a secret's content is only its digest.
type ShownFile struct {
	Content string `pulumi:"content"`
	Mode    string `pulumi:"mode"` // "0644 root:root"
}

// Annotate documents the fields in the provider's schema.
func (s *Shown) Annotate(a infer.Annotator) {
	a.SetToken("index", "Shown")
	a.Describe(&s.Unreachable, "Why the machine could not be looked at.")
	a.Describe(&s.Files, "Files by path.")
	a.Describe(&s.Directories, "Modes and owners by path.")
	a.Describe(&s.Releases, "Versions and digests by name.")
	a.Describe(&s.Services, "States by unit.")
	a.Describe(&s.Strangers, "What weir did not put in weir's own places, or what is nobody's any more.")
	a.Describe(&s.Manifest, "What is wrong with the list of what weir owns there.")
}

// Annotate documents the fields in the provider's schema.
func (f *ShownFile) Annotate(a infer.Annotator) {
	a.SetToken("index", "ShownFile")
	a.Describe(&f.Content, "The file's text; of a secret only its digest.")
	a.Describe(&f.Mode, "Mode, owner and group: 0644 root:root.")
}

// showState renders what should be.
func showState(s machine.State) Shown {
	v := emptyShown()
	for _, p := range s.Packages {
		v.Packages = append(v.Packages, p.Name)
	}
	for _, u := range s.Users {
		v.Users = append(v.Users, u.Name)
	}
	for _, d := range s.Directories {
		v.Directories[d.Path] = mode(d.Mode, d.Owner, d.Group)
	}
	for _, f := range s.AllFiles() {
		v.Files[f.Path] = ShownFile{Content: desiredContent(f), Mode: mode(f.Mode, f.Owner, f.Group)}
	}
	for _, r := range s.Releases {
		v.Releases[r.Name] = releaseText(r.Version, r.Digest)
	}
	for _, u := range s.Services {
		v.Services[u.Unit] = u.Words()
	}
	for _, c := range s.Sysctls {
		v.Sysctls[c.Key] = c.Value
	}
	return v
}

// showObserved renders what is, in the places where showState says what should be.
func showObserved(s machine.State, o machine.Observed) Shown {
	v := emptyShown()
	for _, path := range slices.Concat(o.Strangers, o.Orphans) {
		v.Strangers = append(v.Strangers, machine.Printable(path))
	}
	if fault := machine.ManifestFault(s, o); fault != "" {
		v.Manifest = &fault
	}
	for _, p := range s.Packages {
		if o.Packages[p.Name] != "" {
			v.Packages = append(v.Packages, p.Name)
		}
	}
	for _, u := range s.Users {
		if o.Users[u.Name] {
			v.Users = append(v.Users, u.Name)
		}
	}
	for _, d := range s.Directories {
		if e, ok := o.Directories[d.Path]; ok {
			v.Directories[d.Path] = kind(e, "directory") + mode(e.Mode, e.Owner, e.Group)
		}
	}
	for _, f := range s.AllFiles() {
		if is, ok := o.Files[f.Path]; ok {
			v.Files[f.Path] = ShownFile{Content: observedContent(f, is), Mode: kind(is.Entry, "regular file", "regular empty file") + mode(is.Mode, is.Owner, is.Group)}
		}
	}
	for _, r := range s.Releases {
		if text := observedRelease(r, o); text != "" {
			v.Releases[r.Name] = text
		}
	}
	for _, u := range s.Services {
		v.Services[u.Unit] = o.Services[u.Unit].Words(u)
	}
	showSysctls(s, o, v.Sysctls)
	return v
}

func emptyShown() Shown {
	return Shown{
		Directories: map[string]string{}, Files: map[string]ShownFile{},
		Releases: map[string]string{}, Services: map[string]string{}, Sysctls: map[string]string{},
	}
}

func mode(m fs.FileMode, owner, group string) string {
	return fmt.Sprintf("%04o %s:%s", uint32(m), owner, group)
}

// kind names what is there instead of what should be.
func kind(e machine.Entry, want ...string) string {
	if slices.Contains(want, e.Kind) {
		return ""
	}
	return e.Kind + " "
}

func releaseText(version, digest string) string { return version + " sha256:" + digest }

func desiredContent(f machine.File) string {
	switch {
	case f.Secret:
		return "secret, sha256:" + machine.Digest(f.Content)
	case f.Once:
		return "written once"
	}
	return f.Content
}

func observedContent(f machine.File, is machine.ObservedFile) string {
	switch {
	case f.Secret:
		return "secret, sha256:" + is.SHA256
	case f.Once:
		return "written once"
	case is.Known && utf8.ValidString(is.Content): // the engine takes nothing else
		return is.Content
	}
	return fmt.Sprintf("%d bytes, sha256:%s", is.Size, is.SHA256)
}

func observedRelease(r machine.Release, o machine.Observed) string {
	link, ok := o.Links[r.Link()]
	if !ok {
		return ""
	}
	is, ok := o.Releases[r.Dir()]
	switch {
	case link != r.Dir():
		return "current is " + link
	case !ok:
		return ""
	case is.Altered:
		return strings.TrimSpace(releaseText(r.Version, is.Digest) + ", altered by hand " + machine.Several(is.Changes))
	}
	return releaseText(r.Version, is.Digest)
}

// showSysctls leaves out what cannot be set: a container's kernel is shared, and
// some kernels lack a setting.
func showSysctls(s machine.State, o machine.Observed, shown map[string]string) {
	for _, c := range s.Sysctls {
		is, ok := o.Sysctls[c.Key]
		if o.Facts.Container || !ok {
			is = c.Value
		}
		shown[c.Key] = is
	}
}
