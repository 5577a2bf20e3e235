package drive

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	if err := put(p.clusterIDFile(stack), id+"\n", os.Rename); err != nil {
		return fmt.Errorf("keep the cluster's id: %w", err)
	}
	return nil
}

// put writes a file whole. What is there is replaced by os.Rename as place, and left
// alone, which is an error, by os.Link.
func put(file, text string, place func(from, to string) error) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	beside := fmt.Sprintf("%s.%d", file, os.Getpid())
	defer os.Remove(beside) //nolint:errcheck // it has its place
	if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
		return err
	}
	return place(beside, file)
}
