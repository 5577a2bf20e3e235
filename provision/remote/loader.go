package remote

import (
	"fmt"
	"io"
	"strings"
)

// loaderFailed is the loader's exit code where a script did not arrive whole.
const loaderFailed = 125

// startMark is the line that the loader waits for where sudo reads a password
// from the same input: whether sudo took the password line or left it, the
// script begins after this line.
const startMark = "weir-script"

// loader is a shell program that takes exactly n bytes of script from its
// input, runs them in its own shell, and leaves the rest of the input to them.
//
// A shell that were given the script on its input would read ahead into what
// follows (dash does), and so do some implementations of `head -c`: busybox'
// loses what follows. dd reads what it is told to and no more. The script is
// kept in a variable, not in a file: nothing is left behind when the machine or
// the connection dies, a full disk does not matter, and secrets touch no disk.
//
// "#" keeps the trailing newlines from being stripped; it is an empty comment
// after the script. The one argument is the run's tag (see stop.go), which is
// nothing to the script. The text holds no single quote and no newline, so that any
// login shell passes it on as it is.
func loader(n int, marked bool) string {
	var b strings.Builder
	b.WriteString(`shift; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH; `)
	if marked {
		fmt.Fprintf(&b, `IFS= read -r weir; [ "$weir" = %s ] || IFS= read -r weir; `, startMark)
		fmt.Fprintf(&b, `[ "$weir" = %s ] || { echo "the script did not arrive" >&2; exit %d; }; `, startMark, loaderFailed)
	}
	fmt.Fprintf(&b, `weir=$(dd bs=%d count=1 iflag=fullblock 2>/dev/null; echo "#"); `, n)
	fmt.Fprintf(&b, `[ "${#weir}" -eq %d ] || { echo "the script arrived cut: ${#weir} of %d bytes" >&2; exit %d; }; `, n+1, n+1, loaderFailed)
	b.WriteString(`eval "$weir"`)
	return b.String()
}

// become says how a command runs as the wanted user.
type become struct {
	prefix   []string // sudo and its options; empty where we are that user already
	password string   // what sudo reads first; empty where it does not ask
}

// shown is the command line for people: the loader's text would not help them.
func (b become) shown() string {
	return QuoteAll(append(append([]string{}, b.prefix...), "env", "LC_ALL=C", "sh")...)
}

// command runs a shell program as the wanted user, with messages in English;
// args are the program's.
func (b become) command(program string, args ...string) string {
	words := append([]string{"exec"}, b.prefix...)
	words = append(words, "env", "LC_ALL=C", "sh", "-c", program, "weir")
	return QuoteAll(append(words, args...)...)
}

// load makes the command and the whole input for a script.
func (b become) load(s Script, tag string) (command string, input io.Reader) {
	text := s.Text
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	head := text
	if b.password != "" {
		head = b.password + "\n" + startMark + "\n" + text
	}
	input = strings.NewReader(head)
	if s.Stdin != nil {
		input = io.MultiReader(input, s.Stdin)
	}
	return b.command(loader(len(text), b.password != ""), tag), input
}
