package drive

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// clusterIDFile holds the Kafka cluster's id as it was first seen, or as it was
// when the stack was last brought up. It goes with the stack.
func (p Project) clusterIDFile(stack string) string {
	return filepath.Join(p.StackDir(stack), "cluster-id")
}

// ClusterID is the id that is known of a stack's Kafka cluster; empty where none is.
func (p Project) ClusterID(stack string) string {
	text, err := os.ReadFile(p.clusterIDFile(stack))
	if err != nil { // it is seen anew then
		return ""
	}
	return strings.TrimSpace(string(text))
}

// KeepClusterID keeps a stack's cluster id. A kill leaves the old one or the new.
func (p Project) KeepClusterID(stack, id string) error {
	file := p.clusterIDFile(stack)
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		err = renameio.WriteFile(file, []byte(id+"\n"), 0o600, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(file)))
	}
	if err != nil {
		return fmt.Errorf("keep the cluster's id: %w", err)
	}
	return nil
}
