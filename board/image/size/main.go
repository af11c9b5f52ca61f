// Command size prints what each part of a program costs on flash: size FLASHED
// SYMBOLS, both of the same sources, the second linked with its symbols.
//
// A part is a list of packages, in parts.tsv. Code and data are counted by
// symbol. The tables that go with each function (lines, stack maps) have no
// symbols: they are shared out by the size of the code. Texts and types of all
// packages are merged by the linker and are one row.
package main

import (
	"cmp"
	"debug/elf"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

//go:embed parts.tsv
var partsTable string

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: size FLASHED SYMBOLS")
		os.Exit(2)
	}
	if err := run(os.Stdout, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, flashed, symbols string) error {
	info, err := os.Stat(flashed)
	if err != nil {
		return err
	}
	f, err := elf.Open(symbols)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := costs(f, readParts(partsTable))
	if err != nil {
		return fmt.Errorf("%s: %w", symbols, err)
	}
	rest := info.Size()
	for _, r := range rows {
		rest -= r.bytes()
	}
	return print(w, append(rows, row{part: "headers, and what is between the sections", data: rest}), info.Size())
}

// row is what a part costs, in bytes.
type row struct {
	part         string
	code, tables int64
	data         int64
}

func (r row) bytes() int64 { return r.code + r.tables + r.data }

func print(w io.Writer, rows []row, size int64) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "KiB\tof all\tcode\tits tables\tdata\t  part")
	for _, r := range rows {
		fmt.Fprintf(t, "%d\t%.1f %%\t%d\t%d\t%d\t  %s\n", r.bytes()>>10, 100*float64(r.bytes())/float64(size), r.code>>10, r.tables>>10, r.data>>10, r.part)
	}
	fmt.Fprintf(t, "%d\t\t\t\t\t  %d bytes\n", size>>10, size)
	return t.Flush()
}

// parts gives the part of a package by its path.
type parts map[string]string

func readParts(table string) parts {
	p := parts{}
	for line := range strings.Lines(table) {
		if part, packages, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(line, "#") {
			for path := range strings.FieldsSeq(packages) {
				p[path] = part
			}
		}
	}
	return p
}

const unnamed = "packages that parts.tsv does not name"

// of gives the part of a package: that of the longest path above it.
func (p parts) of(path string) string {
	for {
		if part, ok := p[path]; ok {
			return part
		}
		up := strings.LastIndexByte(path, '/')
		if up < 0 {
			return unnamed
		}
		path = path[:up]
	}
}

// packageOf gives the package of a symbol, as of "meterd/meter.(*Bus).Run",
// "type:.eq.net.IPAddr" or "net/http.Do[go.shape.int]".
func packageOf(symbol string) string {
	symbol = strings.TrimPrefix(symbol, "type:.eq.")
	symbol = strings.TrimPrefix(symbol, "type:.hash.")
	if i := strings.IndexAny(symbol, "[("); i >= 0 {
		symbol = symbol[:i]
	}
	path := strings.LastIndexByte(symbol, '/') + 1
	dot := strings.IndexByte(symbol[path:], '.')
	if dot < 0 {
		return "runtime" // in assembly
	}
	symbol = symbol[:path+dot]
	// The linker writes a dot in the last element of a path as %2e.
	return strings.ReplaceAll(symbol, "%2e", ".")
}

// merged tells that a symbol belongs to all: texts, types, tables of interfaces.
func merged(symbol string) bool {
	return strings.HasPrefix(symbol, "go:") || strings.HasPrefix(symbol, "type:") && !strings.HasPrefix(symbol, "type:.")
}

// costs gives the parts, dearest first, and last what belongs to all.
func costs(f *elf.File, p parts) ([]row, error) {
	all, err := f.Symbols()
	if errors.Is(err, elf.ErrNoSymbols) {
		return nil, errors.New("it has no symbols: link it without -s")
	}
	if err != nil {
		return nil, err
	}
	by := map[string]*row{}
	var loaded, named, code, tables int64
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Type != elf.SHT_NOBITS {
			loaded += int64(s.Size)
		}
		if s.Name == ".gopclntab" {
			tables += int64(s.Size)
		}
	}
	counted := map[uint64]bool{} // some have several names
	for _, s := range all {
		if s.Size == 0 || int(s.Section) >= len(f.Sections) || counted[s.Value] {
			continue
		}
		section := f.Sections[s.Section]
		switch {
		case section.Type == elf.SHT_NOBITS, section.Flags&elf.SHF_ALLOC == 0, section.Name == ".gopclntab", section.Name == ".typelink":
			continue
		case s.Name == "go:func.*", s.Name == "runtime.findfunctab":
			counted[s.Value] = true
			tables += int64(s.Size)
			continue
		case merged(s.Name):
			continue
		}
		counted[s.Value] = true
		part := p.of(packageOf(s.Name))
		if by[part] == nil {
			by[part] = &row{part: part}
		}
		if section.Flags&elf.SHF_EXECINSTR != 0 {
			by[part].code += int64(s.Size)
			code += int64(s.Size)
		} else {
			by[part].data += int64(s.Size)
		}
		named += int64(s.Size)
	}
	if code == 0 {
		return nil, errors.New("it has no code")
	}
	rows := make([]row, 0, len(by)+1)
	for _, r := range by {
		r.tables = tables * r.code / code
		rows = append(rows, *r)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.bytes(), a.bytes()), strings.Compare(a.part, b.part))
	})
	return append(rows, row{part: "texts and types of all", data: loaded - named - tables}), nil
}
