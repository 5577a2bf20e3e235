package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// downloadLimit is far above any release and far below a full disk, in bytes:
// a server that never stops sending is not believed for ever.
const downloadLimit = 4 << 30

// fromWeb fetches items one after the other: they are few and large.
func (s *Store) fromWeb(ctx context.Context, tmp string, items []Item) error {
	var errs []error
	for _, i := range items {
		s.report("fetching", i.URL, i.Size)
		if err := s.download(ctx, tmp, i); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Store) download(ctx context.Context, tmp string, i Item) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.URL, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	// An archive is wanted as it is: a transport that decompresses it on the
	// way would change its checksum.
	request.Header.Set("Accept-Encoding", "identity")
	client := s.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return &FetchError{Tool: "HTTP", Items: []string{i.String()}, Err: err}
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return &FetchError{Tool: "HTTP", Items: []string{i.String()}, Err: fmt.Errorf("the server answered %s", response.Status)}
	}
	file := filepath.Join(tmp, i.checksum())
	if err := save(file, response.Body, i.Size); err != nil {
		return &FetchError{Tool: "HTTP", Items: []string{i.String()}, Err: err}
	}
	return s.admit(i, file, i.URL)
}

// save writes r to file, up to the limit or the known size.
func save(file string, r io.Reader, size int64) (err error) {
	limit := int64(downloadLimit)
	if size > 0 {
		limit = size
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	n, err := io.Copy(f, io.LimitReader(r, limit+1))
	if err != nil {
		return err
	}
	if n > limit {
		return fmt.Errorf("it is larger than %d bytes", limit)
	}
	return nil
}
