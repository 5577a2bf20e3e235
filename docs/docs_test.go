// Package docs keeps the documentation true where a program can tell.
package docs

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"weir/infra/stack"
)

// pages are all texts for people, by their path from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "reference/*.md", "../*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no pages %s: %v", pattern, err)
		}
		for _, file := range files {
			texts[file] = read(t, file)
		}
	}
	return texts
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fence   = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
)

func TestLinksLeadSomewhere(t *testing.T) {
	for page, text := range pages(t) {
		for _, found := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			to, anchor, _ := strings.Cut(found[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			target := page
			if to != "" {
				target = filepath.Join(filepath.Dir(page), to)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, found[1])
			} else if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s links to %s, and %s has no such heading", page, found[1], target)
			}
		}
	}
}

// where names something that code declares, and the file.
var where = regexp.MustCompile("`([\\w.]+)` in `([\\w./-]+\\.go)`")

func TestWhatPagesPointAtInCodeIsThere(t *testing.T) {
	found := 0
	for page, text := range pages(t) {
		for _, to := range where.FindAllStringSubmatch(text, -1) {
			found++
			name, file := to[1][strings.LastIndex(to[1], ".")+1:], to[2]
			declared := regexp.MustCompile(`(?m)^(func|type|var|const) (\([^)]*\) )?` + name + `\b`)
			if !declared.MatchString(read(t, filepath.Join("..", file))) {
				t.Errorf("%s points at %s in %s, which does not declare it", page, to[1], file)
			}
		}
	}
	if found == 0 {
		t.Error("no page points at code: this test looks for another form")
	}
}

// anchors are the headings' names, as renderers of Markdown make them.
func anchors(text string) []string {
	var names []string
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		plain := regexp.MustCompile("[^a-z0-9 -]").ReplaceAllString(strings.ToLower(h[1]), "")
		names = append(names, strings.ReplaceAll(plain, " ", "-"))
	}
	return names
}

func TestExamplesOfStackFilesAreValid(t *testing.T) {
	examples := 0
	for page, text := range pages(t) {
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			if block[1] != "yaml" || !strings.Contains(block[2], "weir:cluster:") {
				continue
			}
			examples++
			c, err := stack.ParseFile(stack.Source{Stack: "prod", Root: "/project", Home: "/home/fams"}, []byte(block[2]))
			if err != nil {
				t.Errorf("%s:\n%s\n%v", page, block[2], err)
			} else if warnings := c.Warnings(); len(warnings) > 0 {
				t.Errorf("%s: the example is warned of: %v", page, warnings)
			}
		}
	}
	if examples == 0 {
		t.Error("no page has an example of a stack file")
	}
}

// code is what stands in a page's blocks and between backticks, a line each.
func code(text string) string {
	var parts []string
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		parts = append(parts, block[2])
	}
	for _, span := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		parts = append(parts, span[1])
	}
	return strings.Join(parts, "\n")
}

// TestTargetsAndVerbsExist checks what pages tell people to type.
func TestTargetsAndVerbsExist(t *testing.T) {
	makefile, reference := read(t, "../Makefile"), read(t, "reference/ops.md")
	typed := regexp.MustCompile(`(?m)(?:^ *|&& |\$\()(?:bin/)?(make|ops) ([a-z]+(?:-[a-z]+)*)`)
	for page, text := range pages(t) {
		for _, found := range typed.FindAllStringSubmatch(code(text), -1) {
			switch program, word := found[1], found[2]; {
			case program == "make" && !regexp.MustCompile(`(?m)^([a-z]+ )*`+word+`( [a-z]+)*:`).MatchString(makefile):
				t.Errorf("%s says make %s; the Makefile has no such target", page, word)
			case program == "ops" && !strings.Contains(reference, "\n## ops "+word+"\n"):
				t.Errorf("%s says ops %s; there is no such verb", page, word)
			}
		}
	}
}

// What make is told to delete must be the stack that it removes.
func TestMakeDeletesDataOnlyOfTheStackThatIsNamed(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		says    string
		refuses bool
	}{
		{"by default", nil, "bin/ops down --stack prod", false},
		{"without a question", []string{"YES=1"}, "bin/ops down --stack prod --yes", false},
		{"with the stack named", []string{"DELETE_DATA=prod"}, "bin/ops down --stack prod  --yes-delete-data", false},
		{"with another stack named", []string{"DELETE_DATA=test"}, "write DELETE_DATA=prod", true},
		{"with a yes", []string{"YES=1", "DELETE_DATA=1"}, "write DELETE_DATA=prod", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"--dry-run", "--directory", "..", "--assume-old", "build", "down", "STACK=prod"}, c.args...)
			cmd := exec.CommandContext(t.Context(), "make", args...)
			cmd.Env = append(os.Environ(), "MAKEFLAGS=", "YES=", "DELETE_DATA=") // of a make that runs this
			out, err := cmd.CombinedOutput()
			said := regexp.MustCompile(`(?m)^.*`+regexp.QuoteMeta(c.says)+` *$`).Match(out) || c.refuses && strings.Contains(string(out), c.says)
			if (err != nil) != c.refuses || !said {
				t.Errorf("make %s: %v, want refused: %t, and %q:\n%s", strings.Join(args, " "), err, c.refuses, c.says, out)
			}
		})
	}
}

// TestEverySettingIsExplained compares the page of settings with what weir
// writes, by the golden files of its tests.
func TestEverySettingIsExplained(t *testing.T) {
	page := read(t, "article-settings.md")
	for _, file := range []string{
		"kafka/testdata/server.properties", "kafka/testdata/producer.properties",
		"kafka/testdata/consumer.properties", "zookeeper/testdata/zookeeper.properties",
	} {
		lines := bufio.NewScanner(strings.NewReader(read(t, "../provision/"+file+".golden")))
		for lines.Scan() {
			key, value, ok := strings.Cut(lines.Text(), "=")
			if !ok || strings.HasPrefix(key, "#") || regexp.MustCompile(`^server\.\d$`).MatchString(key) {
				continue
			}
			// Either a row of its own with the value, or named in the article's table.
			row := "| `" + key + "` | `" + value + "` |"
			_, added, _ := strings.Cut(page, "## What a cluster of three needs today")
			if strings.Contains(added, "| `"+key+"` |") && !strings.Contains(added, row) {
				t.Errorf("%s: %s is not %s any more", file, key, row)
			}
			if !regexp.MustCompile("(?m)^\\|.*`" + regexp.QuoteMeta(key) + "\\b").MatchString(page) {
				t.Errorf("%s: %s=%s is not explained", file, key, value)
			}
		}
	}
}
