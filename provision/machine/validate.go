package machine

import (
	"errors"
	"fmt"
	"regexp"
)

var (
	namePattern   = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)
	digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	sysctlPattern = regexp.MustCompile(`^[a-z0-9_.-]+$`)
)

// Validate reports every part of the state that cannot be applied safely.
// States come from components, so a problem here is a mistake in one of them.
func (s State) Validate() error {
	var errs []error
	report := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	name := func(what, v string) {
		if !namePattern.MatchString(v) {
			report(what, fmt.Errorf("%q is not a plain lower-case name", v))
		}
	}
	name("component", s.Component)
	if s.Cluster == "" {
		report("cluster", errors.New("is empty"))
	}
	for _, u := range s.Users {
		name("user", u.Name)
	}
	for _, d := range s.Directories {
		report("directory", checkPath(d.Path))
		name("owner of "+d.Path, d.Owner)
		name("group of "+d.Path, d.Group)
	}
	for _, f := range s.Files {
		report("file", checkPath(f.Path))
		name("owner of "+f.Path, f.Owner)
		name("group of "+f.Path, f.Group)
	}
	for _, r := range s.Releases {
		report("release", checkPath(r.Root))
		if !digestPattern.MatchString(r.Digest) {
			report("release "+r.Name, fmt.Errorf("digest %q is not a sha256 in hex", r.Digest))
		}
	}
	for _, v := range s.Services {
		report("service", checkUnit(v.Unit))
	}
	for _, c := range s.Sysctls {
		if !sysctlPattern.MatchString(c.Key) && !(belowSys(c.Key) && checkPath(c.Key) == nil) {
			report("sysctl", fmt.Errorf("%q is not a key", c.Key))
		}
	}
	return errors.Join(errs...)
}
