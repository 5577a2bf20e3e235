// Command sdkgen writes the Go SDK of a provider from its schema: the typed
// resources in infra/weir. It is what `pulumi package gen-sdk` does, without
// the language host that only a full installation of Pulumi has. Beside the
// files it leaves the schema's checksum, by which a test sees that they are stale.
//
//	sdkgen DIRECTORY < schema.json
package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sdkgen DIRECTORY < schema.json")
		os.Exit(2)
	}
	if err := generate(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sdkgen:", err)
		os.Exit(1)
	}
}

// alone loads no other packages: the schema refers to none.
type alone struct{ schema.Loader }

func generate(dir string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	pkg, err := schema.ImportSpec(spec, nil, alone{}, schema.ValidationOptions{})
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	files, err := gogen.GeneratePackage("sdkgen", pkg, nil)
	if err != nil {
		return err
	}
	for name, content := range files {
		// The generator puts everything below the package's own name.
		rel, err := filepath.Rel(spec.Name, name)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		path := filepath.Join(dir, rel)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	sum := fmt.Sprintf("%x  schema.json\n", sha256.Sum256(text)) // as sha256sum writes it
	return os.WriteFile(filepath.Join(dir, "schema.sha256"), []byte(sum), 0o644)
}
