// Package table writes aligned text for people: plain in a pipe, with colour
// and signs on a terminal that can show them.
package table

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Style is what a reader's screen can show. The zero value is plain ASCII.
type Style struct {
	Color   bool
	Unicode bool
}

// StyleOf returns what fits w: colour on a terminal that is not dumb, unless
// NO_COLOR is set; signs beyond ASCII on a terminal whose locale is UTF-8.
func StyleOf(w io.Writer, getenv func(string) string) Style {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || getenv("TERM") == "dumb" {
		return Style{}
	}
	locale := ""
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // as setlocale(3) reads them
		if locale = getenv(name); locale != "" {
			break
		}
	}
	locale = strings.ToUpper(locale)
	return Style{
		Color:   getenv("NO_COLOR") == "",
		Unicode: strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8"),
	}
}

// Good, Bad and Faint put a colour on text where the style has colours.
func (s Style) Good(text string) string { return s.paint("32", text) }

// Bad is for what is wrong.
func (s Style) Bad(text string) string { return s.paint("31;1", text) }

// Faint is for what may be overlooked.
func (s Style) Faint(text string) string { return s.paint("2", text) }

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Clean makes one printable line of text that came from elsewhere: a machine
// must not be able to move the cursor of whoever reads its error.
func Clean(text string) string {
	space := false
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError:
			r = '?'
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsPrint(r):
			return -1
		}
		if r == ' ' && space {
			return -1
		}
		space = r == ' '
		return r
	}, text))
}

// Printable is a line of a file without its end and without what would move the
// cursor; its spaces are the file's own.
func Printable(line string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		case r == '\n' || r == '\r':
			return -1
		}
		return '?'
	}, line)
}

// Count is a number of things: "1 step", "3 steps". Where several of them are not
// the noun with an s, many says what they are.
func Count(n int, noun string, many ...string) string {
	if n != 1 {
		noun = strings.Join(append(many, noun+"s")[:1], "")
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// Table is rows of cells, aligned when written.
type Table struct {
	Style  Style
	Indent string
	rows   []row
}

type row struct {
	cells []string
	paint func(string) string
}

// Head adds a row of column names.
func (t *Table) Head(cells ...string) { t.add(t.Style.Faint, cells) }

// Row adds a row. Cells are cleaned.
func (t *Table) Row(cells ...string) { t.add(nil, cells) }

// BadRow adds a row that stands out.
func (t *Table) BadRow(cells ...string) { t.add(t.Style.Bad, cells) }

func (t *Table) add(paint func(string) string, cells []string) {
	clean := make([]string, len(cells))
	for i, c := range cells {
		clean[i] = Clean(c)
	}
	t.rows = append(t.rows, row{clean, paint})
}

// WriteTo writes the rows, columns two spaces apart, without trailing spaces.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	widths := t.widths()
	var out strings.Builder
	for _, r := range t.rows {
		var line strings.Builder
		for i, cell := range r.cells {
			line.WriteString(cell)
			if i < len(r.cells)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		if r.paint != nil {
			text = r.paint(text)
		}
		out.WriteString(t.Indent + text + "\n")
	}
	n, err := io.WriteString(w, out.String())
	return int64(n), err
}

// widths are the columns'. The last cell of a row that ends early runs on over
// the columns that it does not have.
func (t *Table) widths() []int {
	var widths []int
	columns := 0
	for _, r := range t.rows {
		columns = max(columns, len(r.cells))
	}
	for _, r := range t.rows {
		for i, cell := range r.cells {
			if i == len(r.cells)-1 && len(r.cells) < columns {
				continue
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// Seconds writes a duration as people read it: "0.4 s", "12 min", "3 h", "5 d".
func Seconds(s float64) string {
	switch {
	case s < 60:
		return fmt.Sprintf("%.1f s", s)
	case s < 2*3600:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 2*24*3600:
		return fmt.Sprintf("%.0f h", s/3600)
	}
	return fmt.Sprintf("%.0f d", s/86400)
}

// Bytes writes a size in binary units: "512 MiB", "3.2 GiB".
func Bytes(n int64) string {
	const kib = 1024
	size, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	unit := 0
	for size >= kib && unit < len(units)-1 {
		size /= kib
		unit++
	}
	if unit < 3 {
		return fmt.Sprintf("%.0f %s", size, units[unit])
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}
