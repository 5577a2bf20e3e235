package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// ErrPacked says that a lock holds an archive whose content only the archive
// itself tells: [Store.Resolve] replaces it by its files.
var ErrPacked = errors.New("the files of an archive are not known before it was fetched")

// Sums returns the text of the tree's SHA256SUMS file: what `sha256sum --check`
// reads, sorted by path, after comments that name the release and each
// executable file, so that the text stands for all that a tree is.
// A lock that holds an archive gives ErrPacked.
func (l Lock) Sums() (string, error) {
	l.Items = append([]Item(nil), l.Items...)
	l.sort()
	var modes, sums strings.Builder
	for _, i := range l.Items {
		if i.Unpack != nil {
			return "", fmt.Errorf("release %s: %s: %w", l, i, ErrPacked)
		}
		if i.Executable {
			fmt.Fprintf(&modes, "# executable: %s\n", i.Place)
		}
		fmt.Fprintf(&sums, "%s  %s\n", i.checksum(), i.Place)
	}
	return fmt.Sprintf("# release: %s\n%s%s", l, modes.String(), sums.String()), nil
}

// Digest is the release's identity: the sha256, in hex, of Sums.
// A lock that holds an archive gives ErrPacked.
func (l Lock) Digest() (string, error) {
	sums, err := l.Sums()
	if err != nil {
		return "", err
	}
	return sum([]byte(sums)), nil
}

// sum is the sha256 of data in hex.
func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
