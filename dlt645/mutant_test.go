//go:build mutants

package dlt645

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mutants are copies of this package with one mistake each: another operator,
// constant or row of a table. A test of the package has to fail for each, else
// nothing holds what was changed.
//
// The copy stands in for its file by go build -overlay. Which mutants are made
// depends on the seed and on their own line alone, so that a change elsewhere
// does not exchange them all.

var (
	mutants    = flag.Int("mutants", 200, "how many mutants to make")
	mutantSeed = flag.Int("seed", 1, "which of all mutants")
	onlyMutant = flag.String("mutant", "", "only those whose description holds one of these lines")
)

// mutant is one mistake in a file.
type mutant struct {
	file       string
	start, end int // what is replaced
	with       string
	what       string // the line and the change
	table      bool   // of a row of a table
}

// mutantTime bounds a run of the tests; a mutant that loops is killed by it.
const mutantTime = 4 * time.Minute

func TestEachMutantIsKilled(t *testing.T) {
	equal := equalMutants(t)
	chosen := choose(allMutants(t))
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu                                sync.Mutex
		killed, broken, timedOut, survive int
	)
	next := make(chan mutant)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			tmp := t.TempDir()
			for m := range next {
				how := m.run(t.Context(), dir, tmp)
				mu.Lock()
				switch {
				case how == "killed":
					killed++
				case how == "does not build":
					broken++
				case how == "timed out":
					timedOut++
				case equal[m.what] != "":
					t.Logf("as good as the original (%s): %s", equal[m.what], m.what)
				default:
					survive++
					t.Errorf("no test fails for: %s", m.what)
				}
				mu.Unlock()
			}
		})
	}
	n := 0
	for _, m := range chosen {
		if slices.ContainsFunc(strings.Split(*onlyMutant, "\n"), func(s string) bool { return strings.Contains(m.what, s) }) {
			next <- m
			n++
		}
	}
	close(next)
	all.Wait()
	t.Logf("%d mutants: %d killed by a test, %d by its time, %d do not build, %d survive", n, killed, timedOut, broken, survive)
}

// run tests a mutant.
func (m mutant) run(ctx context.Context, dir, tmp string) string {
	src, err := os.ReadFile(filepath.Join(dir, m.file))
	if err != nil {
		return err.Error()
	}
	changed := slices.Concat(src[:m.start], []byte(m.with), src[m.end:])
	copied, overlay := filepath.Join(tmp, m.file), filepath.Join(tmp, "overlay.json")
	j, _ := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(dir, m.file): copied}})
	if err := errorOf(os.WriteFile(copied, changed, 0o600), os.WriteFile(overlay, j, 0o600)); err != nil {
		return err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, mutantTime)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", filepath.Join(tmp, "test"), ".")
	if build.Run() != nil {
		return "does not build"
	}
	test := exec.CommandContext(ctx, filepath.Join(tmp, "test"), "-test.short", "-test.failfast", "-test.timeout", "100s")
	var out bytes.Buffer
	test.Stdout, test.Stderr = &out, &out
	switch err := test.Run(); {
	case err == nil:
		return "survives"
	case ctx.Err() != nil || strings.Contains(out.String(), "panic: test timed out"):
		return "timed out"
	}
	return "killed"
}

func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// choose gives as many as are wanted, three of ten of tables.
func choose(all []mutant) []mutant {
	order := func(m mutant) uint64 {
		h := fnv.New64a()
		fmt.Fprint(h, *mutantSeed, m.what)
		return h.Sum64()
	}
	slices.SortStableFunc(all, func(a, b mutant) int { return cmp.Compare(order(a), order(b)) })
	var chosen []mutant
	for _, table := range []bool{false, true} {
		room := *mutants * 3 / 10
		if !table {
			room = *mutants - room
		}
		for _, m := range all {
			if m.table == table && room > 0 {
				chosen = append(chosen, m)
				room--
			}
		}
	}
	return chosen
}

// equalMutants reads testdata/mutants.txt: lines of a mutant that says the same
// as the original, a tab, and why.
func equalMutants(t *testing.T) map[string]string {
	b, err := os.ReadFile("testdata/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	equal := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if what, why, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && line[0] != '#' {
			equal[what] = why
		}
	}
	return equal
}

// operators gives what stands in the place of each.
var operators = map[token.Token]token.Token{
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.LAND: token.LOR, token.LOR: token.LAND, token.AND: token.OR, token.OR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
	token.AND_NOT: token.AND, token.XOR: token.OR,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.OR_ASSIGN: token.AND_ASSIGN, token.INC: token.DEC, token.DEC: token.INC,
}

// allMutants gives every mutant of the package.
func allMutants(t *testing.T) []mutant {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []mutant
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		maker{file: name, src: src, set: set, seen: map[string]int{}, add: func(m mutant) { all = append(all, m) }}.walk(f)
	}
	return all
}

// maker makes the mutants of one file.
type maker struct {
	file string
	src  []byte
	set  *token.FileSet
	seen map[string]int // how often a change is in a line
	add  func(mutant)
}

func (k maker) walk(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		table := ok && g.Tok == token.VAR
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				k.operator(n.OpPos, n.Op)
			case *ast.AssignStmt:
				k.operator(n.TokPos, n.Tok)
			case *ast.IncDecStmt:
				k.operator(n.TokPos, n.Tok)
			case *ast.UnaryExpr:
				if n.Op == token.NOT {
					k.change(n.OpPos, 1, "", false)
				}
			case *ast.Ident:
				if other, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
					k.change(n.Pos(), len(n.Name), other, table)
				}
			case *ast.BasicLit:
				k.literal(n, table)
			case *ast.ImportSpec:
				return false
			}
			return true
		})
	}
}

func (k maker) operator(pos token.Pos, op token.Token) {
	if other, ok := operators[op]; ok {
		k.change(pos, len(op.String()), other.String(), false)
	}
}

// literal changes a number by one, and a row of a table at one place.
func (k maker) literal(l *ast.BasicLit, table bool) {
	switch {
	case l.Kind == token.INT:
		n, err := strconv.ParseUint(l.Value, 0, 64)
		if err != nil {
			return
		}
		with := fmt.Sprint(n + 1)
		if strings.HasPrefix(l.Value, "0x") {
			with = fmt.Sprintf("%#x", n+1)
		}
		k.change(l.Pos(), len(l.Value), with, table)
	case k.file == "chinese.go" && l.Kind == token.STRING: // a test compares it with where it comes from
	case l.Kind == token.STRING && table && l.Value[0] == '`':
		at := 1
		for line := range strings.Lines(l.Value[1 : len(l.Value)-1]) {
			if len(line) > 10 && line[0] != '#' {
				k.row(l.Pos()+token.Pos(at), line)
			}
			at += len(line)
		}
	case l.Kind == token.STRING && table && len(l.Value) > 2:
		k.change(l.Pos()+1, len(l.Value)-2, otherFormat(l.Value[1:len(l.Value)-1]), true)
	}
}

// row makes a mutant of each column of a row.
func (k maker) row(pos token.Pos, line string) {
	at := 1
	for i, column := range strings.SplitN(line[1:len(line)-1], " ", 5) {
		with := column + "x"
		switch i {
		case 0: // a code: another last digit
			with = column[:len(column)-1] + string("123456789ABCDEF0"[strings.IndexByte("0123456789ABCDEF", column[len(column)-1])])
		case 1:
			with = map[string]string{"single": "byTariff", "byTariff": "byPhase14", "byPhase14": "byTariff", "byPhase": "byTotal", "byTotal": "byPhase", "byTariff97": "single"}[column]
			if with == "" {
				with = "single"
			}
		case 2:
			with = otherFormat(column)
		}
		k.change(pos+token.Pos(at), len(column), with, true)
		at += len(column) + 1
	}
}

// otherFormat moves a point, takes a sign or letter away, or makes a text another.
func otherFormat(s string) string {
	switch i := strings.IndexByte(s, '.'); {
	case strings.HasPrefix(s, "±"):
		return s[len("±"):]
	case i > 0 && i < len(s)-1 && s[i-1] == 'X' && s[i+1] == 'X':
		return s[:i-1] + ".X" + s[i+1:]
	case strings.HasPrefix(s, "NN") && len(s)%2 == 0:
		return s[2:] + "N.N"[:max(0, 3-len(s))] + strings.Repeat("N", max(0, 4-len(s)))
	}
	return s + "x"
}

// change makes a mutant, named by its line.
func (k maker) change(pos token.Pos, n int, with string, table bool) {
	start := k.set.Position(pos).Offset
	from := bytes.LastIndexByte(k.src[:start], '\n') + 1
	end := len(k.src)
	if i := bytes.IndexByte(k.src[start:], '\n'); i >= 0 {
		end = start + i
	}
	what := fmt.Sprintf("%s: %s: %s → %s", k.file, strings.TrimSpace(string(k.src[from:end])), k.src[start:start+n], cmp.Or(with, "nothing"))
	what = strings.Join(strings.Fields(what), " ")
	if k.seen[what]++; k.seen[what] > 1 {
		what += fmt.Sprintf(" (%d)", k.seen[what])
	}
	k.add(mutant{file: k.file, start: start, end: start + n, with: with, what: what, table: table})
}
