package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// engineFiles are the rivals' programs, and what they need from Maven.
//
//go:embed engines
var engineFiles embed.FS

// errNoEngine says that a rival of the calculator could not be had.
var errNoEngine = errors.New("no such engine to compare with")

// mavenPatience bounds the download of Spark, 300 MB, over a slow line.
const mavenPatience = 20 * time.Minute

// measureStreams compares the calculator with a Kafka Streams program.
func measureStreams(ctx context.Context, l *lab) (findings, error) {
	return l.besideJava(ctx, "streams", "Kafka Streams 3.9.2, a store for each partition, exactly_once_v2", 7, 25, func(java []string, in *input, dir string) []string {
		return append(java, "-Xmx2g", "StreamsSums", in.brokers, in.topic, fmt.Sprint(in.messages), dir)
	})
}

// sparkBatch is how many messages Spark takes at a time: as many as serve its
// throughput, and four times what it counts in the calculator's 2 s.
const sparkBatch = 4 * million

// measureSpark compares the calculator with a Spark Structured Streaming program.
func measureSpark(ctx context.Context, l *lab) (findings, error) {
	return l.besideJava(ctx, "spark", "Spark 4.2.0 Structured Streaming, local, RocksDB state store, decimals", 10, 30, func(java []string, in *input, dir string) []string {
		batch := min(sparkBatch, in.messages/10)
		return append(append(java, sparkOptions...), "SparkSums", in.brokers, in.topic, fmt.Sprint(in.messages), dir, fmt.Sprint(batch))
	})
}

// sparkOptions are those that spark-submit gives its virtual machine; see Spark's
// JavaModuleOptions.
var sparkOptions = []string{
	"-Xmx4g", "-XX:+IgnoreUnrecognizedVMOptions", "--add-modules=jdk.incubator.vector",
	"--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.lang.invoke=ALL-UNNAMED",
	"--add-opens=java.base/java.lang.reflect=ALL-UNNAMED", "--add-opens=java.base/java.io=ALL-UNNAMED",
	"--add-opens=java.base/java.net=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED",
	"--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
	"--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED", "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
	"--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/sun.nio.cs=ALL-UNNAMED",
	"--add-opens=java.base/sun.security.action=ALL-UNNAMED", "--add-opens=java.base/sun.util.calendar=ALL-UNNAMED",
	"-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true",
}

// besideJava is beside, for a program of engines/NAME.
func (l *lab) besideJava(ctx context.Context, name, what string, leastProcessor float64, warm int64, command func(java []string, in *input, dir string) []string) (findings, error) {
	dir, err := buildJava(ctx, name)
	if errors.Is(err, errNoEngine) && ctx.Err() == nil {
		why, _, _ := strings.Cut(err.Error(), "\n")
		return findings{notes: []string{fmt.Sprintf("**Not measured:** the calculator against %s: %s.", what, why)}}, nil
	}
	if err != nil {
		return findings{}, err
	}
	java := []string{"java", "-cp", filepath.Join(dir, "classes") + ":" + filepath.Join(dir, "jars", "*")}
	return l.beside(ctx, engine{
		name: name, warm: warm, counted: saysCounted, conclude: saySums,
		command: func(in *input, dir string) []string { return command(java[:len(java):len(java)], in, dir) },
	}, what, 0, leastProcessor)
}

// buildJava fetches with Maven what a program needs, and compiles it, where a run
// before has not done so. What was done is written down last: what was cut off is
// done again.
func buildJava(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, mavenPatience)
	defer cancel()
	files, err := fs.Sub(engineFiles, "engines/"+name)
	if err != nil {
		return "", err
	}
	dir, err := filepath.Abs(filepath.Join(cache, name))
	if err != nil {
		return "", err
	}
	digest, sources, err := digestOf(files)
	if err != nil {
		return "", err
	}
	done := filepath.Join(dir, "done")
	if was, err := os.ReadFile(done); err == nil && bytes.Equal(was, digest) {
		return dir, nil
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755), os.CopyFS(dir, files)); err != nil {
		return "", err
	}
	for _, command := range [][]string{
		{"mvn", "--batch-mode", "--quiet", "-Dstyle.color=never", "dependency:copy-dependencies", "-DoutputDirectory=jars", "-DincludeScope=runtime"},
		append([]string{"javac", "-cp", "jars/*", "-d", "classes"}, sources...),
	} {
		cmd := exec.CommandContext(ctx, command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s: %w\n%s", errNoEngine, command[0], err, out)
		}
	}
	return dir, os.WriteFile(done, digest, 0o644)
}

// digestOf is that of all files of a program, and which of them are to be compiled.
func digestOf(files fs.FS) (digest []byte, sources []string, err error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, nil, err
	}
	h := sha256.New()
	for _, entry := range entries {
		text, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return nil, nil, err
		}
		fmt.Fprintf(h, "%s %d\n%s", entry.Name(), len(text), text)
		if strings.HasSuffix(entry.Name(), ".java") {
			sources = append(sources, entry.Name())
		}
	}
	return []byte(hex.EncodeToString(h.Sum(nil))), sources, nil
}
