package config

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"meterd/board"
)

// A configuration may be written in several files:
//
//	[[include]]              the tables of another file stand here
//	file = "common.toml"
//
//	[[meters]]               a [[meter]] for each row of a table
//	file    = "meters.csv"
//	profile = "single-phase" # of the rows that say nothing else
//
// Assemble makes one text of them before anything looks at it. What runs, is
// kept on flash, hidden and signed off by a trial is that text, whole: what lies
// beside it on a stick or a disk may change without changing what runs.

const (
	// MostConfig is the size of the longest configuration, assembled.
	MostConfig = 256 << 10
	// MostPart is the size of the longest file that one names.
	MostPart  = 1 << 20
	mostParts = 16
)

// Part is a file that was taken into a configuration.
type Part struct {
	Name string // without a folder
	Hash [sha256.Size]byte
}

// origin is where a line was written.
type origin struct {
	file string
	line int
}

// Assembled is a configuration in one text.
type Assembled struct {
	Text     string
	Parts    []Part
	File     string
	problems []Problem
	origins  []origin // of each line of Text; nil: they are those of File
	left     []int    // lines of Text that stand for what could not be read
	unread   bool     // File is no text: nothing is known of what it says

	read func(name string) ([]byte, error)
}

// Assemble reads the bytes of a file, and what that names by read. What is wrong
// is told by Parse.
func Assemble(file string, b []byte, read func(name string) ([]byte, error)) *Assembled {
	a := &Assembled{File: file, read: read}
	text := a.decode(file, b)
	a.unread = text == "" && len(a.problems) > 0
	out := &pieces{}
	if !a.expand(out, file, text, true) {
		a.Text = text
		return a
	}
	a.Text, a.origins, a.left = out.b.String(), out.origins, out.left
	if len(a.Text) > MostConfig {
		a.wrong(origin{file, 1}, "fewer meters or shorter tables", "with its files it has more than %d KiB", MostConfig>>10)
		a.Text, a.origins, a.left = text, nil, nil
	}
	return a
}

// LoadParts assembles a file and what it names beside it. A file in a folder
// boards has its parts in the folder around that, as on a stick.
func LoadParts(path string) (*Assembled, error) {
	b, err := board.ReadFile(path, MostPart)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	if abs, err := filepath.Abs(path); err == nil && filepath.Base(filepath.Dir(abs)) == BoardsFolder {
		dir = filepath.Dir(filepath.Dir(abs))
	}
	return Assemble(path, b, func(name string) ([]byte, error) { return board.ReadFile(filepath.Join(dir, name), MostPart) }), nil
}

// BoardsFolder is the folder of a stick whose ID.toml is for one board alone.
const BoardsFolder = "boards"

// Parse checks what was assembled, as ParseWith does.
func (a *Assembled) Parse(beside func(path string) ([]byte, bool)) (*Config, []Problem) {
	c, problems := parse(a.File, a.Text, beside, a.origins, a.left)
	if a.unread {
		return c, a.problems
	}
	return c, slices.Concat(a.problems, problems)
}

// decode reads a text that any editor has written.
func (a *Assembled) decode(file string, b []byte) string {
	text, was, ok := readable(b)
	switch {
	case bytes.HasPrefix(b, []byte("PK\x03\x04")), bytes.HasPrefix(b, []byte("\xd0\xcf\x11\xe0")):
		hint := "save it from the spreadsheet anew, as CSV"
		if file == a.File {
			hint = "save it as plain text: in Notepad, with the ending .toml"
		}
		a.wrong(origin{file, 1}, hint, "it is a workbook or an archive under another name, and no text")
		return ""
	case !ok:
		a.wrong(origin{file, 1}, "save it as UTF-8", "it is neither UTF-8 nor UTF-16 nor GB18030: this is no text")
		return ""
	case was != "":
		a.wrong(origin{file, 1}, "save it as UTF-8", "it is written in %s, and was read so", was)
		a.problems[len(a.problems)-1].Warning = true
	}
	return text
}

func (a *Assembled) wrong(at origin, hint, format string, args ...any) {
	a.problems = append(a.problems, newProblem(at.file, at.line, hint, format, args...))
}

// pieces is a text that knows where its lines come from.
type pieces struct {
	b       strings.Builder
	origins []origin
	left    []int // lines that stand for what could not be read
}

func (p *pieces) add(line string, at origin) {
	p.b.WriteString(line)
	p.b.WriteByte('\n')
	p.origins = append(p.origins, at)
}

// expand writes a text with what it names in its place. It reports false if it
// names nothing; out is of no use then.
func (a *Assembled) expand(out *pieces, file, text string, outer bool) (found bool) {
	lines := strings.Split(text, "\n")
	var open opened
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		kind := ""
		if !open.value() {
			kind = named(line)
		}
		if kind == "" {
			if open.value() {
				open.scan(lines[i])
			} else if _, value, ok := cutKey(line); ok && line[0] != '[' && line[0] != '#' {
				open.scan(value)
			}
			out.add(lines[i], origin{file, i + 1})
			continue
		}
		found = true
		head := "[[" + kind + "]]"
		if !strings.HasPrefix(line, "[[") {
			a.wrong(origin{file, i + 1}, fmt.Sprintf("write %s, in double brackets, before each", head), "%s must be an array of tables", head)
		}
		end := i + 1
		for ; end < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[end]), "["); end++ {
		}
		at := origin{file, i + 1}
		t := &table{doc: &document{file: file}, title: head}
		var block map[string][]map[string]any
		text := slices.Clone(lines[i:end])
		text[0] = head
		if _, err := toml.Decode(strings.Join(text, "\n"), &block); err != nil {
			block := text
			n, s := slipAt(block, min(max(syntaxLine(strings.Join(block, "\n"), err), 1), len(block))-1, err)
			a.wrong(origin{file, i + n + 1}, s.hint, s.format, s.args...)
		} else {
			t.values = block[kind][0]
			a.part(out, t, kind, at, outer)
		}
		i = end - 1
	}
	return found
}

// named tells whether a line begins a table that names a file; its brackets may be
// single.
func named(line string) string {
	head := strings.Join(strings.Fields(withoutComment(line)), "")
	for _, name := range []string{"include", "meters"} {
		if head == "[["+name+"]]" || head == "["+name+"]" {
			return name
		}
	}
	return ""
}

// part takes the file in that a table names.
func (a *Assembled) part(out *pieces, t *table, kind string, at origin, outer bool) {
	name, _ := t.values["file"].(string)
	switch {
	case name == "":
		hint := `add file = "…"`
		if t.values["name"] != nil || t.values["address"] != nil {
			hint = `add file = "…"; a single meter is a [[meter]]`
		}
		a.wrong(at, hint, "%s lacks file, which is required", t.title)
		return
	case strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") || unprintable(name):
		a.wrong(at, "a file beside meterd.toml, by its name without folders", "%s: file %q is not a plain name", t.title, name)
		return
	case kind == "include" && !outer:
		a.wrong(at, "name all files in meterd.toml itself", "%s: a file that is included cannot include others", t.title)
		return
	case len(a.Parts) >= mostParts:
		a.wrong(at, "", "more than %d files", mostParts)
		return
	}
	b, err := a.read(name)
	if err != nil {
		hint := "is the path right?"
		if errors.Is(err, fs.ErrNotExist) {
			hint = "put it beside meterd.toml"
		}
		a.wrong(at, hint, "%s: %s cannot be read: %v", t.title, name, withoutPath(err))
		return
	}
	if !slices.ContainsFunc(a.Parts, func(p Part) bool { return p.Name == name }) {
		a.Parts = append(a.Parts, Part{name, sha256.Sum256(b)})
	}
	before := len(a.problems)
	text := a.decode(name, b)
	if text == "" && len(a.problems) > before {
		return
	}
	if kind == "include" {
		for key := range t.values {
			if key != "file" {
				a.wrong(at, "known here: file", "%s: unknown key %q", t.title, key)
			}
		}
		a.expand(out, name, text, false)
		return
	}
	a.sheet(out, name, text, t.values, at)
}

// sheet writes a [[meter]] for each row of a table; given are the values of the
// columns that it lacks, or whose cell is empty.
func (a *Assembled) sheet(out *pieces, name, text string, given map[string]any, at origin) {
	usual := map[string]string{}
	for key, v := range given {
		switch v := v.(type) {
		case string:
			usual[key] = quoted(v)
		case int64, []any:
			usual[key] = tomlValue(v)
		default:
			a.wrong(at, "", "[[meters]]: %s must be %s, but is %s", key, "a text in quotes", typeName(v))
		}
	}
	delete(usual, "file")
	for _, key := range slices.Sorted(maps.Keys(usual)) {
		if !slices.Contains(columns, key) {
			a.wrong(at, "known here: file, "+strings.Join(columns, ", "), "%s: unknown key %q", "[[meters]]", key)
			delete(usual, key)
		}
	}
	rows, problems := readSheet(name, text)
	a.problems = append(a.problems, problems...)
	for _, r := range rows {
		if out.b.Len() > MostConfig {
			return // it is told
		}
		from := origin{name, r.line}
		out.add("[[meter]]", from)
		for _, key := range columns {
			value, ok := r.cells[key]
			if !ok {
				value, ok = usual[key]
			}
			switch {
			case ok && value == "":
				out.add(key+` = ""`, from)
				out.left = append(out.left, len(out.origins))
			case ok:
				out.add(key+" = "+value, from)
			}
		}
	}
}

// tomlValue writes a whole number, or a list of texts.
func tomlValue(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	var all []string
	for _, v := range list {
		all = append(all, quoted(fmt.Sprint(v)))
	}
	return "[" + strings.Join(all, ", ") + "]"
}
