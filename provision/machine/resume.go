package machine

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"weir/provision/remote"
)

// worthResuming is the size of a pack, in bytes, from which a machine is asked
// what it has of it: the question takes as long as sending this much.
const worthResuming = 4 << 20

// partial is where a release's tree grows until it is complete and gets its name.
func partial(dir string) string { return path.Join(path.Dir(dir), ".new-"+path.Base(dir)) }

// resume leaves pack's file where the stream to a machine goes on that was cut
// off before, and returns how many bytes it passed over. The machine tells the
// digests of the files that did arrive; the first one in the pack that is not
// among them is where the rest begins. Whatever the machine says, the complete
// tree is verified there.
//
// Whole files, and not the bytes of the stream, because the machine then keeps
// nothing twice and a stream that is not cut off costs nothing more. A
// compressed pack cannot be entered in the middle; those are programs, and small.
func resume(ctx context.Context, r remote.Runner, release Release, pack Pack, file io.ReadSeeker) (int64, error) {
	if pack.Gzip || pack.Size < worthResuming {
		return 0, nil
	}
	result, err := r.Run(ctx, remote.Script{Step: "resume", Root: true, Text: fmt.Sprintf(arrivedScript, remote.Quote(partial(release.Dir())))})
	if err != nil {
		return 0, err
	}
	offset, err := leftOff(file, parseArrived(string(result.Stdout)))
	if err == nil {
		_, err = file.Seek(offset, io.SeekStart)
	}
	return offset, err
}

// arrivedScript lists what is there of a release as sha256sum does.
const arrivedScript = `set -eu
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd %s 2>/dev/null || exit 0
if command -v openssl >/dev/null; then hash='openssl dgst -sha256 -r'; else hash='sha256sum --binary'; fi
find . -type f -print0 | xargs -0 -r $hash
`

// parseArrived reads lines "DIGEST *./PATH"; what is none counts for nothing.
func parseArrived(text string) map[string]string {
	have := map[string]string{}
	for line := range strings.Lines(text) {
		if digest, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " *./"); ok {
			have[name] = digest
		}
	}
	return have
}

// tarBlock is the unit, in bytes, in which a tar file is written.
const tarBlock = 512

// leftOff returns where in a tar file the first file begins that is not among
// those that a machine has, by name and sha256.
func leftOff(pack io.Reader, have map[string]string) (offset int64, err error) {
	if len(have) == 0 {
		return 0, nil
	}
	read := &counter{r: pack}
	archive := tar.NewReader(read)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return offset, nil
		}
		if err != nil {
			return 0, fmt.Errorf("read the packed release: %w", err)
		}
		if header.Typeflag == tar.TypeReg {
			digest, has := have[header.Name]
			if !has {
				return offset, nil
			}
			h := sha256.New()
			if _, err := io.Copy(h, archive); err != nil {
				return 0, fmt.Errorf("read the packed release: %w", err)
			}
			if hex.EncodeToString(h.Sum(nil)) != digest {
				return offset, nil
			}
		}
		offset = (read.n + tarBlock - 1) / tarBlock * tarBlock
	}
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
