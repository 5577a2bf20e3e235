package testenv

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

//go:embed image
var recipe embed.FS

// The recipe's files, in the order in which the image's digest takes them:
// `cat Dockerfile configure.sh packages | sha256sum` in setup.sh is the same.
var recipeFiles = [...]string{"Dockerfile", "configure.sh", "packages"}

const (
	imageRepository = "weir-machine"

	// registryTimeout is how long a registry may take to say that it has the
	// base image. One that needs longer would make the build slower than
	// Debian's packages do.
	registryTimeout = 10 * time.Second
	// imageTimeout bounds a build: 40 s here, most of it download and
	// unpacking of 150 MB; a slow line and a slow disk are given 15 minutes.
	imageTimeout = 15 * time.Minute
)

// EnsureImage returns the machines' image, which is built first where the
// engine does not have it: from Debian's base image where a registry answers,
// else from Debian's packages with mmdebstrap. Its tag is a digest of its
// recipe, so that a changed recipe makes another image. progress, which may be
// nil, hears what is being built.
func EnsureImage(ctx context.Context, progress func(string)) (ref string, err error) {
	e, err := open(ctx)
	if err != nil {
		return "", err
	}
	defer e.close()
	return e.ensureImage(ctx, debian, progress)
}

func (e *engine) ensureImage(ctx context.Context, d distribution, progress func(string)) (string, error) {
	ref := d.imageRef()
	if ok, err := e.hasImage(ctx, ref); ok || err != nil {
		return ref, err
	}
	release, err := lock(ctx, "image")
	if err != nil {
		return "", err
	}
	defer release()
	if ok, err := e.hasImage(ctx, ref); ok || err != nil {
		return ref, err // another run built it while this one waited
	}
	ctx, cancel := context.WithTimeoutCause(ctx, imageTimeout, fmt.Errorf("no image after %s", imageTimeout))
	defer cancel()
	build, how := e.imageFromPackages, d.name+"'s packages, as no container registry answers"
	if e.registryAnswers(ctx, d.base) {
		build, how = e.imageFromRegistry, d.base
	}
	report(progress, "building the machines' image %s from %s (once, a minute or two)", ref, how)
	start := time.Now()
	if err := build(ctx, d, ref); err != nil {
		return "", fmt.Errorf("build image %s from %s: %w", ref, how, errors.Join(err, context.Cause(ctx)))
	}
	report(progress, "built %s in %s", ref, time.Since(start).Round(time.Second))
	return ref, nil
}

func report(progress func(string), format string, args ...any) {
	if progress != nil {
		progress(fmt.Sprintf(format, args...))
	}
}

func (d distribution) imageRef() string {
	digest := sha256.New()
	for _, name := range recipeFiles {
		digest.Write(recipeFile(name))
	}
	return imageRepository + d.suffix + ":" + hex.EncodeToString(digest.Sum(nil))[:12]
}

func recipeFile(name string) []byte {
	data, err := recipe.ReadFile("image/" + name)
	if err != nil {
		panic(err) // embedded at build time: it is there
	}
	return data
}

func (e *engine) hasImage(ctx context.Context, ref string) (bool, error) {
	_, err := e.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (e *engine) registryAnswers(ctx context.Context, baseImage string) bool {
	if ok, err := e.hasImage(ctx, baseImage); ok && err == nil {
		return true // nothing to ask for
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	_, err := e.api.DistributionInspect(ctx, baseImage, client.DistributionInspectOptions{})
	return err == nil
}

// imageFromRegistry builds with the recipe's Dockerfile.
func (e *engine) imageFromRegistry(ctx context.Context, d distribution, ref string) error {
	var files bytes.Buffer
	w := tar.NewWriter(&files)
	for _, name := range recipeFiles {
		data := recipeFile(name)
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	res, err := e.api.ImageBuild(ctx, &files, client.ImageBuildOptions{
		Tags: []string{ref}, Remove: true, ForceRemove: true, BuildArgs: map[string]*string{"BASE": &d.base},
	})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return readMessages(res.Body)
}

// imageFromPackages lets mmdebstrap write a file tree straight into the engine.
func (e *engine) imageFromPackages(ctx context.Context, d distribution, ref string) error {
	cmd, err := mmdebstrap(ctx, d)
	if err != nil {
		return err
	}
	var stderr tail
	cmd.Stderr = &stderr
	tree, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	importErr := e.importImage(ctx, tree, ref)
	if importErr != nil {
		_ = cmd.Cancel() // it would wait for a reader for ever
	}
	if err := cmd.Wait(); err != nil && (importErr == nil || len(stderr.data) > 0) {
		// The engine takes half a tree for a whole one.
		_, _ = e.api.ImageRemove(context.WithoutCancel(ctx), ref, client.ImageRemoveOptions{Force: true})
		return errors.Join(importErr, fmt.Errorf("mmdebstrap: %w\n%s", err, stderr.data))
	}
	return importErr
}

func (e *engine) importImage(ctx context.Context, tree io.Reader, ref string) error {
	res, err := e.api.ImageImport(ctx, client.ImageImportSource{Source: tree, SourceName: "-"}, ref,
		client.ImageImportOptions{Changes: imageSettings()})
	if err != nil {
		return fmt.Errorf("docker import: %w", err)
	}
	defer res.Close()
	return readMessages(res)
}

// mmdebstrap returns the command that writes the image's file tree to stdout.
func mmdebstrap(ctx context.Context, d distribution) (*exec.Cmd, error) {
	program, err := exec.LookPath("mmdebstrap")
	if err != nil {
		return nil, fmt.Errorf("neither a container registry nor mmdebstrap is there: install Debian's package mmdebstrap (testenv/setup.sh does): %w", err)
	}
	cmd := exec.CommandContext(ctx, program, d.arguments()...)
	cmd.Env = append(os.Environ(), "WEIR_CONFIGURE="+string(recipeFile("configure.sh")), "LC_ALL=C.UTF-8")
	// On an error mmdebstrap sends SIGHUP to its process group: without a group
	// of its own it takes us along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second // for removing its temporary tree
	return cmd, nil
}

// imageSettings returns the Dockerfile's settings in the form `docker import`
// takes; it knows fewer instructions, so the others are given per container.
func imageSettings() []string {
	var settings []string
	for line := range strings.Lines(string(recipeFile("Dockerfile"))) {
		if strings.HasPrefix(line, "ENV ") || strings.HasPrefix(line, "CMD ") {
			settings = append(settings, strings.TrimSpace(line))
		}
	}
	return settings
}

// readMessages reads the engine's progress messages to their end and returns
// the error among them, with the last lines of output before it.
func readMessages(r io.Reader) error {
	var output tail
	messages := json.NewDecoder(r)
	for {
		var m struct{ Stream, Error string }
		switch err := messages.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the engine's answer: %w", err)
		case m.Error != "":
			return fmt.Errorf("%s\n%s", m.Error, output.data)
		}
		_, _ = io.WriteString(&output, m.Stream)
	}
}

// tail is a writer that keeps the last few kilobytes.
type tail struct{ data []byte }

// tailSize is what an error message may hold of a program's output.
const tailSize = 4 << 10

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if over := len(t.data) - tailSize; over > 0 {
		t.data = t.data[over:]
	}
	return len(p), nil
}
