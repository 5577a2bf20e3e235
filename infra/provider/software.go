package provider

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"weir/provision/kafka"
	"weir/provision/machine"
	"weir/provision/release"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Release says which software a component runs on.
type Release struct {
	Version *string `pulumi:"version,optional"`
	Archive *string `pulumi:"archive,optional"`
	SHA256  *string `pulumi:"sha256,optional"`
}

// Annotate documents the fields in the provider's schema.
func (r *Release) Annotate(a infer.Annotator) {
	a.SetToken("index", "Release")
	a.Describe(&r.Version, "Kafka's version; "+kafka.DefaultVersion+" where not set.")
	a.Describe(&r.Archive, "Apache's own distribution instead of the locked jars: an https URL, or a path on this computer.")
	a.Describe(&r.SHA256, "The archive's checksum, in hex.")
}

func describeDigest(a infer.Annotator, field **string) {
	a.Describe(field, "Computed: the digest of the release.")
}

// software is a release that a component runs on. Its digest is an input that
// Check computes, so that a refresh and a delete need not find the files again.
type software struct {
	name, version, root string
	// property is the input that says which software it is.
	property string
	digest   **string
	lock     func() (release.Lock, error)
}

func (s *software) release() machine.Release {
	return machine.Release{Name: s.name, Version: s.version, Digest: value(*s.digest), Root: s.root}
}

// of is Kafka's release for a component: it holds ZooKeeper too and serves both.
func (r *Release) of(component string, digest **string) *software {
	r = &Release{Version: value(r).Version, Archive: value(r).Archive, SHA256: value(r).SHA256}
	version := or(r.Version, kafka.DefaultVersion)
	return &software{
		name: kafka.ReleaseName, version: version, root: "/opt/weir/" + component, property: "release", digest: digest,
		lock: func() (release.Lock, error) {
			if r.Archive == nil {
				return kafka.Release(version)
			}
			return kafka.ReleaseFrom(version, *r.Archive, value(r.SHA256))
		},
	}
}

// binary is the release of a job: one static program. Its version is its digest.
func binary(name, path string, digest **string) *software {
	version := value(*digest)
	if len(version) > 12 {
		version = version[:12]
	}
	return &software{
		name: "job-" + name, version: version, root: "/opt/weir/jobs/" + name, property: "binary", digest: digest,
		lock: func() (release.Lock, error) {
			return release.FromFiles("job-"+name, "", release.File{Place: "bin/" + filepath.Base(path), Path: path, Executable: true})
		},
	}
}

// lock finds out what exactly the release consists of and keeps it for packs.
func (e *Env) lock(ctx context.Context, s *software) error {
	l, err := s.lock()
	if err != nil {
		return err
	}
	digest, err := e.Store.Digest(ctx, l)
	if err != nil {
		return err
	}
	*s.digest = &digest
	return nil
}

// packs fetches and packs the component's release when the first machine needs
// it; the others wait for that.
func (e *Env) packs(s *software) machine.Packs {
	var mu sync.Mutex
	var packed *machine.Pack
	return func(ctx context.Context, want machine.Release) (machine.Pack, error) {
		mu.Lock()
		defer mu.Unlock()
		if packed != nil {
			return *packed, nil
		}
		p, err := e.pack(ctx, s, want)
		if err != nil {
			return machine.Pack{}, err
		}
		packed = &machine.Pack{Size: p.Size, Gzip: p.Encoding == release.Gzip, Open: p.Open}
		return *packed, nil
	}
}

func (e *Env) pack(ctx context.Context, s *software, want machine.Release) (release.Pack, error) {
	l, err := s.lock()
	if err != nil {
		return release.Pack{}, err
	}
	digest, err := e.Store.Digest(ctx, l)
	if err != nil {
		return release.Pack{}, err
	}
	if digest != want.Digest {
		return release.Pack{}, fmt.Errorf("release %s is not what was planned (digest %.12s, planned %.12s): it changed meanwhile, run again", l, digest, want.Digest)
	}
	return e.Store.Pack(ctx, l)
}
