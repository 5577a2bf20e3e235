package testenv

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// keyFile is one file of a machine that holds a key.
type keyFile struct {
	path     string
	mode     int64
	uid, gid int
	data     []byte
}

func (k keys) files() []keyFile {
	const ops = 1000 // as configure.sh makes the user
	return []keyFile{
		{"etc/ssh/" + hostKeyFile, 0o600, 0, 0, k.host.private},
		{"etc/ssh/" + hostKeyFile + ".pub", 0o644, 0, 0, k.host.authorized},
		{"root/.ssh/authorized_keys", 0o600, 0, 0, k.client.authorized},
		{"home/ops/.ssh/authorized_keys", 0o600, ops, ops, k.client.authorized},
	}
}

// installKeys puts the keys into a container, running or not. They are copied
// and not mounted, so that a machine outlives a keys directory that was lost.
func (e *engine) installKeys(ctx context.Context, id string, k keys) error {
	var content bytes.Buffer
	w := tar.NewWriter(&content)
	for _, f := range k.files() {
		header := tar.Header{Name: f.path, Mode: f.mode, Uid: f.uid, Gid: f.gid, Size: int64(len(f.data)), ModTime: time.Now()}
		if err := w.WriteHeader(&header); err != nil {
			return err
		}
		if _, err := w.Write(f.data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := e.api.CopyToContainer(ctx, id, client.CopyToContainerOptions{DestinationPath: "/", Content: &content})
	if err != nil {
		return fmt.Errorf("copy keys: %w", err)
	}
	return nil
}

// hasKeys tells whether a container has the keys. A person may have let others
// in too: authorized_keys needs to hold our line among its own.
func (e *engine) hasKeys(ctx context.Context, id string, k keys) (bool, error) {
	for _, f := range k.files() {
		data, err := e.readFile(ctx, id, "/"+f.path)
		if errdefs.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("look for keys: %w", err)
		}
		if !bytes.Contains(data, bytes.TrimSpace(f.data)) {
			return false, nil
		}
	}
	return true, nil
}

// maxKeyFile is more than any file of keys holds.
const maxKeyFile = 64 << 10

// readFile returns the first maxKeyFile bytes of a container's file.
func (e *engine) readFile(ctx context.Context, id, path string) ([]byte, error) {
	res, err := e.api.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: path})
	if err != nil {
		return nil, err
	}
	defer res.Content.Close()
	r := tar.NewReader(res.Content)
	if _, err := r.Next(); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, maxKeyFile))
}
