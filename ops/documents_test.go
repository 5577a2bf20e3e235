package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"weir/ops/command"
	"weir/ops/doctor"
	"weir/ops/gauge"
	"weir/ops/journal"
	"weir/ops/plan"
	"weir/ops/roll"
	"weir/ops/runs"
	"weir/ops/status"
	"weir/ops/verify"
	"weir/testenv/golden"
)

// The page says what the types say of themselves: it cannot lag behind.
func TestTheDocumentsReferenceIsUpToDate(t *testing.T) {
	w := documentWriter{t: t, comments: map[string]map[string]string{}, seen: map[reflect.Type]bool{}}
	fmt.Fprint(&w.page, "<!-- Generated from the types; go test ./ops -run Reference -update rewrites it. -->\n\n"+
		"# JSON documents\n\nWhat `-o json` prints. Fields are only ever added; one that is empty may be missing.\n")
	for _, d := range []struct {
		command string
		shape   any
	}{
		{"ops preview -o json", plan.Document{}}, {"ops runs -o json, an array of", runs.Detail{}.Run}, {"ops runs show RUN -o json", runs.Detail{}},
		{"ops status -o json", status.Status{}}, {"ops verify -o json", verify.Report{}},
		{"ops roll --dry-run -o json", roll.Plan{}}, {"ops exec -o json, an array of", command.Outcome{}}, {"ops logs -o json, a line each", journal.Entry{}},
		{"ops doctor -o json", doctor.Report{}}, {"ops bench -o json", gauge.Result{}},
	} {
		fmt.Fprintf(&w.page, "\n## %s\n", d.command)
		w.types = []reflect.Type{reflect.TypeOf(d.shape)}
		for len(w.types) > 0 {
			next := w.types[0]
			w.types = w.types[1:]
			w.write(next)
		}
	}
	golden.File(t, "../docs/reference/json.md", w.page.String())
}

type documentWriter struct {
	t        *testing.T
	page     bytes.Buffer
	comments map[string]map[string]string // by package, then by type or "Type.Field"
	types    []reflect.Type               // to be written
	seen     map[reflect.Type]bool
}

func (w *documentWriter) write(t reflect.Type) {
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	fmt.Fprintf(&w.page, "\n### %s\n\n%s\n\n| Field | Is | |\n|---|---|---|\n", title(t), plain.Replace(w.comment(t, t.Name())))
	w.fields(t)
}

// title tells types of one name apart by their packages.
func title(t reflect.Type) string { return filepath.Base(t.PkgPath()) + "." + t.Name() }

func (w *documentWriter) fields(t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			w.fields(f.Type)
		case f.IsExported() && name != "":
			fmt.Fprintf(&w.page, "| `%s` | %s | %s |\n", name, w.kind(f.Type), plain.Replace(w.comment(t, t.Name()+"."+f.Name)))
		}
	}
}

func (w *documentWriter) kind(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case t.Kind() == reflect.Pointer:
		return w.kind(t.Elem())
	case t.Kind() == reflect.Map:
		return "object with " + w.kind(t.Elem()) + "s"
	case t.Kind() == reflect.Slice:
		return "array of " + w.kind(t.Elem())
	case t.Kind() == reflect.Struct:
		w.types = append(w.types, t)
		return fmt.Sprintf("[%s](#%s)", title(t), strings.ToLower(strings.ReplaceAll(title(t), ".", "")))
	case t.Kind() == reflect.Bool:
		return "boolean"
	case t.Kind() == reflect.String, t.Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()):
		return "string"
	}
	return "number"
}

// comment is what the source says of a type or a field.
func (w *documentWriter) comment(t reflect.Type, name string) string {
	dir := strings.TrimPrefix(t.PkgPath(), "weir/")
	if w.comments[dir] == nil {
		w.comments[dir] = w.parse(filepath.Join("..", dir))
	}
	text, ok := w.comments[dir][name]
	if !ok {
		w.t.Errorf("%s: the source of %s says nothing of it", dir, name)
	}
	return text
}

func (w *documentWriter) parse(dir string) map[string]string {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]string{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			w.t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.TYPE {
				note(found, d)
			}
			return true
		})
	}
	return found
}

// note keeps the comments of types; fields that share one each have it.
func note(found map[string]string, d *ast.GenDecl) {
	for _, s := range d.Specs {
		spec := s.(*ast.TypeSpec)
		found[spec.Name.Name] = oneLine(d.Doc, spec.Doc)
		body, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		above := ""
		for _, f := range body.Fields.List {
			if text := oneLine(f.Doc, f.Comment); text != "" {
				above = text
			} else if f.Doc == nil && f.Comment == nil {
				above = ""
			}
			for _, n := range f.Names {
				found[spec.Name.Name+"."+n.Name] = above
			}
		}
	}
}

func oneLine(groups ...*ast.CommentGroup) string {
	var parts []string
	for _, g := range groups {
		if g != nil {
			parts = append(parts, strings.Fields(g.Text())...)
		}
	}
	return strings.Join(parts, " ")
}
